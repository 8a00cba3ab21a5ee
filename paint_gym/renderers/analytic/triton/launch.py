"""Launches the kernels of `kernels.py`: the analytic renderer on a GPU.

With the environment variable ``TRITON_INTERPRET=1`` the same kernels run on tensors of the CPU, slowly.
Triton is imported with the first `TritonBackend`, so that the functions that count tiles need none.
"""

from __future__ import annotations

import torch
from torch import Tensor

from paint_gym.renderers.analytic.autograd import KernelBackend
from paint_gym.renderers.analytic.nodes import NodeArgs
from paint_gym.strokes import COLOUR

SIDES = (16, 8)
"""Sides of a tile, in pixels."""
BUSY_PROGRAMS = 512
"""Programs that keep a GPU busy; with fewer, tiles are smaller."""
FUSION = False
"""Whether a * b + c may be rounded once; which of them are would depend on the code around them."""
STROKE_OPTIONS = {"num_warps": 1, "enable_fp_fusion": FUSION}
"""Options of kernels with a program for each stroke."""
GATHER_OPTIONS = STROKE_OPTIONS | {"num_warps": 4}
GATHER_NODES = 512
GATHER_ROWS = 64
"""`gather_kernel` reads so many nodes at once, of at most so many groups."""
SUMS_BYTES = 2**28
"""Memory for the sums of gradients, one for each group of tiles; it limits the number of groups."""


