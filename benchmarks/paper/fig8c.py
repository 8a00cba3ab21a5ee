"""What more strokes buy an agent that is trained with them (section 5.4.3, Fig. 8c).

Run: python -m benchmarks.paper.fig8c --workers 2 --json benchmarks/results/fig8c.json

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
from benchmarks.harness.statistics import interval
from benchmarks.harness.tables import CLAIMS, Row, Table, claim, main
from benchmarks.harness.training import (
    FigureConfig,
    Method,
    curves_and_jobs,
    settings_beside,
    train,
    trainings,
)

BUDGETS = (100, 200, 400, 1000)
BASE = dataclasses.replace(
    PRESETS["cpu"], dataset="celeba", size=64, updates=1000, updates_per_step=2, eval_split="test",
    eval_images=32,
)  # fmt: skip


@dataclass(frozen=True)
class Fig8c(FigureConfig):
    """What more strokes buy an agent that is trained with them."""

    out: Path = Path("runs/fig8c")
    """Folder of the jobs' results."""


def tables(options: Fig8c) -> Iterator[Table]:
    """The l2 with each budget, whether it falls, and the curves."""
    methods = [Method(f"{strokes} strokes", {"max_strokes": strokes}) for strokes in BUDGETS]
    jobs = trainings(methods, BASE, options, points=5)
    results = train(jobs, options)
    rows: list[Row] = []
    for strokes, runs in zip(BUDGETS, results.values(), strict=True):
        middle, low, high = interval([run["l2"] for run in runs])
        row: Row = {"strokes": strokes, "seeds": len(runs), "l2": middle, "low": low, "high": high}
        row |= {"SSIM": float(np.mean([run["ssim"] for run in runs]))}
        if rows:
            row |= {"bar": f"< {rows[-1]['l2']:.4f}", "met": middle < rows[-1]["l2"]}
        rows.append(row)
    yield f"l2 by raster of {runs[0]['test_images']} test pictures", rows
    falls = [after["l2"] < before["l2"] for before, after in pairwise(rows)]
    ranking = ", ".join(f"{row['l2']:.4f} with {row['strokes']}" for row in rows)
    yield CLAIMS, [claim("more strokes are better", "from 100 to 1,000", ranking, all(falls), any(falls))]
    yield "settings that differ from the paper's", list(settings_beside(jobs))
    yield from curves_and_jobs(results)


if __name__ == "__main__":
    main(Fig8c, tables)
