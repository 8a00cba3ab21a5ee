"""Outlines of strokes in pixels: as their design says, in PyTorch; of built-in designs by a kernel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from paint_gym.renderers.analytic.autograd import are_followed, final
from paint_gym.renderers.analytic.backends import Backend, choose
from paint_gym.renderers.analytic.coverage import to_pixels
from paint_gym.renderers.analytic.layout import Form, form_of, segments
from paint_gym.renderers.base import colours_of
from paint_gym.strokes import StrokeDesign
from paint_gym.utils.images import is_concrete


def outline(
    strokes: Tensor, design: StrokeDesign, opacity: tuple[float, float], height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Nodes and colours of strokes.

    Args:
        strokes: ``(..., dim)``, float32 or float64.
        design: of the strokes.
        opacity: the range that alphas are mapped to.
        height: of the canvas, in pixels.
        width: of the canvas, in pixels.

    Returns:
        Nodes ``(..., M, 4)`` in pixels, see `to_pixels`, and colours ``(..., 3)``.
    """
    backend = choose(strokes)
    form = form_of(design, opacity, height, width)
    if backend is None or form is None:
        return outline_by_definition(strokes, design, opacity, height, width)
    rows = strokes.reshape(-1, design.dim)
    if are_followed(rows):
        nodes, colours = _Outline.apply(rows, design, form, backend)
    else:
        nodes, colours = backend.outline(rows.contiguous(), form)
    shape = strokes.shape[:-1]
    return nodes.view(*shape, *nodes.shape[1:]), colours.view(*shape, *colours.shape[1:])


def outline_by_definition(
    strokes: Tensor, design: StrokeDesign, opacity: tuple[float, float], height: int, width: int
) -> tuple[Tensor, Tensor]:
    """`outline`, in PyTorch: what the kernels compute, for any design."""
    nodes = design.nodes(strokes, segments(height, width), opacity)
    return to_pixels(nodes, height, width, design.primitive), colours_of(strokes)


class _Outline(torch.autograd.Function):
    """A kernel for autograd: strokes (N, dim) to nodes (N, M, 4) and colours (N, 3)."""

    @staticmethod
    def forward(
        ctx: Any, strokes: Tensor, design: StrokeDesign, form: Form, backend: Backend
    ) -> tuple[Tensor, Tensor]:
        strokes = strokes.contiguous()
        ctx.save_for_backward(strokes)
        ctx.design, ctx.form, ctx.backend = design, form, backend
        return backend.outline(strokes, form)

    @staticmethod
    def backward(ctx: Any, grad_nodes: Tensor, grad_colours: Tensor) -> tuple[Tensor | None, ...]:
        (strokes,) = ctx.saved_tensors
        if is_concrete(grad_nodes, grad_colours):
            grads = grad_nodes.contiguous(), grad_colours.contiguous()
            gradient = ctx.backend.outline_backward(strokes.detach(), ctx.form, *grads)
        else:  # several gradients at once, by vmap
            with torch.enable_grad():
                leaf = strokes.detach().requires_grad_()
                made = outline_by_definition(
                    leaf, ctx.design, ctx.form.opacity, ctx.form.height, ctx.form.width
                )
            (gradient,) = torch.autograd.grad(made, leaf, (grad_nodes, grad_colours))
        return final(gradient, grad_nodes, grad_colours, strokes), None, None, None
