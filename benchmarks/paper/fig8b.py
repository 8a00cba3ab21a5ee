"""Number of strokes in a bundle (section 5.4.3, Fig. 8b): equal strokes, equal time.

Run: python -m benchmarks.paper.fig8b --workers 2

Model-based DDPG with the paper's actor and critic, 40 strokes on a canvas of 32 px, in bundles of 1, 2, 5 and
10. All have the same seconds of training; those of few strokes a bundle need more steps for a painting.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.harness.measure import Row
from benchmarks.harness.statistics import over_seeds
from benchmarks.harness.tables import Table, claim, main
from benchmarks.harness.training import TrainingConfig, Variant, conclusions, train, trainings
from benchmarks.paper import fig8a

BUNDLES = (1, 2, 5, 10)
BEST = 5  # says the paper
BASE = dataclasses.replace(fig8a.BASE, agent=dataclasses.replace(fig8a.BASE.agent, max_strokes=40))


@dataclass(frozen=True)
class Fig8b(TrainingConfig):
    """Number of strokes in a bundle."""

    out: Path = Path("runs/fig8b")
    minutes: float = 3.0
    """Time of each; with --paper all make the preset's updates."""


def tables(options: Fig8b) -> Iterator[Table]:
    """L2 of each bundle, whether 5 is best, and the curves."""
    variants = [
        Variant(f"{k} a bundle", {"bundle": k, "actor": "resnet"}, cpu=fig8a.TUNED["model-based"])
        for k in BUNDLES
    ]
    seconds = None if options.paper else options.minutes * 60
    jobs = trainings(variants, BASE, options, seconds=seconds)
    results = train(jobs, options)
    rows: list[Row] = []
    for bundle, runs in zip(BUNDLES, results.values(), strict=True):
        updates, ssim = (float(np.mean([run[name] for run in runs])) for name in ("updates", "ssim"))
        rows.append({"bundle": bundle} | over_seeds(runs) | {"updates": updates, "SSIM": ssim})
    yield f"l2 by raster of {runs[0]['test_images']} test pictures", rows
    best = min(rows, key=lambda row: row["l2"])
    paper = next(row for row in rows if row["bundle"] == BEST)
    overlap = len(options.seeds) > 1 and best["high"] > paper["low"]
    ranking = ", ".join(f"{row['l2']:.4f} with {row['bundle']}" for row in rows)
    claims = [claim(f"bundles of {BEST} strokes are best", f"k = {BEST}", ranking, best is paper, overlap)]
    yield from conclusions(claims, jobs, results)


if __name__ == "__main__":
    main(tables, Fig8b)
