"""Launches the kernels of `kernels.py`: the analytic renderer on a GPU.

With the environment variable ``TRITON_INTERPRET=1`` the same kernels run on tensors of the CPU, slowly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from paint_gym.renderers.analytic.autograd import Gradients, KernelBackend, Tensors
from paint_gym.renderers.analytic.nodes import NodeArgs
from paint_gym.strokes import COLOUR

SIDES = (16, 8)  # of a tile, in pixels
BUSY_PROGRAMS = 512  # keep a GPU busy; with fewer, tiles are smaller
FUSION = False  # a * b + c is rounded twice in both kernels, so their alphas agree to the last bit
STROKE_OPTIONS = {"num_warps": 1, "enable_fp_fusion": FUSION}  # of kernels with a program for each stroke
GATHER_OPTIONS = STROKE_OPTIONS | {"num_warps": 4}
GATHER_NODES, GATHER_ROWS = 512, 64  # `gather_kernel` reads so many nodes at once, of at most so many groups
SUMS_BYTES = 2**28  # memory for the sums of gradients of all groups of tiles; it limits the number of groups


class TritonBackend(KernelBackend):
    """The kernels in Triton, for float32; an ImportError where it is not installed."""

    def __init__(self) -> None:
        from paint_gym.renderers.analytic.triton import kernels

        self.kernels = kernels

    def run_nodes(self, name: str, args: NodeArgs, *tensors: Tensor) -> None:
        """See `KernelBackend.run_nodes`."""
        if len(tensors[0]):
            kernel = getattr(self.kernels, f"{name}_kernel")
            scale, constants = (args.height, args.width, *map(float, args.opacity)), node_constants(args)
            with _on(tensors[0]):
                kernel[(len(tensors[0]),)](*tensors, *scale, **constants, **STROKE_OPTIONS)

    def paint_forward(self, inputs: Tensors, primitive: str, record: bool) -> tuple[Tensor, Tensors]:
        """See `KernelBackend.paint_forward`.

        The record is the segments ``(B, K, segments, 16)``, see `COLUMNS`; boxes ``(B, K, 4)``, left, right,
        top, bottom; and log2 of the transmittance of all strokes ``(B, 2, H, W)``, as a sum of two.
        """
        canvas, nodes, colours = inputs
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

    def paint_backward(self, inputs: Tensors, primitive: str, grad: Tensor, canvas_grad: bool) -> Gradients:
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
                    canvas, segments, boxes, colours, transmittance, grad, grad_canvas, segment_sums,
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
    """Arguments and constants of the kernels that paint; `side`, of a tile, is `tile_side` by default."""

    def __init__(self, canvas: Tensor, nodes: Tensor, primitive: str, side: int | None = None) -> None:
        images, channels, height, width = canvas.shape
        strokes, count = nodes.shape[1:3]
        side = side or tile_side(images, height, width)
        rows, columns = -(-height // side), -(-width // side)
        self.tiles = rows * columns
        self.segments = count if primitive == "polygon" else max(1, count - 1)
        self.sizes = (strokes, height, width, columns, self.tiles)
        common = {"SEGMENTS": self.segments, "POLYGON": primitive == "polygon"}
        self.segment_constants = common | {"NODES": count, "PADDED_SEGMENTS": power_of_2(self.segments)}
        common |= {"CHANNELS": channels, "PADDED_CHANNELS": power_of_2(channels)}
        # a tile is covered if its centre is deeper than the circumradius of its pixels and half a pixel
        self.paint_constants = common | {"SIDE": side, "TILE_RADIUS": 0.7072 * (side - 1) + 0.51}
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


def tile_side(images: int, height: int, width: int) -> int:
    """The first of `SIDES` that gives enough programs, or the last."""
    enough = (side for side in SIDES if images * -(-height // side) * -(-width // side) >= BUSY_PROGRAMS)
    return next(enough, SIDES[-1])


def power_of_2(number: int) -> int:
    """The smallest power of 2 that is not below a number of at least 1."""
    return 1 << (number - 1).bit_length()


def _on(tensor: Tensor) -> torch.cuda.device:
    """The context in which kernels start on the device of a tensor."""
    return torch.cuda.device(tensor.device if tensor.is_cuda else -1)
