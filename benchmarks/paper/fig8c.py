"""Number of strokes that an agent is trained with (section 5.4.3, Fig. 8c).

Run: python -m benchmarks.paper.fig8c --workers 2

One agent for each budget, 100, 200, 400 and 1,000 strokes: preset `cpu` at 64 px, equal updates; with our
actor `glimpse`, and with the paper's, `resnet`, of the size it has in `benchmarks.paper.fig8a`. All learn
without a critic (gamma is 0), and paint without lookahead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from agents import PRESETS
from benchmarks.harness.measure import Row
from benchmarks.harness.statistics import (
    WELCH,
    interval,
    interval_text,
    joint_verdict,
    over_seeds,
    ratio,
    verdict,
)  # fmt: skip
from benchmarks.harness.tables import CLAIMS, Result, Table, claim, main
from benchmarks.harness.training import TrainingConfig, Variant, figure, trainings

BUDGETS = (100, 200, 400, 1000)
ACTORS: dict[str, Row] = {"glimpse": {}, "resnet": {"actor_width": 16, "depth": 1}}
"""Kinds of actor, and the size of each."""
BASE = dataclasses.replace(
    PRESETS["cpu"], dataset="celeba", size=64, updates=1000, updates_per_step=2, eval_split="test",
)  # fmt: skip


@dataclass(frozen=True)
class Fig8c(TrainingConfig):
    """Number of strokes that an agent is trained with."""

    out: Path = Path("runs/fig8c")
    budgets: tuple[int, ...] = BUDGETS
    """Strokes of a painting."""


def conclude(result: Result) -> Iterator[Table]:
    """L2 of each actor with each budget, and whether it falls."""
    rows, claims = list[Row](), list[Row]()
    for actor in ACTORS:
        suffix = f" strokes, {actor}"
        finals, ssim = result.finals(suffix=suffix), result.finals("ssim", suffix)
        for strokes, l2 in finals.items():
            row: Row = {"strokes": int(strokes), "actor": actor} | over_seeds(l2)
            rows.append(row | {"SSIM": interval(ssim[strokes])[0]})
        pairs = {after: ratio(finals[before], finals[after]) for before, after in pairwise(finals)}
        if pairs:
            parts = [f"{k} strokes {interval_text(times)} times better" for k, times in pairs.items()]
            judged = joint_verdict([verdict(low, high, 1) for _, low, high in pairs.values()])
            text, by = f"more strokes are better ({actor})", f"each over 1: {WELCH}"
            claims.append(claim(text, "from 100 to 1,000", "; ".join(parts), by, judged))
    yield "l2 by raster of test pictures", rows
    if claims:
        yield CLAIMS, claims


def tables(options: Fig8c) -> Iterator[Table]:
    """Records, scores and curves of the trainings; see `figure`."""
    sizes = dict.fromkeys(ACTORS, Row()) if options.paper else ACTORS
    variants = [
        Variant(f"{strokes} strokes, {actor}", {"max_strokes": strokes, "actor": actor} | size)
        for actor, size in sizes.items()
        for strokes in options.budgets
    ]
    yield from figure(trainings(variants, BASE, options, points=2), options)


if __name__ == "__main__":
    main(tables, Fig8c, conclude)
