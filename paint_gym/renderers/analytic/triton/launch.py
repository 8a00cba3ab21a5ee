"""Calls the kernels of `triton/kernels.py`: the analytic renderer on a GPU.

With the environment variable ``TRITON_INTERPRET=1`` the same kernels run on tensors of the CPU, slowly.
"""

from __future__ import annotations

import torch
import triton
from torch import Tensor

from paint_gym.renderers.analytic.c.library import check_inputs, check_outline
from paint_gym.renderers.analytic.layout import Form
from paint_gym.renderers.analytic.triton.kernels import (
    COLUMNS,
    gather_kernel,
    outline_backward_kernel,
    outline_kernel,
    paint_backward_kernel,
    paint_kernel,
    prepare_kernel,
)
from paint_gym.renderers.analytic.triton.tiles import clear_of, pieces_of, side_of, tiles_of
from paint_gym.strokes import COLOUR

FUSION = False
"""Whether a * b + c may be rounded once; what it is would depend on the code around it."""
OF_A_STROKE = {"num_warps": 1, "enable_fp_fusion": FUSION}
"""Options of kernels of which a program sees to one stroke."""
GATHERING = OF_A_STROKE | {"num_warps": 4}
GATHERED = 512
PLACES = 64
"""`gather_kernel` looks at so many nodes at once, in so many places."""
ROOM = 2**28
"""Bytes for the places in which programs add up gradients; there are fewer programs where they take more."""


def outline(strokes: Tensor, form: Form) -> tuple[Tensor, Tensor]:
    """See `backends.Backend`."""
    nodes = strokes.new_empty(len(strokes), form.nodes, 4)
    colours = strokes.new_empty(len(strokes), len(COLOUR))
    check_outline(form, strokes, nodes, colours)
    with _on(strokes):
        if len(strokes):
            outline_kernel[(len(strokes),)](
                strokes, nodes, colours, form.height, form.width, *form.opacity,
                **outlining(form), **OF_A_STROKE,
            )  # fmt: skip
    return nodes, colours


def outline_backward(strokes: Tensor, form: Form, grad_nodes: Tensor, grad_colours: Tensor) -> Tensor:
    """See `backends.Backend`."""
    gradient = torch.empty_like(strokes)
    check_outline(form, strokes, grad_nodes, grad_colours, gradient)
    with _on(strokes):
        if len(strokes):
            outline_backward_kernel[(len(strokes),)](
                strokes, grad_nodes, grad_colours, gradient, form.height, form.width, *form.opacity,
                **outlining(form), **OF_A_STROKE,
            )  # fmt: skip
    return gradient


def outlining(form: Form) -> dict[str, int]:
    """What the kernels of outlines are compiled for."""
    layout = form.layout
    names = ("X0", "Y0", "R0", "A0", "X1", "Y1", "R1", "A1", "XM", "YM", "STEP")
    places = (*layout.first, *layout.last, *layout.middle, layout.step)
    sizes = {"NUMBERS": form.numbers, "COLOURS": len(COLOUR), "NODES": form.nodes}
    return sizes | {"LANES": triton.next_power_of_2(form.nodes)} | dict(zip(names, places, strict=True))


