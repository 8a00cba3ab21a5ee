"""Statistics over seeds: Student's interval of a mean, Welch's of a ratio, and the verdict on a claim."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from benchmarks.harness.measure import Row

CONFIDENCE = 0.95
HOLDS, IN_PART, DOES_NOT_HOLD, CANNOT_BE_TOLD = "holds", "in part", "does not hold", "cannot be told"
WELCH = "95% by Welch's t test on logarithms"
Interval = tuple[float, float | None, float | None]
"""A value with the ends of its 95% interval; None where one seed gives no interval."""


def interval(values: Sequence[float]) -> Interval:
    """Mean over the seeds, and its interval by Student's t."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * stats.sem(values)
    return mean, float(mean - half), float(mean + half)


def ratio(above: Sequence[float], below: Sequence[float], chosen_of: int = 1) -> Interval:
    """Geometric mean of positive values in that of others, and its interval by Welch's t on logarithms.

    Where these values were chosen of several for their mean, the interval is wider, by Bonferroni's rule.
    """
    a, b = np.log(above), np.log(below)
    value = float(np.exp(a.mean() - b.mean()))
    if min(len(a), len(b)) < 2:
        return value, None, None
    if not a.var() + b.var():
        return value, value, value
    confidence = 1 - (1 - CONFIDENCE) / chosen_of
    bounds = stats.ttest_ind(a, b, equal_var=False).confidence_interval(confidence)
    return value, float(np.exp(bounds.low)), float(np.exp(bounds.high))


def verdict(low: float | None, high: float | None, size: float, direction: float | None = None) -> str:
    """Verdict on a claim that an effect is at least of a size, by the interval of the effect.

    Args:
        low: lower end of the interval; None if there is none.
        high: its upper end.
        size: size of the effect that is claimed.
        direction: above it the effect has the direction that is claimed; by default the size.
    """
    direction = size if direction is None else direction
    if low is None or high is None:
        return CANNOT_BE_TOLD
    if low >= size:
        return HOLDS
    if low > direction:
        return IN_PART
    return DOES_NOT_HOLD if high < direction else CANNOT_BE_TOLD


def times_better(
    worse: Sequence[float], better: Sequence[float], flat: float, size: float
) -> tuple[str, str]:
    """Measurement, in words, and verdict on a claim that one l2 is so many times better than another.

    The ratio to an agent that is no better than `flat`, the l2 of one flat colour, says when its training was
    stopped, so no claim is judged by it.
    """
    times, mean = ratio(worse, better), interval(worse)[0]
    measured = f"{interval_text(times)} times"
    if mean < flat:
        return measured, verdict(*times[1:], size, 1)
    return f"{measured}; with {mean:.4f} it has not learnt: one flat colour has {flat:.4f}", CANNOT_BE_TOLD


def joint_verdict(verdicts: Sequence[str]) -> str:
    """Verdict on a claim of several parts: in part if some hold, else the worst of what is known."""
    if len(set(verdicts)) == 1:
        return verdicts[0]
    if HOLDS in verdicts or IN_PART in verdicts:
        return IN_PART
    return DOES_NOT_HOLD


def interval_text(value: Interval) -> str:
    """A value, with its interval in brackets if it has one."""
    mean, low, high = value
    return f"{mean:.3g}" + ("" if low is None else f" ({low:.3g} to {high:.3g})")


def over_seeds(l2: Sequence[float]) -> Row:
    """Columns of l2 over the seeds: their number, mean and interval."""
    mean, low, high = interval(l2)
    return {"seeds": len(l2), "l2": mean, "low": low, "high": high}
