"""Statistics over seeds: intervals cover as often as they say, and verdicts follow from them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.harness.statistics import (
    CANNOT_BE_TOLD,
    DOES_NOT_HOLD,
    HOLDS,
    IN_PART,
    interval,
    joint_verdict,
    ratio,
    verdict,
)  # fmt: skip


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


@pytest.mark.parametrize(
    ("low", "high", "judged"),
    [
        (5.0, 6.0, HOLDS), (1.1, 9.0, IN_PART), (0.9, 9.0, CANNOT_BE_TOLD), (0.1, 0.9, DOES_NOT_HOLD),
        (None, None, CANNOT_BE_TOLD),
    ],
)  # fmt: skip
def test_the_whole_interval_decides(low: float | None, high: float | None, judged: str) -> None:
    assert verdict(low, high, 5, 1) == judged


def test_several_parts_are_judged_together() -> None:
    assert joint_verdict([HOLDS, HOLDS]) == HOLDS and joint_verdict([CANNOT_BE_TOLD] * 2) == CANNOT_BE_TOLD
    assert joint_verdict([HOLDS, CANNOT_BE_TOLD]) == joint_verdict([HOLDS, DOES_NOT_HOLD]) == IN_PART
    assert joint_verdict([CANNOT_BE_TOLD, DOES_NOT_HOLD]) == DOES_NOT_HOLD
