"""Renderers paint the same on every device, with the same gradients, and under autocast.

On a machine with a GPU, this is what tells whether its kernel is right.
"""

import dataclasses

import pytest
import torch
from torch import Tensor

from paint_gym.renderers import make_renderer
from paint_gym.strokes import BUILT_IN, StrokeDesign

RENDERERS = [("analytic", 64, 1e-4), ("neural", 128, 1e-3)]  # with a size, and what devices may differ by


@pytest.mark.parametrize(("name", "size", "tolerance"), RENDERERS)
def test_the_same_as_on_the_cpu_under_autocast(
    name: str, size: int, tolerance: float, device: torch.device
) -> None:
    strokes, canvas = torch.rand(2, 5, 13), torch.rand(2, 3, size, size)
    with torch.autocast(device.type, torch.bfloat16):
        inside = make_renderer(name).paint(canvas.to(device), strokes.to(device)).cpu()
    expected = make_renderer(name).paint(canvas, strokes)
    torch.testing.assert_close(inside, expected, rtol=tolerance, atol=tolerance)


OWN = dataclasses.replace(BUILT_IN[0], name="own", definition=BUILT_IN[0].nodes)
"""A design whose nodes PyTorch makes."""


def painted(
    inputs: tuple[Tensor, Tensor], weight: Tensor, design: StrokeDesign, corner: int | None
) -> list[Tensor]:
    """Canvases after strokes, or parts of them; the coverage of the first strokes; the gradients of all."""
    renderer = make_renderer("analytic", design, opacity=(0.1, 0.9))
    canvas, strokes = (tensor.clone().requires_grad_() for tensor in inputs)
    if corner is None:
        after = renderer.paint(canvas, strokes)
    else:
        place = torch.full((len(canvas),), corner, device=canvas.device)
        size = canvas.shape[2] + 2 * corner, canvas.shape[3] + corner
        after = renderer.paint_part(canvas, strokes, place, place // 2, size)
    coverage = renderer(strokes[:, 0], (canvas.shape[2], canvas.shape[3]))
    loss = (after * weight).sum() + (coverage * weight[:, 0]).sum()
    return [after.detach(), coverage.detach(), *torch.autograd.grad(loss, (canvas, strokes))]


@pytest.mark.parametrize("corner", [None, 8])
@pytest.mark.parametrize("size", [(16, 16), (40, 97), (128, 128)])
@pytest.mark.parametrize("design", [*BUILT_IN, OWN], ids=lambda design: design.name)
def test_gradients_agree(
    design: StrokeDesign, size: tuple[int, int], corner: int | None, device: torch.device
) -> None:
    """In float32, with float64 on the CPU; twice, to the last bit."""
    generator = torch.Generator().manual_seed(1)
    shapes = (3, 3, *size), (3, 7, design.dim)
    inputs = tuple(torch.rand(shape, generator=generator) for shape in shapes)
    weight = torch.randn(3, 3, *size, generator=generator)
    expected = painted((inputs[0].double(), inputs[1].double()), weight.double(), design, corner)
    there = (inputs[0].to(device), inputs[1].to(device))
    first, second = (painted(there, weight.to(device), design, corner) for _ in range(2))
    for ours, again, exact in zip(first, second, expected, strict=True):
        assert torch.equal(ours, again)
        assert (ours.cpu().double() - exact).norm() < 1e-3 * exact.norm()
    for ours, exact in zip(first[:2], expected[:2], strict=True):
        torch.testing.assert_close(ours.cpu().double(), exact, rtol=0, atol=1e-3)