class TritonBackend(KernelBackend):
    """The kernels in Triton, for float32.

    Raises:
        ImportError: Triton is not installed.
    """

    def __init__(self) -> None:
        from paint_gym.renderers.analytic.triton import kernels

        self.kernels = kernels

    def nodes_forward(self, strokes: Tensor, args: NodeArgs) -> tuple[Tensor, Tensor]:
        """See `KernelBackend.nodes_forward`."""
        nodes = strokes.new_empty(len(strokes), args.node_count, 4)
        colours = strokes.new_empty(len(strokes), len(COLOUR))
        with _on(strokes):
            if len(strokes):
                self.kernels.nodes_kernel[(len(strokes),)](
                    strokes, nodes, colours, args.height, args.width, *map(float, args.opacity),
                    **node_constants(args), **STROKE_OPTIONS,
                )  # fmt: skip
        return nodes, colours

    def nodes_backward(
        self, strokes: Tensor, args: NodeArgs, grad_nodes: Tensor, grad_colours: Tensor
    ) -> Tensor:
        """See `KernelBackend.nodes_backward`."""
        gradient = torch.empty_like(strokes)
        with _on(strokes):
            if len(strokes):
                self.kernels.nodes_backward_kernel[(len(strokes),)](
                    strokes, grad_nodes, grad_colours, gradient, args.height, args.width,
                    *map(float, args.opacity), **node_constants(args), **STROKE_OPTIONS,
                )  # fmt: skip
        return gradient

    def paint_forward(
        self, canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str, record: bool
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """See `KernelBackend.paint_forward`.

        The record is the segments ``(B, K, segments, 16)``, see `COLUMNS`; the box of each stroke
        ``(B, K, 4)``, left, right, top, bottom, right < left if it has no pixels; and ``(B, 2, H, W)``, log2
        of the transmittance of all strokes, as a sum of two.
        """
        launch = KernelLaunch(canvas, nodes, primitive)
        out = torch.empty_like(canvas)
        segments = nodes.new_empty(*nodes.shape[:2], launch.segments, self.kernels.COLUMNS.value)
        boxes = nodes.new_empty(*nodes.shape[:2], 4)
        transmittance = canvas.new_empty(len(canvas), 2, *canvas.shape[2:]) if record else boxes
        strokes = boxes.numel() // 4
        with _on(canvas):
            if strokes:
                self.kernels.build_segments_kernel[(strokes,)](
                    nodes, segments, boxes, **launch.segment_constants, **STROKE_OPTIONS
                )
            if canvas.numel():
                self.kernels.paint_kernel[(len(canvas) * launch.tiles,)](
                    canvas, segments, boxes, colours, out, transmittance, *launch.sizes, RECORD=record,
                    **launch.paint_constants, **launch.options,
                )  # fmt: skip
        return out, (segments, boxes, transmittance) if record else ()

    def paint_backward(
        self, inputs: tuple[Tensor, ...], primitive: str, grad_out: Tensor, canvas_grad: bool
    ) -> tuple[Tensor | None, Tensor, Tensor]:
        """See `KernelBackend.paint_backward`."""
        canvas, nodes, colours, segments, boxes, transmittance = inputs
        launch = KernelLaunch(canvas, nodes, primitive)
        grad_canvas = torch.empty_like(canvas) if canvas_grad else None
        grad_nodes, grad_colours = torch.empty_like(nodes), torch.empty_like(colours)
        strokes, channels = boxes.numel() // 4, canvas.shape[1]
        stroke_bytes = 4 * strokes * (8 * launch.segments + channels)
        groups = max(1, min(launch.tiles, SUMS_BYTES // max(1, stroke_bytes)))
        sizes = [groups * strokes * 8 * launch.segments, groups * strokes * channels]
        segment_sums, colour_sums = nodes.new_zeros(sum(sizes)).split(sizes)
        with _on(canvas):
            if canvas.numel():
                self.kernels.paint_backward_kernel[(len(canvas) * groups,)](
                    canvas, segments, boxes, colours, transmittance, grad_out, grad_canvas, segment_sums,
                    colour_sums, *launch.sizes, groups, NEEDS_GRAD=canvas_grad,
                    ONE_TILE=groups == launch.tiles, **launch.paint_constants, **launch.options,
                )  # fmt: skip
            if strokes:
                self.kernels.gather_kernel[(strokes,)](
                    segment_sums, colour_sums, grad_nodes, grad_colours, nodes.shape[1], groups,
                    **launch.gather_constants, **GATHER_OPTIONS,
                )  # fmt: skip
        return grad_canvas, grad_nodes, grad_colours


class KernelLaunch:
    """Sizes of the kernels that paint.

    Args:
        canvas: ``(B, C, H, W)``.
        nodes: ``(B, K, M, 4)``.
        primitive: ``"sweep"`` or ``"polygon"``.
        side: of a tile in pixels; by default `tile_side`.

    Attributes:
        segments: of a stroke.
        tiles: of a canvas.
        sizes: integer arguments, in the order of the kernels': strokes, height, width, columns, tiles.
        segment_constants: constants of `build_segments_kernel`.
        paint_constants: constants of `paint_kernel` and its gradient.
        gather_constants: constants of `gather_kernel`.
        options: of `paint_kernel` and its gradient.
    """

    def __init__(self, canvas: Tensor, nodes: Tensor, primitive: str, side: int | None = None) -> None:
        images, channels, height, width = canvas.shape
        strokes, count = nodes.shape[1:3]
        side = side or tile_side(images, height, width)
        rows, columns = tile_grid(side, height, width)
        self.segments, self.tiles = segment_count(count, primitive), rows * columns
        self.sizes = (strokes, height, width, columns, self.tiles)
        common = {"SEGMENTS": self.segments, "POLYGON": primitive == "polygon"}
        self.segment_constants = common | {"NODES": count, "PADDED_SEGMENTS": power_of_2(self.segments)}
        common |= {"CHANNELS": channels, "PADDED_CHANNELS": power_of_2(channels)}
        self.paint_constants = common | {"SIDE": side, "TILE_RADIUS": tile_radius(side)}
        padded = power_of_2(count)
        groups = max(1, min(GATHER_ROWS, GATHER_NODES // padded))
        self.gather_constants = common | {"NODES": count, "PADDED_NODES": padded, "ROWS": groups}
        self.options = {"num_warps": max(1, side**2 // 64), "enable_fp_fusion": FUSION}


def node_constants(args: NodeArgs) -> dict[str, int]:
    """Constants of the kernels that make nodes."""
    x, y, radius, alpha = args.places
    names = ("X0", "X1", "X2", "Y0", "Y1", "Y2", "R0", "R2", "A0", "A2")
    places = (*x, *y, radius[0], radius[2], alpha[0], alpha[2])
    sizes = {"NUMBERS": args.design.dim, "COLOURS": len(COLOUR), "POLYGON": args.polygon}
    sizes |= {"NODES": args.node_count, "PADDED_NODES": power_of_2(args.node_count)}
    return sizes | dict(zip(names, places, strict=True))


def tile_grid(side: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of tiles that cover a canvas."""
    return -(-height // side), -(-width // side)


def tile_side(images: int, height: int, width: int) -> int:
    """The first of `SIDES` that gives enough programs, or the last."""
    for side in SIDES:
        rows, columns = tile_grid(side, height, width)
        if images * rows * columns >= BUSY_PROGRAMS:
            break
    return side


def tile_radius(side: int) -> float:
    """Circumradius of a tile's pixel centres and half a pixel of soft rim.

    A segment in which the tile's centre is deeper than this covers the tile wholly.
    """
    return 0.7072 * (side - 1) + 0.51


def segment_count(nodes: int, primitive: str) -> int:
    """Segments between the nodes of a stroke: edges of a polygon, or swept discs, of a single node one."""
    return nodes if primitive == "polygon" else max(1, nodes - 1)


def power_of_2(number: int) -> int:
    """The smallest power of 2 that is not below a number of at least 1."""
    return 1 << (number - 1).bit_length()


def _on(tensor: Tensor) -> torch.cuda.device:
    """The context in which kernels start on the device of a tensor."""
    return torch.cuda.device(tensor.device if tensor.is_cuda else -1)
