"""Nodes and colours by the kernel in C, against those of PyTorch; designs with and without a layout."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from paint_gym import make_renderer
from paint_gym.renderers.analytic.autograd import TorchBackend
from paint_gym.renderers.analytic.c import library
from paint_gym.renderers.analytic.nodes import NodeArgs
from paint_gym.renderers.analytic.renderer import Backend
from paint_gym.strokes import BUILT_IN, StrokeDesign, get_stroke

DESIGNS = pytest.mark.parametrize("design", BUILT_IN, ids=lambda design: design.name)
needs_kernel = pytest.mark.skipif(library.load(torch.float64) is None, reason="no kernel, and no C compiler")


def results(backend: Backend, strokes: Tensor, args: NodeArgs) -> list[Tensor]:
    """Nodes, colours, and the gradient of a weighted sum of both."""
    leaf, generator = strokes.clone().requires_grad_(), torch.Generator().manual_seed(1)
    outputs = backend.nodes(leaf, args)
    weights = [torch.randn(output.shape, generator=generator).to(output) for output in outputs]
    return [*(output.detach() for output in outputs), *torch.autograd.grad(outputs, leaf, weights)]


def wild_strokes(design: StrokeDesign, dtype: torch.dtype) -> Tensor:
    """Strokes ``(5, 7, dim)``, some far outside the unit cube, with thin ones and negative radii."""
    generator = torch.Generator().manual_seed(0)
    strokes = torch.rand(5, 7, design.dim, generator=generator, dtype=dtype)
    strokes[3:] = 0.4 * torch.randn(2, 7, design.dim, generator=generator, dtype=dtype)
    return strokes


@needs_kernel
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
@DESIGNS
def test_kernel_equals_pytorch(design: StrokeDesign, dtype: torch.dtype, tolerance: float) -> None:
    strokes = wild_strokes(design, dtype)
    for size in ((128, 128), (40, 97), (9, 8), (1, 300)):
        for opacity in ((0.0, 1.0), (0.25, 0.75), (1.0, 1.0)):
            args = NodeArgs(design, opacity, *size)
            ours, expected = (
                results(library.load(dtype), strokes, args),
                results(TorchBackend(), strokes, args),
            )
            for output, reference in zip(ours, expected, strict=True):
                assert output.dtype == dtype
                torch.testing.assert_close(output, reference, rtol=tolerance, atol=tolerance)


@needs_kernel
@DESIGNS
def test_gradcheck(design: StrokeDesign) -> None:
    strokes = torch.rand(2, design.dim, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    args, kernel = NodeArgs(design, (0.1, 0.8), 50, 70), library.load(torch.float64)
    assert torch.autograd.gradcheck(lambda x: kernel.nodes(x, args), strokes.requires_grad_())


@needs_kernel
def test_gradients_of_both_or_one_or_many_at_once() -> None:
    args = NodeArgs(get_stroke("bezier"), (0.0, 1.0), 64, 64)
    strokes = torch.rand(2, 3, 13, dtype=torch.float64, requires_grad=True)
    nodes, colours = library.load(torch.float64).nodes(strokes, args)
    (of_colours,) = torch.autograd.grad(colours.sum(), strokes, retain_graph=True)
    assert of_colours[..., -3:].eq(1).all() and not of_colours[..., :-3].any()
    (of_nodes,) = torch.autograd.grad(nodes.sum(), strokes, retain_graph=True)
    assert not of_nodes[..., -3:].any() and of_nodes[..., :-3].any(1).all()
    weights = torch.randn(4, *nodes.shape, dtype=torch.float64)
    (many,) = torch.autograd.grad(nodes, strokes, weights, retain_graph=True, is_grads_batched=True)
    for weight, gradient in zip(weights, many, strict=True):
        (single,) = torch.autograd.grad(nodes, strokes, weight, retain_graph=True)
        torch.testing.assert_close(gradient, single, rtol=1e-10, atol=1e-10)


def test_a_function_of_ones_own_is_painted_as_it_says() -> None:
    """Even one with the name and the parameters of a built-in design."""
    circle, shift = get_stroke("circle"), torch.tensor([0.25, 0, 0, 0])
    moved = dataclasses.replace(circle, definition=lambda p, n: circle.nodes(p, n) + shift)
    strokes = torch.tensor([[0.25, 0.5, 0.1, 1.0, 1, 1, 1], [0.5, 0.5, 0.1, 1.0, 1, 1, 1]])
    painted, expected = (make_renderer("analytic", design)(strokes, 40) for design in (moved, circle))
    torch.testing.assert_close(painted[0], expected[1])


@pytest.mark.parametrize("name", ["c", "torch"])
def test_alphas_beyond_one_are_clipped(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINT_GYM_KERNEL", name)
    strokes = torch.full((3, 7), 0.5, dtype=torch.float64)
    strokes[:, 3] = torch.tensor([-0.3, 0.5, 1.5])
    strokes.requires_grad_()
    coverage = make_renderer("analytic", "circle")(strokes, 21)
    assert coverage[:, 10, 10].tolist() == [0.0, 0.5, 1.0]
    coverage.sum().backward()
    assert strokes.grad[[0, 2], 3].eq(0).all() and strokes.grad[1, 3] > 1
    assert not strokes.grad[0].any() and strokes.grad[2, 2] > 1  # an opaque disc can grow
