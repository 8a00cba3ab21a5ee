"""Statistics over seeds: intervals cover as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.harness.statistics import interval, ratio


@pytest.mark.parametrize("count", [3, 10])
def test_intervals_cover_as_often_as_they_say(count: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.lognormal(1, 0.1, (600, count)), rng.lognormal(0, 0.3, (600, count))
    times = [low < np.e < high for _, low, high in map(ratio, a, b)]  # type: ignore[operator]
    means = [low < 1 < high for _, low, high in map(interval, np.log(a))]  # type: ignore[operator]
    assert 0.92 < np.mean(means) < 0.97 and 0.93 < np.mean(times) < 0.98


def test_one_seed_has_no_interval() -> None:
    assert interval([1.0]) == (1.0, None, None)
    assert ratio([4.0], [1.0, 2.0])[1:] == (None, None) and ratio([4.0, 4.0], [2.0, 2.0]) == (2.0, 2.0, 2.0)
