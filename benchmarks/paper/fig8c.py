"""Number of strokes that an agent is trained with (section 5.4.3, Fig. 8c).

Run: python -m benchmarks.paper.fig8c --workers 2

One agent for each budget, 100, 200, 400 and 1,000 strokes: preset `cpu` at 64 px, equal updates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from agents import PRESETS
from benchmarks.harness.measure import Row
from benchmarks.harness.statistics import over_seeds
from benchmarks.harness.tables import Table, claim, main
from benchmarks.harness.training import TrainingConfig, Variant, conclusions, train, trainings

BUDGETS = (100, 200, 400, 1000)
BASE = dataclasses.replace(
    PRESETS["cpu"], dataset="celeba", size=64, updates=1000, updates_per_step=2, eval_split="test",
    eval_images=32,
)  # fmt: skip


@dataclass(frozen=True)
class Fig8c(TrainingConfig):
    """Number of strokes that an agent is trained with."""

    out: Path = Path("runs/fig8c")


def tables(options: Fig8c) -> Iterator[Table]:
    """L2 with each budget, whether it falls, and the curves."""
    variants = [Variant(f"{strokes} strokes", {"max_strokes": strokes}) for strokes in BUDGETS]
    jobs = trainings(variants, BASE, options, points=5)
    results = train(jobs, options)
    rows: list[Row] = []
    for strokes, runs in zip(BUDGETS, results.values(), strict=True):
        row: Row = {"strokes": strokes} | over_seeds(runs)
        row["SSIM"] = float(np.mean([run["ssim"] for run in runs]))
        if rows:
            row |= {"bar": f"< {rows[-1]['l2']:.4f}", "met": row["l2"] < rows[-1]["l2"]}
        rows.append(row)
    yield f"l2 by raster of {runs[0]['test_images']} test pictures", rows
    falls = [after["l2"] < before["l2"] for before, after in pairwise(rows)]
    ranking = ", ".join(f"{row['l2']:.4f} with {row['strokes']}" for row in rows)
    claims = [claim("more strokes are better", "from 100 to 1,000", ranking, all(falls), any(falls))]
    yield from conclusions(claims, jobs, results)


if __name__ == "__main__":
    main(tables, Fig8c)
