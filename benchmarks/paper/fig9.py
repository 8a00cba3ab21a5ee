"""Four data sets, from 5 strokes for MNIST to 400 for ImageNet (sections 5.1 to 5.3, Figs 9 and 3).

Run: python -m benchmarks.paper.fig9 --workers 2

An agent of preset `cpu` for each at 64 px, scored on its own test split. Digits are not mirrored, turned or
recoloured while they are learnt, and get more updates, which cost less than those of many strokes. SVHN's
pictures are all of its official test set, divided anew. The agents for MNIST and SVHN come with the
package. All are `glimpse` actors without a critic (gamma is 0), and paint without lookahead. An agent
learns if its l2 is below that of a canvas in each picture's mean colour.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

from agents import PRESETS
from benchmarks.harness.measure import Row
from benchmarks.harness.statistics import interval, joint_verdict, over_seeds, verdict
from benchmarks.harness.tables import CLAIMS, Result, Table, claim, main
from benchmarks.harness.training import UNPAINTED, TrainingConfig, Variant, figure, trainings

STROKES = {"mnist": 5, "svhn": 40, "celeba": 200, "imagenet": 400}
UPDATES = {"mnist": 10_000, "svhn": 6000, "celeba": 3000, "imagenet": 3000}
PAPER_UPDATES = {"mnist": 20_000, "svhn": 100_000, "celeba": 200_000, "imagenet": 200_000}
DIGITS = ("mnist", "svhn")
BASE = dataclasses.replace(PRESETS["cpu"], size=64, eval_split="test")


@dataclass(frozen=True)
class Fig9(TrainingConfig):
    """Four data sets, each with its own agent and number of strokes."""

    out: Path = Path("runs/fig9")
    datasets: tuple[str, ...] = tuple(STROKES)
    """Names of the data sets."""
    dataset: tyro.conf.Suppress[str | None] = None


def conclude(result: Result) -> Iterator[Table]:
    """L2 on each data set, and whether all agents learn."""
    finals, ssim, rows, verdicts = result.finals(), result.finals("ssim"), list[Row](), list[str]()
    unpainted = {row["data set"]: row for row in result.tables[UNPAINTED]}
    for name, l2 in finals.items():
        row: Row = {"data set": name, "strokes": STROKES[name]} | over_seeds(l2)
        row["times better than blank"] = unpainted[name]["blank canvas"] / row["l2"]
        rows.append(row | {"SSIM": interval(ssim[name])[0]})
        _, low, high = interval([unpainted[name]["mean colour"] - score for score in l2])
        verdicts.append(verdict(low, high, 0))
    yield "l2 by raster of test pictures of each", rows
    ranking = ", ".join(f"{row['data set']} {row['l2']:.4f}" for row in rows)
    text, by = "an agent learns to paint each data set", "below the mean colour: 95% by Student's t"
    yield CLAIMS, [claim(text, "test curves of Fig. 9", ranking, by, joint_verdict(verdicts))]


def tables(options: Fig9) -> Iterator[Table]:
    """Records, scores and curves of the trainings; see `figure`."""
    variants = [
        Variant(
            name, {"max_strokes": STROKES[name]}, {"dataset": name, "updates": UPDATES[name]},
            cpu={"augment": name not in DIGITS}, paper={"updates": PAPER_UPDATES[name]},
        )
        for name in options.datasets
    ]  # fmt: skip
    yield from figure(trainings(variants, BASE, options), options)


if __name__ == "__main__":
    main(tables, Fig9, conclude)
