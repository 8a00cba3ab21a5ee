"""The analytic renderer: coverage as a closed form, differentiable, any size and aspect, no weights.

Kernels paint straight onto the canvas and never store a coverage map: on the CPU one in C (`kernel.c`), on
NVIDIA's and AMD's GPUs one in Triton (`triton/kernels.py`). Elsewhere, and where they cannot be had,
`coverage.py` gives the same numbers in PyTorch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from paint_gym.renderers.analytic.autograd import (
    are_followed,
    final,
    once,
    only_pytorch_follows,
)
from paint_gym.renderers.analytic.backends import Backend, choose
from paint_gym.renderers.analytic.coverage import coverage
from paint_gym.renderers.analytic.nodes import outline
from paint_gym.renderers.base import (
    Renderer,
    Size,
    check_places,
    check_strokes,
    composite,
    height_width,
    match_batches,
)
from paint_gym.utils.images import is_concrete

AT_ONCE = 2**20
"""Strokes times pixels whose maps autograd may keep without the kernel: a quarter of a gigabyte."""


class AnalyticRenderer(Renderer):
    """Strokes with a pixel-wide soft edge; exact first derivatives in the canvas and all parameters.

    Second derivatives are refused (RuntimeError): where a stroke is nearest, and which part covers a pixel
    last, is found without gradients. `torch.autograd.functional.jvp` is made of them; take `torch.func.jvp`.

    Alphas beyond [0, 1] are clipped. No other number is, so that strokes may reach beyond the canvas.
    """

    name = "analytic"
    differentiable = True

    def __call__(self, strokes: Tensor, size: Size) -> Tensor:
        """Coverage ``(N, H, W)`` in [0, 1] of stroke vectors ``(N, stroke_dim)``; their colour is ignored."""
        height, width = height_width(size)
        nodes, _ = self._outline(strokes, height, width)
        if choose(nodes) is None:
            return coverage(once(nodes), height, width, self.design.primitive)
        canvas = nodes.new_zeros(len(strokes), 1, height, width)
        white = nodes.new_ones(len(strokes), 1, 1)
        return paint_nodes(canvas, nodes.unsqueeze(1), white, self.design.primitive).squeeze(1)

    def paint(self, canvas: Tensor, strokes: Tensor) -> Tensor:
        """The canvas ``(B, 3, H, W)`` after strokes ``(B, K, stroke_dim)``; see `Renderer.paint`."""
        canvas, strokes = match_batches(canvas, strokes)
        return self._paint(canvas, *self._outline(strokes, *canvas.shape[-2:]))

    def paint_part(self, part: Tensor, strokes: Tensor, top: Tensor, left: Tensor, size: Size) -> Tensor:
        """A part of each canvas, without painting the rest; see `Renderer.paint_part`."""
        part, strokes = match_batches(part, strokes)
        check_places(part, top, left)
        nodes, colours = self._outline(strokes, *height_width(size))
        corner = functional.pad(torch.stack([left, top], -1), (0, 2)).view(-1, 1, 1, 4)  # no radius, no alpha
        return self._paint(part, nodes - corner.to(nodes.dtype), colours)

    def _paint(self, canvas: Tensor, nodes: Tensor, colours: Tensor) -> Tensor:
        canvas, colours = canvas.to(nodes.dtype), colours.to(nodes.dtype)
        return paint_nodes(canvas, nodes, colours, self.design.primitive)

    def _outline(self, strokes: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        check_strokes(strokes, self.design)
        strokes = strokes.double() if strokes.dtype == torch.float64 else strokes.float()
        return outline(strokes, self.design, self.opacity, height, width)


def paint_nodes(canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str) -> Tensor:
    """The canvas after strokes, by a kernel where there is one; arguments as `paint_by_definition`."""
    backend = choose(canvas, nodes, colours)
    if backend is None:
        return paint_by_definition(once(canvas), once(nodes), once(colours), primitive)
    if are_followed(canvas, nodes, colours):
        return _Paint.apply(canvas, nodes, colours, primitive, backend)
    inputs = canvas.contiguous(), nodes.contiguous(), colours.contiguous()
    return backend.paint(*inputs, primitive, keep=False)[0]


def paint_by_definition(canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str) -> Tensor:
    """The canvas after strokes, in PyTorch: what the kernel computes, on any device and under any transform.

    On the CPU, where a gradient is wanted of more than `AT_ONCE`, the backward pass paints again, some rows
    and some strokes at a time.

    Args:
        canvas: ``(B, C, H, W)``.
        nodes: ``(B, K, M, 4)`` in pixels.
        colours: ``(B, K, C)``.
        primitive: ``"sweep"`` or ``"polygon"``.
    """
    batch, _, height, width = canvas.shape
    if not nodes.shape[1]:
        return canvas.clone()
    tensors = (canvas, nodes, colours)
    at_once = batch * height * width * nodes.shape[1] <= AT_ONCE or not are_followed(*tensors)
    elsewhere = canvas.device.type != "cpu" or torch.compiler.is_compiling() or not is_concrete(*tensors)
    if at_once or elsewhere or only_pytorch_follows(*tensors):
        return _paint_rows(canvas, nodes, colours, primitive)
    rows = max(1, AT_ONCE // 8 // (batch * width))
    strokes = max(1, AT_ONCE // (batch * width * min(rows, height)))
    bands = canvas.split(rows, 2)
    painted = [
        _PaintBand.apply(band, nodes, colours, primitive, i * rows, strokes) for i, band in enumerate(bands)
    ]
    return torch.cat(painted, 2)


def _paint_rows(canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str, top: int = 0) -> Tensor:
    """Rows of the canvas from `top` on after strokes, one at a time: a map of all strokes can be large."""
    height, width = canvas.shape[-2:]
    for k in range(nodes.shape[1]):
        alpha = coverage(nodes[:, k], height, width, primitive, top)
        canvas = composite(canvas, alpha, colours[:, k])
    return canvas


class _PaintBand(torch.autograd.Function):
    """`_paint_rows` that keeps only its inputs: the backward pass paints again, `count` strokes at a time."""

    @staticmethod
    def forward(
        ctx: Any, canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str, top: int, count: int
    ) -> Tensor:
        ctx.save_for_backward(canvas, nodes, colours)
        ctx.primitive, ctx.top, ctx.count = primitive, top, count
        return _paint_rows(canvas, nodes, colours, primitive, top)

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        canvas, nodes, colours = (tensor.detach() for tensor in saved)
        parts = list(zip(nodes.split(ctx.count, 1), colours.split(ctx.count, 1), strict=True))
        begun = canvas.new_empty(len(parts), *canvas.shape)  # the canvas before each part
        with torch.no_grad():
            for i, part in enumerate(parts):
                begun[i] = canvas
                if i < len(parts) - 1:
                    canvas = _paint_rows(canvas, *part, ctx.primitive, ctx.top)
        grad, gradients = grad_out, []
        for before, (some, their_colours) in zip(begun.flip(0), reversed(parts), strict=True):
            inputs = [tensor.detach().requires_grad_() for tensor in (before, some, their_colours)]
            with torch.enable_grad():
                painted = _paint_rows(inputs[0], inputs[1], inputs[2], ctx.primitive, ctx.top)
            grad, *of_part = torch.autograd.grad(painted, inputs, grad)
            gradients.append(of_part)
        grads = [grad, *(torch.cat(each[::-1], 1) for each in zip(*gradients, strict=True))]
        return (*(final(each, grad_out, *saved) for each in grads), None, None, None)


class _Paint(torch.autograd.Function):
    """A kernel for autograd: canvas (B, C, H, W), nodes (B, K, M, 4) in pixels, colours (B, K, C)."""

    @staticmethod
    def forward(
        ctx: Any, canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str, backend: Backend
    ) -> Tensor:
        inputs = canvas.contiguous(), nodes.contiguous(), colours.contiguous()
        painted, kept = backend.paint(*inputs, primitive, keep=True)
        ctx.save_for_backward(canvas, nodes, colours, *kept)
        ctx.primitive, ctx.backend = primitive, backend
        return painted

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # once: checkpointing computes them when they are asked for
        gradients = _Paint._gradients(ctx, saved, grad_out)
        return (*(final(each, grad_out, *saved[:3]) for each in gradients), None, None)

    @staticmethod
    def _gradients(ctx: Any, saved: tuple[Tensor, ...], grad_out: Tensor) -> list[Tensor | None]:
        canvas, nodes, colours, *kept = (tensor.detach().contiguous() for tensor in saved)
        if not is_concrete(grad_out):  # several gradients at once, by vmap
            with torch.enable_grad():
                inputs = [tensor.requires_grad_() for tensor in (canvas, nodes, colours)]
                painted = paint_by_definition(canvas, nodes, colours, ctx.primitive)
            return list(torch.autograd.grad(painted, inputs, grad_out))
        wanted = ctx.needs_input_grad[0]
        gradients = ctx.backend.paint_backward(
            canvas, nodes, colours, ctx.primitive, tuple(kept), grad_out.contiguous(), wanted
        )
        return list(gradients)
