"""The analytic renderer: coverage as a closed form, differentiable, any size and aspect, no weights.

On the CPU a compiled kernel (`kernel.c`) paints straight onto the canvas and never stores a coverage map;
elsewhere, and where there is no compiler, `coverage.py` gives the same numbers in PyTorch.
"""

from __future__ import annotations

import ctypes
import functools
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from paint_gym.renderers.analytic import kernel
from paint_gym.renderers.analytic.coverage import coverage, to_pixels
from paint_gym.renderers.base import Renderer, Size, check_strokes, colours_of, composite, height_width

BANDS = 8
"""Bands of rows into which the gradient of a small batch is cut; fixed, so that it is the same for any number
of threads."""


class AnalyticRenderer(Renderer):
    """Strokes with a pixel-wide soft edge; exact derivatives in the canvas and all parameters."""

    name = "analytic"
    differentiable = True

    def __call__(self, strokes: Tensor, size: Size) -> Tensor:
        """Coverage ``(N, H, W)`` in [0, 1] of stroke vectors ``(N, stroke_dim)``; their colour is ignored."""
        height, width = height_width(size)
        nodes = self._nodes(strokes, height, width)
        if not _has_kernel(nodes):
            return coverage(nodes, height, width, self.design.primitive)
        canvas = nodes.new_zeros(len(strokes), 1, height, width)
        white = nodes.new_ones(len(strokes), 1, 1)
        return _Paint.apply(canvas, nodes.unsqueeze(1), white, self.design.primitive == "polygon").squeeze(1)

    def paint(self, canvas: Tensor, strokes: Tensor) -> Tensor:
        """The canvas ``(B, 3, H, W)`` after strokes ``(B, K, stroke_dim)``, in order."""
        return self._paint(canvas, self._nodes(strokes, *canvas.shape[-2:]), colours_of(strokes))

    def paint_part(self, part: Tensor, strokes: Tensor, top: Tensor, left: Tensor, size: Size) -> Tensor:
        """A part of each canvas, without painting the rest; see `Renderer.paint_part`."""
        x, y, *rest = self._nodes(strokes, *height_width(size)).unbind(-1)
        nodes = torch.stack([x - left.view(-1, 1, 1), y - top.view(-1, 1, 1), *rest], -1)
        return self._paint(part, nodes, colours_of(strokes))

    def _paint(self, canvas: Tensor, nodes: Tensor, colours: Tensor) -> Tensor:
        if not _has_kernel(nodes) or canvas.device != nodes.device:
            height, width = canvas.shape[-2:]
            for k in range(nodes.shape[1]):  # one at a time: a coverage map of all strokes can be large
                alpha = coverage(nodes[:, k], height, width, self.design.primitive)
                canvas = composite(canvas, alpha, colours[:, k])
            return canvas
        return _Paint.apply(canvas, nodes, colours.to(nodes.dtype), self.design.primitive == "polygon")

    def _nodes(self, strokes: Tensor, height: int, width: int) -> Tensor:
        check_strokes(strokes, self.design)
        strokes = strokes.double() if strokes.dtype == torch.float64 else strokes.float()
        nodes = self.design.outline(strokes, segments(height, width), self.opacity)
        return to_pixels(nodes, height, width, self.design.primitive)


def segments(height: int, width: int) -> int:
    """Pieces that a curve is cut into: 12 at 128 px, more on larger canvases, so that no corner is seen.

    The polyline of n pieces is nowhere further from its curve than 0.35 / n^2 canvas sides: at most 0.35
    pixels, a hundredth of that for most strokes.
    """
    return max(8, math.ceil(math.sqrt(max(height, width))))


def _has_kernel(nodes: Tensor) -> bool:
    return nodes.device.type == "cpu" and kernel.load(nodes.dtype) is not None


@functools.cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="paint")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_threads.cache_clear)


def _in_parallel(call: Callable[[int, int], int], items: int, work: int) -> None:
    """Run ``call(first, end)`` over all items, in chunks on torch's number of threads."""
    threads = min(torch.get_num_threads(), items)
    if threads == 1 or work < 100_000:
        failures = [call(0, items)]
    else:
        chunks = min(items, 4 * threads)
        cuts = [items * i // chunks for i in range(chunks + 1)]
        failures = list(_threads(threads).map(call, cuts[:-1], cuts[1:]))
    if any(failures):
        raise MemoryError("out of memory while painting; paint fewer strokes at once or a smaller canvas")


def _pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


class _Paint(torch.autograd.Function):
    """The kernel for autograd: canvas (B, C, H, W), nodes (B, K, M, 4) in pixels, colours (B, K, C)."""

    @staticmethod
    def forward(ctx: Any, canvas: Tensor, nodes: Tensor, colours: Tensor, polygon: bool) -> Tensor:
        canvas, nodes, colours = canvas.to(nodes.dtype).contiguous(), nodes.contiguous(), colours.contiguous()
        images, channels, height, width = canvas.shape
        shape = kernel.Shape(images, nodes.shape[1], nodes.shape[2], channels, height, width, polygon)
        out = torch.empty_like(canvas)
        library = kernel.load(nodes.dtype)
        assert library is not None
        pointers = [_pointer(tensor) for tensor in (canvas, nodes, colours, out)]
        _in_parallel(
            lambda first, end: library.paint(*pointers, shape, first, end),
            images * height,
            images * height * width * nodes.shape[1],
        )
        ctx.save_for_backward(canvas, nodes, colours)
        ctx.shape = shape
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        canvas, nodes, colours = ctx.saved_tensors
        shape: kernel.Shape = ctx.shape
        bands = 1 if shape.images >= BANDS else BANDS
        grad_out = grad_out.to(nodes.dtype).contiguous()
        grad_canvas = torch.empty_like(canvas) if ctx.needs_input_grad[0] else None
        grad_nodes = nodes.new_zeros(shape.images, bands, *nodes.shape[1:])
        grad_colours = colours.new_zeros(shape.images, bands, *colours.shape[1:])
        library = kernel.load(nodes.dtype)
        assert library is not None
        tensors = (canvas, nodes, colours, grad_out, grad_canvas, grad_nodes, grad_colours)
        pointers = [_pointer(tensor) for tensor in tensors]
        _in_parallel(
            lambda first, end: library.paint_backward(*pointers, shape, bands, first, end),
            shape.images * bands,
            canvas.numel() * shape.strokes,
        )
        return grad_canvas, grad_nodes.sum(1), grad_colours.sum(1), None
