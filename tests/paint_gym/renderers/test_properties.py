"""What holds for any strokes, of any design, with any renderer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paint_gym import make_renderer
from paint_gym.strokes import BUILT_IN, get_stroke

RENDERERS = {"analytic": 40, "raster": 40, "neural": 128}  # and a size for each
DESIGNS = [design.name for design in BUILT_IN]


def strokes_of(design: str, count: int, seed: int) -> torch.Tensor:
    """Random numbers, a third of which lie on the border of the cube."""
    rng = np.random.default_rng(seed)
    dim = get_stroke(design).dim
    numbers = rng.random((count, dim), dtype=np.float32)
    border = rng.random(numbers.shape) < 1 / 3
    return torch.from_numpy(np.where(border, numbers.round(), numbers))


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("renderer", RENDERERS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 6))
def test_coverage_is_in_0_to_1(renderer: str, design: str, seed: int, count: int) -> None:
    coverage = make_renderer(renderer, design)(strokes_of(design, count, seed), RENDERERS[renderer])
    assert coverage.min() >= 0 and coverage.max() <= 1


@pytest.mark.parametrize("design", DESIGNS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_stroke_without_alpha_changes_nothing(design: str, seed: int) -> None:
    painter, strokes = make_renderer("analytic", design), strokes_of(design, 3, seed)
    for number, kind in enumerate(painter.design.kinds):
        if kind == "alpha":
            strokes[:, number] = 0
    canvas = torch.rand(1, 3, 40, 40)
    torch.testing.assert_close(painter.paint(canvas, strokes[None]), canvas)
