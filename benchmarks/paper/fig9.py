"""Four data sets, from 5 strokes for MNIST to 400 for ImageNet (sections 5.1 to 5.3, Figs 9 and 3).

Run: python -m benchmarks.paper.fig9 --workers 2

An agent of preset `cpu` for each at 64 px, scored on its own test split. Digits are not mirrored, turned or
recoloured while they are learnt, and get more updates, which cost less than those of many strokes. SVHN's
pictures are all of its official test set, divided anew. The agents for MNIST and SVHN come with the package.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agents import PRESETS
from benchmarks.harness.measure import Row
from benchmarks.harness.statistics import interval, over_seeds
from benchmarks.harness.tables import Table, claim, main
from benchmarks.harness.training import TrainingConfig, Variant, conclusions, train, trainings

STROKES = {"mnist": 5, "svhn": 40, "celeba": 200, "imagenet": 400}
UPDATES = {"mnist": 10_000, "svhn": 6000, "celeba": 3000, "imagenet": 3000}
PAPER_UPDATES = {"mnist": 20_000, "svhn": 100_000, "celeba": 200_000, "imagenet": 200_000}
DIGITS = ("mnist", "svhn")
BASE = dataclasses.replace(PRESETS["cpu"], size=64, eval_split="test", eval_images=64)


@dataclass(frozen=True)
class Fig9(TrainingConfig):
    """Four data sets, each with its own agent and number of strokes."""

    out: Path = Path("runs/fig9")
    seeds: tuple[int, ...] = (0,)


def tables(options: Fig9) -> Iterator[Table]:
    """L2 on each data set, whether all agents learn, and the curves."""
    variants = [
        Variant(
            name, {"max_strokes": strokes}, {"dataset": name, "updates": UPDATES[name]},
            {"augment": name not in DIGITS}, {"updates": PAPER_UPDATES[name]},
        )
        for name, strokes in STROKES.items()
    ]  # fmt: skip
    jobs = trainings(variants, BASE, options)
    results = train(jobs, options)
    rows: list[Row] = []
    for name, runs in results.items():
        row: Row = {"data set": name, "strokes": STROKES[name]} | over_seeds(runs)
        row |= {"blank canvas": runs[0]["blank"], "times better": runs[0]["blank"] / row["l2"]}
        rows.append(row | {"SSIM": interval([run["ssim"] for run in runs])[0]})
    yield f"l2 by raster of {runs[0]['test_images']} test pictures of each", rows
    learns = all(run["l2"] < run["curve"][0]["l2"] / 2 for runs in results.values() for run in runs)
    ranking = ", ".join(f"{row['data set']} {row['l2']:.4f}" for row in rows)
    text = "an agent learns to paint each of the four data sets"
    yield from conclusions([claim(text, "test curves of Fig. 9", ranking, learns)], jobs, results)


if __name__ == "__main__":
    main(tables, Fig9)
