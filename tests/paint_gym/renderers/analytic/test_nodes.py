"""Outlines by the kernel in C against those of the designs in PyTorch, and which designs a kernel knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from paint_gym import make_renderer
from paint_gym.renderers.analytic import nodes as outline
from paint_gym.renderers.analytic.c import library as kernel
from paint_gym.renderers.analytic.layout import LAYOUTS, form_of
from paint_gym.strokes import BUILT_IN, StrokeDesign, get_stroke

DESIGNS = pytest.mark.parametrize("design", BUILT_IN, ids=lambda design: design.name)
needs_kernel = pytest.mark.skipif(kernel.load(torch.float64) is None, reason="no kernel, and no C compiler")


def results(
    make: Callable[..., tuple[Tensor, Tensor]],
    strokes: Tensor,
    design: StrokeDesign,
    opacity: tuple[float, float],
    size: tuple[int, int],
) -> list[Tensor]:
    """Nodes, colours, and the gradient of a weighted sum of both."""
    leaf = strokes.clone().requires_grad_()
    nodes, colours = make(leaf, design, opacity, *size)
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(made.shape, generator=generator).to(made) for made in (nodes, colours)]
    (gradient,) = torch.autograd.grad([nodes, colours], leaf, weights)
    return [nodes.detach(), colours.detach(), gradient]


def assert_equal_to_the_design(
    strokes: Tensor,
    design: StrokeDesign,
    opacity: tuple[float, float],
    size: tuple[int, int],
    **tolerance: float,
) -> None:
    ours = results(outline.outline, strokes, design, opacity, size)
    expected = results(outline.outline_by_definition, strokes, design, opacity, size)
    for one, other in zip(ours, expected, strict=True):
        assert one.shape == other.shape and one.dtype == strokes.dtype
        torch.testing.assert_close(one, other, **tolerance)


@needs_kernel
@pytest.mark.parametrize("size", [(128, 128), (40, 97), (9, 8), (1, 300)])
@pytest.mark.parametrize("opacity", [(0.0, 1.0), (0.25, 0.75), (1.0, 1.0)])
@DESIGNS
def test_kernel_equals_the_design(
    design: StrokeDesign, opacity: tuple[float, float], size: tuple[int, int]
) -> None:
    """Also far outside the unit cube, where thin strokes are frequent, and negative radii."""
    generator = torch.Generator().manual_seed(0)
    strokes = torch.rand(5, 7, design.dim, generator=generator, dtype=torch.float64)
    strokes[3:] = 0.4 * torch.randn(2, 7, design.dim, generator=generator, dtype=torch.float64)
    assert_equal_to_the_design(strokes, design, opacity, size, rtol=1e-12, atol=1e-12)


@needs_kernel
@DESIGNS
def test_outlines_in_single_precision(design: StrokeDesign) -> None:
    strokes = torch.rand(300, design.dim, generator=torch.Generator().manual_seed(0))
    assert_equal_to_the_design(strokes, design, (0.0, 1.0), (64, 96), rtol=1e-5, atol=1e-4)


@needs_kernel
@DESIGNS
def test_gradcheck(design: StrokeDesign) -> None:
    strokes = torch.rand(2, design.dim, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def outlined(x: Tensor) -> tuple[Tensor, Tensor]:
        return outline.outline(x, design, (0.1, 0.8), 50, 70)

    assert torch.autograd.gradcheck(outlined, strokes.requires_grad_())


@needs_kernel
def test_gradients_of_both_or_one_or_many_at_once() -> None:
    design = get_stroke("bezier")
    strokes = torch.rand(2, 3, design.dim, dtype=torch.float64, requires_grad=True)
    nodes, colours = outline.outline(strokes, design, (0.0, 1.0), 64, 64)
    (of_colours,) = torch.autograd.grad(colours.sum(), strokes, retain_graph=True)
    assert of_colours[..., -3:].eq(1).all() and not of_colours[..., :-3].any()
    (of_nodes,) = torch.autograd.grad(nodes.sum(), strokes, retain_graph=True)
    assert not of_nodes[..., -3:].any() and of_nodes[..., :-3].any(1).all()
    weights = torch.randn(4, *nodes.shape, dtype=torch.float64)
    (many,) = torch.autograd.grad(nodes, strokes, weights, retain_graph=True, is_grads_batched=True)
    for weight, gradient in zip(weights, many, strict=True):
        (alone,) = torch.autograd.grad(nodes, strokes, weight, retain_graph=True)
        torch.testing.assert_close(gradient, alone, rtol=1e-10, atol=1e-10)


@needs_kernel
def test_strokes_in_any_memory_and_none() -> None:
    design = get_stroke("circle")
    strokes = torch.rand(4, design.dim, 6).transpose(1, 2)
    nodes, colours = outline.outline(strokes, design, (0.0, 1.0), 32, 32)
    expected = outline.outline(strokes.contiguous(), design, (0.0, 1.0), 32, 32)
    assert torch.equal(nodes, expected[0]) and torch.equal(colours, expected[1])
    nodes, colours = outline.outline(strokes[:, :0], design, (0.0, 1.0), 32, 32)
    assert nodes.shape == (4, 0, 1, 4) and colours.shape == (4, 0, 3)


def test_every_built_in_design_has_a_layout_and_no_other() -> None:
    assert set(LAYOUTS) == {design.name for design in BUILT_IN}
    for design in BUILT_IN:
        assert form_of(design, (0.0, 1.0), 32, 32) is not None
    changed = dataclasses.replace(get_stroke("bezier"), definition=lambda parameters, segments: parameters)
    assert form_of(changed, (0.0, 1.0), 32, 32) is None


def test_a_design_of_ones_own_is_painted_by_its_definition() -> None:
    """Even one with the name and the parameters of a built-in one."""

    def shifted(parameters: Tensor, segments: int) -> Tensor:
        nodes = get_stroke("circle").definition(parameters, segments)
        return nodes + nodes.new_tensor([0.25, 0, 0, 0])

    own = dataclasses.replace(get_stroke("circle"), definition=shifted)
    stroke = torch.tensor([[0.25, 0.5, 0.1, 1.0, 1, 1, 1]])
    moved = torch.tensor([[0.5, 0.5, 0.1, 1.0, 1, 1, 1]])
    ours, expected = (
        make_renderer("analytic", own)(stroke, 40),
        make_renderer("analytic", "circle")(moved, 40),
    )
    torch.testing.assert_close(ours, expected)


def test_designs_may_compute_in_another_type_or_be_of_any_kind() -> None:
    bezier = get_stroke("bezier")
    strokes, canvas = torch.rand(2, 3, 13), torch.rand(2, 3, 12, 14)
    expected = make_renderer("analytic", bezier).paint(canvas, strokes)
    double = dataclasses.replace(bezier, definition=lambda p, n: bezier.definition(p.double(), n))
    torch.testing.assert_close(make_renderer("analytic", double).paint(canvas, strokes).float(), expected)

    @dataclasses.dataclass
    class Callable:
        factor: float

        def __call__(self, parameters: Tensor, n: int) -> Tensor:
            return bezier.definition(parameters * self.factor, n)

    own = dataclasses.replace(bezier, definition=Callable(1.0))  # which cannot be hashed
    torch.testing.assert_close(make_renderer("analytic", own).paint(canvas, strokes), expected)


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


@needs_kernel
def test_nothing_but_what_fits_reaches_the_kernel() -> None:
    form = form_of(get_stroke("circle"), (0.0, 1.0), 32, 32)
    assert form is not None
    strokes = torch.rand(4, 7)
    nodes, colours = kernel.outline(strokes, form)
    for wrong in (strokes[:, :6], torch.rand(7, 4).T, strokes.to("meta")):
        with pytest.raises(ValueError, match=r"needs a contiguous|there is no kernel"):
            kernel.outline(wrong, form)
    for grads in ((nodes[:3], colours), (nodes, colours[:, :2]), (nodes.double(), colours)):
        with pytest.raises(ValueError, match="the kernel needs a contiguous"):
            kernel.outline_backward(strokes, form, *grads)
