"""Scores against values worked out by hand, and intervals that hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.painting.evaluation import l2_by_raster, mean_interval, score_painting
from paint_gym import Painting


def grey(value: int, size: int = 16) -> np.ndarray:
    return np.full((3, size, size), value, np.uint8)


def random_painting(strokes: int = 7) -> Painting:
    return Painting(np.random.default_rng(0).random((strokes, 13)), size=32)


def test_a_constant_offset() -> None:
    a, b, c1 = 0.2, 0.6, 1e-4  # no variance: what is left of SSIM is its luminance term
    scores = score_painting(Painting([], background=(a, a, a)), grey(round(b * 255)), 1)
    assert scores.l2.tolist() == pytest.approx([(b - a) ** 2], rel=1e-5)
    assert scores.psnr == pytest.approx(-10 * math.log10((b - a) ** 2), rel=1e-5)
    assert scores.ssim == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), rel=1e-5)


@pytest.mark.parametrize("every", [1, 3, 7, 100])
def test_the_curve_is_the_l2_of_the_painting_so_far(every: int) -> None:
    painting, target = random_painting(), grey(100, 32)
    counts = [*range(0, 7, every), 7]
    expected = l2_by_raster([painting[:count] for count in counts], np.stack([target] * len(counts)))
    assert score_painting(painting, target, every).l2 == pytest.approx(expected, rel=1e-6)


def test_interval_holds_the_true_mean_as_often_as_promised() -> None:
    samples = np.random.default_rng(0).normal(1, 3, (50, 200))  # 200 experiments of 50 pictures
    held = 0
    for i, sample in enumerate(samples.T):
        _, low, high = mean_interval(sample, resamples=500, seed=i)
        held += bool(low <= 1 <= high)
    assert 0.9 <= held / 200 <= 0.98