def paint(
    canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str, keep: bool
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """See `backends.Backend`.

    Kept are the pieces ``(B, K, pieces, 16)`` of `COLUMNS`; the box of each stroke ``(B, K, 4)``, left,
    right, top, bottom, right < left if it has no pixels; and ``(B, 2, H, W)``, log2 of how much of the first
    canvas is still seen, as a sum of two.
    """
    call = Call(canvas, nodes, colours, primitive)
    out = torch.empty_like(canvas)
    pieces = nodes.new_empty(call.images, call.strokes, call.pieces, COLUMNS.value)
    boxes = nodes.new_empty(call.images, call.strokes, 4)
    through = canvas.new_empty(call.images, 2, *canvas.shape[2:]) if keep else boxes
    with _on(canvas):
        if call.images * call.strokes:
            prepare_kernel[(call.images * call.strokes,)](
                nodes, pieces, boxes, **call.preparing, **OF_A_STROKE
            )
        if canvas.numel():
            paint_kernel[(call.images * call.tiles,)](
                canvas, pieces, boxes, colours, out, through, *call.sizes, KEEP=keep,
                **call.painting, **call.options,
            )  # fmt: skip
    return out, (pieces, boxes, through) if keep else ()


def paint_backward(
    canvas: Tensor,
    nodes: Tensor,
    colours: Tensor,
    primitive: str,
    kept: tuple[Tensor, ...],
    grad_out: Tensor,
    wanted: bool,
) -> tuple[Tensor | None, Tensor, Tensor]:
    """See `backends.Backend`."""
    pieces, boxes, through = kept
    call = Call(canvas, nodes, colours, primitive)
    grad_canvas = torch.empty_like(canvas) if wanted else None
    grad_nodes, grad_colours = torch.empty_like(nodes), torch.empty_like(colours)
    strokes = call.images * call.strokes
    groups = max(1, min(call.tiles, ROOM // max(1, 4 * strokes * (8 * call.pieces + call.channels))))
    sizes = [groups * strokes * 8 * call.pieces, groups * strokes * call.channels]
    of_pieces, of_colours = nodes.new_zeros(sum(sizes)).split(sizes)
    with _on(canvas):
        if canvas.numel():
            paint_backward_kernel[(call.images * groups,)](
                canvas, pieces, boxes, colours, through, grad_out, grad_canvas, of_pieces, of_colours,
                *call.sizes, groups, WANTED=wanted, ALONE=groups == call.tiles,
                **call.painting, **call.options,
            )  # fmt: skip
        if strokes:
            gather_kernel[(strokes,)](
                of_pieces, of_colours, grad_nodes, grad_colours, call.strokes, groups,
                **call.gathering, **GATHERING,
            )  # fmt: skip
    return grad_canvas, grad_nodes, grad_colours


class Call:
    """What the kernels are told of a call.

    Args:
        canvas: ``(B, C, H, W)``.
        nodes: ``(B, K, M, 4)``.
        colours: ``(B, K, C)``.
        primitive: ``"sweep"`` or ``"polygon"``.
        side: of a tile in pixels; by default as many as suit the size.

    Raises:
        ValueError: tensors that do not go together.

    Attributes:
        sizes: integers, in the order of the kernels' arguments: strokes, height, width, columns, tiles.
        preparing: what `prepare_kernel` is compiled for.
        painting: what `paint_kernel` is compiled for, and its gradient.
        gathering: what `gather_kernel` is compiled for.
    """

    def __init__(
        self,
        canvas: Tensor,
        nodes: Tensor,
        colours: Tensor,
        primitive: str,
        side: int | None = None,
    ) -> None:
        check_inputs(canvas, nodes, colours, primitive)
        self.images, self.channels, height, width = canvas.shape
        self.strokes, count, self.polygon = nodes.shape[1], nodes.shape[2], primitive == "polygon"
        self.pieces = pieces_of(count, primitive)
        side = side or side_of(self.images, height, width)
        rows, columns = tiles_of(side, height, width)
        self.tiles = rows * columns
        self.sizes = (self.strokes, height, width, columns, self.tiles)
        both = {"PIECES": self.pieces, "POLYGON": self.polygon}
        self.preparing = both | {"NODES": count, "LANES": triton.next_power_of_2(self.pieces)}
        both |= {"CHANNELS": self.channels, "PADDED": triton.next_power_of_2(self.channels)}
        self.painting = both | {"SIDE": side, "CLEAR": clear_of(side)}
        lanes = triton.next_power_of_2(count)
        places = max(1, min(PLACES, GATHERED // lanes))
        self.gathering = both | {"NODES": count, "LANES": lanes, "ROWS": places}
        self.options = {"num_warps": max(1, side**2 // 64), "enable_fp_fusion": FUSION}


def _on(tensor: Tensor) -> torch.cuda.device:
    """The context in which kernels start on the device of a tensor."""
    return torch.cuda.device(tensor.device if tensor.is_cuda else -1)
