"""Statistics over seeds."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.harness.statistics import interquartile_mean, interval


def test_interquartile_mean_leaves_out_the_ends() -> None:
    assert interquartile_mean(np.array([1.0, 2.0, 3.0, 4.0, 100.0])) == 3
    assert interquartile_mean(np.array([1.0, 2.0, 6.0])) == 3  # too few to leave any out


def test_interval_covers_the_mean_as_often_as_it_says() -> None:
    """Of many samples of 20 normal numbers, about 95% of the intervals hold the true mean."""
    rng = np.random.default_rng(0)
    found = [interval(rng.normal(5, 1, 20).tolist()) for _ in range(200)]
    assert all(low < mean < high for mean, low, high in found if low is not None and high is not None)
    covered = np.mean([low < 5 < high for _, low, high in found if low is not None and high is not None])
    assert 0.88 < covered < 0.98


def test_interval_of_few() -> None:
    assert interval([1.0]) == (1.0, None, None)
    assert interval([1.0, 2.0, 3.0]) == (2.0, 1.0, 3.0)
    mean, low, high = interval([2.0, 2.0])
    assert (mean, low, high) == (2.0, pytest.approx(2.0), pytest.approx(2.0))
