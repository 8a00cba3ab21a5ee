"""Number of strokes that an agent is trained with (section 5.4.3, Fig. 8c).

Run: python -m benchmarks.paper.fig8c --workers 2

One agent for each budget, 100, 200, 400 and 1,000 strokes: preset `cpu` at 64 px, equal updates. The agents
are `glimpse` actors without a critic (gamma is 0), and paint without lookahead. The paper's actor was not
trained with several budgets; at 32 px it ends with a higher l2 with 200 strokes (`fig8a_200_strokes`) than
with 40 (`fig8b`, bundles of 5), so the claim is of `glimpse` only.
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
    """L2 with each budget, and whether it falls."""
    finals, ssim, rows = result.finals(), result.finals("ssim"), list[Row]()
    for name, l2 in finals.items():
        row: Row = {"strokes": int(name.split()[0])} | over_seeds(l2) | {"SSIM": interval(ssim[name])[0]}
        if rows:
            row |= {"bar": f"< {rows[-1]['l2']:.4f}", "met": row["l2"] < rows[-1]["l2"]}
        rows.append(row)
    yield "l2 by raster of test pictures", rows
    pairs = {after: ratio(finals[before], finals[after]) for before, after in pairwise(finals)}
    if not pairs:
        return
    measured = "; ".join(f"{name} {interval_text(times)} times better" for name, times in pairs.items())
    parts = joint_verdict([verdict(low, high, 1) for _, low, high in pairs.values()])
    text, by = "more strokes are better (glimpse)", f"each over 1: {WELCH}"
    yield CLAIMS, [claim(text, "from 100 to 1,000", measured, by, parts)]


def tables(options: Fig8c) -> Iterator[Table]:
    """Records, scores and curves of the trainings; see `figure`."""
    variants = [Variant(f"{strokes} strokes", {"max_strokes": strokes}) for strokes in options.budgets]
    yield from figure(trainings(variants, BASE, options, points=5), options)


if __name__ == "__main__":
    main(tables, Fig8c, conclude)
