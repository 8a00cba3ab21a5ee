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
    build_segments_kernel,
    gather_kernel,
    nodes_backward_kernel,
    nodes_kernel,
    paint_backward_kernel,
    paint_kernel,
)
from paint_gym.renderers.analytic.triton.tiles import segment_count, tile_grid, tile_radius, tile_side
from paint_gym.strokes import COLOUR

FUSION = False
"""Whether a * b + c may be rounded once; what it is would depend on the code around it."""
STROKE_OPTIONS = {"num_warps": 1, "enable_fp_fusion": FUSION}
"""Options of kernels of which a program sees to one stroke."""
GATHER_OPTIONS = STROKE_OPTIONS | {"num_warps": 4}
GATHER_NODES = 512
GATHER_ROWS = 64
"""`gather_kernel` looks at so many nodes at once, in so many places."""
SUMS_BYTES = 2**28
"""Bytes for the places in which programs add up gradients; there are fewer programs where they take more."""


def outline(strokes: Tensor, form: Form) -> tuple[Tensor, Tensor]:
    """See `backends.Backend`."""
    nodes = strokes.new_empty(len(strokes), form.nodes, 4)
    colours = strokes.new_empty(len(strokes), len(COLOUR))
    check_outline(form, strokes, nodes, colours)
    with _on(strokes):
        if len(strokes):
            nodes_kernel[(len(strokes),)](
                strokes, nodes, colours, form.height, form.width, *form.opacity,
                **outlining(form), **STROKE_OPTIONS,
            )  # fmt: skip
    return nodes, colours


def outline_backward(strokes: Tensor, form: Form, grad_nodes: Tensor, grad_colours: Tensor) -> Tensor:
    """See `backends.Backend`."""
    gradient = torch.empty_like(strokes)
    check_outline(form, strokes, grad_nodes, grad_colours, gradient)
    with _on(strokes):
        if len(strokes):
            nodes_backward_kernel[(len(strokes),)](
                strokes, grad_nodes, grad_colours, gradient, form.height, form.width, *form.opacity,
                **outlining(form), **STROKE_OPTIONS,
            )  # fmt: skip
    return gradient


def outlining(form: Form) -> dict[str, int]:
    """What the kernels of outlines are compiled for."""
    layout = form.layout
    names = ("X0", "Y0", "R0", "A0", "X1", "Y1", "R1", "A1", "XM", "YM", "STEP")
    places = (*layout.first, *layout.last, *layout.middle, layout.step)
    sizes = {"NUMBERS": form.numbers, "COLOURS": len(COLOUR), "NODES": form.nodes}
    return (
        sizes | {"PADDED_NODES": triton.next_power_of_2(form.nodes)} | dict(zip(names, places, strict=True))
    )


def paint(
    canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str, keep: bool
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """See `backends.Backend`.

    Kept are the segments ``(B, K, segments, 16)`` of `COLUMNS`; the box of each stroke ``(B, K, 4)``, left,
    right, top, bottom, right < left if it has no pixels; and ``(B, 2, H, W)``, log2 of how much of the first
    canvas is still seen, as a sum of two.
    """
    launch = KernelLaunch(canvas, nodes, colours, primitive)
    out = torch.empty_like(canvas)
    segments = nodes.new_empty(launch.images, launch.strokes, launch.segments, COLUMNS.value)
    boxes = nodes.new_empty(launch.images, launch.strokes, 4)
    transmittance = canvas.new_empty(launch.images, 2, *canvas.shape[2:]) if keep else boxes
    with _on(canvas):
        if launch.images * launch.strokes:
            build_segments_kernel[(launch.images * launch.strokes,)](
                nodes, segments, boxes, **launch.preparing, **STROKE_OPTIONS
            )
        if canvas.numel():
            paint_kernel[(launch.images * launch.tiles,)](
                canvas, segments, boxes, colours, out, transmittance, *launch.sizes, RECORD=keep,
                **launch.painting, **launch.options,
            )  # fmt: skip
    return out, (segments, boxes, transmittance) if keep else ()


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
    segments, boxes, transmittance = kept
    launch = KernelLaunch(canvas, nodes, colours, primitive)
    grad_canvas = torch.empty_like(canvas) if wanted else None
    grad_nodes, grad_colours = torch.empty_like(nodes), torch.empty_like(colours)
    strokes = launch.images * launch.strokes
    groups = max(
        1, min(launch.tiles, SUMS_BYTES // max(1, 4 * strokes * (8 * launch.segments + launch.channels)))
    )
    sizes = [groups * strokes * 8 * launch.segments, groups * strokes * launch.channels]
    segment_sums, colour_sums = nodes.new_zeros(sum(sizes)).split(sizes)
    with _on(canvas):
        if canvas.numel():
            paint_backward_kernel[(launch.images * groups,)](
                canvas, segments, boxes, colours, transmittance, grad_out, grad_canvas, segment_sums,
                colour_sums,
                *launch.sizes, groups, NEEDS_GRAD=wanted, ONE_TILE=groups == launch.tiles,
                **launch.painting, **launch.options,
            )  # fmt: skip
        if strokes:
            gather_kernel[(strokes,)](
                segment_sums, colour_sums, grad_nodes, grad_colours, launch.strokes, groups,
                **launch.gathering, **GATHER_OPTIONS,
            )  # fmt: skip
    return grad_canvas, grad_nodes, grad_colours


class KernelLaunch:
    """What the kernels are told of a launch.

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
        preparing: what `build_segments_kernel` is compiled for.
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
        self.segments = segment_count(count, primitive)
        side = side or tile_side(self.images, height, width)
        rows, columns = tile_grid(side, height, width)
        self.tiles = rows * columns
        self.sizes = (self.strokes, height, width, columns, self.tiles)
        both = {"SEGMENTS": self.segments, "POLYGON": self.polygon}
        self.preparing = both | {"NODES": count, "PADDED_SEGMENTS": triton.next_power_of_2(self.segments)}
        both |= {"CHANNELS": self.channels, "PADDED_CHANNELS": triton.next_power_of_2(self.channels)}
        self.painting = both | {"SIDE": side, "TILE_RADIUS": tile_radius(side)}
        lanes = triton.next_power_of_2(count)
        places = max(1, min(GATHER_ROWS, GATHER_NODES // lanes))
        self.gathering = both | {"NODES": count, "PADDED_NODES": lanes, "ROWS": places}
        self.options = {"num_warps": max(1, side**2 // 64), "enable_fp_fusion": FUSION}


def _on(tensor: Tensor) -> torch.cuda.device:
    """The context in which kernels start on the device of a tensor."""
    return torch.cuda.device(tensor.device if tensor.is_cuda else -1)
