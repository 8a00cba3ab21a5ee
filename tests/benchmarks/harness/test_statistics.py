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


def test_the_best_of_several_is_better_by_chance_as_often_as_is_said() -> None:
    """False verdicts of equal methods, where the best of three rivals is compared with a fourth: 2.5%."""
    values = np.random.default_rng(0).lognormal(0, 0.1, (1500, 4, 3))
    rivals = [trial[1:][trial[1:].mean(1).argmin()] for trial in values]
    wrong = [
        [ratio(best, trial[0], chosen_of=n)[2] < 1 for best, trial in zip(rivals, values, strict=True)]  # type: ignore[operator]
        for n in (1, 3)
    ]
    assert np.mean(wrong[0]) > 0.028 and np.mean(wrong[1]) < 0.025


def test_one_seed_has_no_interval() -> None:
    assert interval([1.0]) == (1.0, None, None)
    assert ratio([4.0], [1.0, 2.0])[1:] == (None, None) and ratio([4.0, 4.0], [2.0, 2.0]) == (2.0, 2.0, 2.0)
