"""Calls the kernels of `triton_kernel.py`: the analytic renderer on a GPU.

With the environment variable ``TRITON_INTERPRET=1`` the same kernels run on tensors of the CPU, slowly.
"""

from __future__ import annotations

import torch
import triton
from torch import Tensor

from paint_gym.renderers.analytic.kernel import check_inputs
from paint_gym.renderers.analytic.tiles import clear_of, pieces_of, side_of, tiles_of
from paint_gym.renderers.analytic.triton_kernel import (
    COLUMNS,
    paint_backward_kernel,
    paint_kernel,
    prepare_kernel,
)

FUSION = False
"""Whether a * b + c may be rounded once; what it is would depend on the code around it."""
PREPARING = {"num_warps": 1, "enable_fp_fusion": FUSION}
ROOM = 2**28
"""Bytes for the places in which programs add up gradients; there are fewer programs where they take more."""


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
            prepare_kernel[(call.images * call.strokes,)](nodes, pieces, boxes, **call.preparing, **PREPARING)
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
    bytes_each = 4 * call.images * call.strokes * (8 * call.pieces + call.channels)
    groups = max(1, min(call.tiles, ROOM // max(1, bytes_each)))
    of_pieces = nodes.new_zeros(call.images, groups, call.strokes, call.pieces, 8)
    of_colours = nodes.new_zeros(call.images, groups, call.strokes, call.channels)
    with _on(canvas):
        if canvas.numel():
            paint_backward_kernel[(call.images * groups,)](
                canvas, pieces, boxes, colours, through, grad_out, grad_canvas, of_pieces, of_colours,
                *call.sizes, groups, WANTED=wanted, ALONE=groups == call.tiles,
                **call.painting, **call.options,
            )  # fmt: skip
    starts, ends = of_pieces.sum(1).split(4, -1)  # of each piece, as its first and last node
    if call.polygon:
        grad_nodes = starts + ends.roll(1, 2)
    elif nodes.shape[2] == 1:
        grad_nodes = starts + ends
    else:
        grad_nodes = torch.zeros_like(nodes)
        grad_nodes[:, :, :-1] += starts
        grad_nodes[:, :, 1:] += ends
    return grad_canvas, grad_nodes, of_colours.sum(1)


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
        painting: what the others are compiled for.
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
        self.painting = both | {
            "CHANNELS": self.channels,
            "PADDED": triton.next_power_of_2(self.channels),
            "SIDE": side,
            "CLEAR": clear_of(side),
        }
        self.options = {"num_warps": max(1, side**2 // 64), "enable_fp_fusion": FUSION}


def _on(tensor: Tensor) -> torch.cuda.device:
    """The context in which kernels start on the device of a tensor."""
    return torch.cuda.device(tensor.device if tensor.is_cuda else -1)
