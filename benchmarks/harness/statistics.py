"""Statistics over seeds: interquartile mean and its bootstrap interval (Agarwal et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from benchmarks.harness.measure import Row

RESAMPLES = 2000


def interquartile_mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """Mean of the middle half; of fewer than four values none is left out."""
    mean: np.ndarray = stats.trim_mean(values, 0.25, axis)
    return mean


def interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Interquartile mean over the seeds, and the ends of its 95% bootstrap interval (percentiles).

    With so few values as three the interval is what they span. None where one value gives no interval.
    """
    mean = float(interquartile_mean(np.asarray(values)))
    if len(values) < 2:
        return mean, None, None
    bounds = stats.bootstrap(
        (values,), interquartile_mean, n_resamples=RESAMPLES, method="percentile", vectorized=True,
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return mean, float(bounds.low), float(bounds.high)


def over_seeds(results: Sequence[Row], measure: str = "l2") -> Row:
    """Columns of a measure over the results of all seeds: their number, mean and interval."""
    mean, low, high = interval([result[measure] for result in results])
    return {"seeds": len(results), measure: mean, "low": low, "high": high}
