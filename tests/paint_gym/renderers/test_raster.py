"""The ground truth, against geometry that can be computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from paint_gym.renderers import make_renderer


def test_area_of_a_circle() -> None:
    coverage = make_renderer("raster", "circle")(torch.tensor([[0.5, 0.5, 0.6, 1.0, 0, 0, 0]]), 128)
    radius = (1 + 64 * 0.6) / 2
    assert coverage.sum().item() == pytest.approx(math.pi * radius**2, rel=0.02)


def test_area_of_a_triangle() -> None:
    coverage = make_renderer("raster", "triangle")(
        torch.tensor([[0.1, 0.1, 0.9, 0.1, 0.1, 0.9, 0.5, 0, 0, 0]]), 128
    )
    assert coverage.sum().item() == pytest.approx(0.5 * 0.5 * (0.8 * 128) ** 2, rel=0.02)


def test_area_of_a_straight_stroke() -> None:
    stroke = torch.tensor([[0.2, 0.5, 0.8, 0.5, 0.1, 1.0, 0.1, 1.0, 0, 0, 0]])
    coverage = make_renderer("raster", "straight")(stroke, 128)
    radius, length = (1 + 6.4) / 2, 0.6 * 128
    assert coverage.sum().item() == pytest.approx(2 * radius * length + math.pi * radius**2, rel=0.03)


def test_alpha_runs_along_the_stroke() -> None:
    stroke = torch.tensor([[0.0, 0.5, 1.0, 0.5, 0.02, 0.0, 0.02, 1.0, 0, 0, 0]])
    middle = make_renderer("raster", "straight")(stroke, 128)[0, 64]
    expected = (
        torch.arange(128) + 0.5 + (1 + 1.28) / 2
    ) / 128  # the last disc over a pixel is a radius further on
    assert (middle - expected.clamp(max=1)).abs().max() < 0.02


def test_it_has_no_gradient() -> None:
    strokes = torch.rand(1, 2, 13, requires_grad=True)
    assert not make_renderer("raster").paint(torch.zeros(1, 3, 16, 16), strokes).requires_grad
