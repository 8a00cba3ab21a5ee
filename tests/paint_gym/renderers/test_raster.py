"""The ground truth, against geometry that can be computed by hand."""

import math

import pytest
import torch

from paint_gym.renderers import make_renderer

RADIUS = (1 + 6.4) / 2  # of r = 0.1 on 128 pixels
AREAS = {
    "circle": ([0.5, 0.5, 0.6, 1.0], math.pi * ((1 + 64 * 0.6) / 2) ** 2),
    "triangle": ([0.1, 0.1, 0.9, 0.1, 0.1, 0.9, 0.5], 0.5 * 0.5 * (0.8 * 128) ** 2),
    "straight": ([0.2, 0.5, 0.8, 0.5, 0.1, 1.0, 0.1, 1.0], 2 * RADIUS * 0.6 * 128 + math.pi * RADIUS**2),
}


@pytest.mark.parametrize("stroke", AREAS)
def test_areas(stroke: str) -> None:
    values, area = AREAS[stroke]
    coverage = make_renderer("raster", stroke)(torch.tensor([[*values, 0, 0, 0]]), 128)
    assert coverage.sum().item() == pytest.approx(area, rel=0.03)


def test_alpha_runs_along_the_stroke() -> None:
    stroke = torch.tensor([[0.0, 0.5, 1.0, 0.5, 0.02, 0.0, 0.02, 1.0, 0, 0, 0]])
    middle = make_renderer("raster", "straight")(stroke, 128)[0, 64]
    # the last disc over a pixel is a radius further on
    expected = (torch.arange(128) + 0.5 + (1 + 1.28) / 2) / 128
    assert (middle - expected.clamp(max=1)).abs().max() < 0.02


def test_it_has_no_gradient() -> None:
    strokes = torch.rand(1, 2, 13, requires_grad=True)
    assert not make_renderer("raster").paint(torch.zeros(1, 3, 16, 16), strokes).requires_grad
