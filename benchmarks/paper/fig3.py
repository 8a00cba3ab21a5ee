"""Four data sets, painted by the agents that come with the package (section 5.3, Fig. 3).

Run: python -m benchmarks.paper.fig3

MNIST with 5 strokes, SVHN with 40, CelebA with 200, ImageNet with 400; pictures of each test split above
their paintings, as PNGs in the folder of the run, to look at. The agents learnt without a critic (gamma is
0), `pretrained` at the end by imitation of plans. They paint with the lookahead that they ship with:
several bundles are tried in the model, and the best is painted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.measure import Row
from benchmarks.harness.painting import (
    PaintingVariant,
    first_pictures,
    paint_and_score,
    picture_row,
    scores,
    write_rows,
)  # fmt: skip
from benchmarks.harness.statistics import verdict
from benchmarks.harness.tables import CLAIMS, FolderConfig, Result, Table, claim, main
from benchmarks.harness.training import shipped_differences
from benchmarks.paper.fig9 import DIGITS, STROKES

AGENTS = {"mnist": "pretrained-mnist", "svhn": "pretrained-svhn"}
AGENTS |= {"celeba": "pretrained", "imagenet": "pretrained"}
SHOWN = 8  # pictures on a sheet
SAME = 0.95
"""SSIM from which two pictures are taken for the same."""
SCORES = "test pictures, by raster"


@dataclass(frozen=True)
class Fig3(FolderConfig):
    """Paintings of four data sets by the agents that come with the package."""

    out: Path = Path("runs/fig3")


def conclude(result: Result) -> Iterator[Table]:
    """Verdict on the claim that the digits are reproduced."""
    digits = [row for row in result.tables[SCORES] if row["data set"] in DIGITS]
    ssim = min(row["ssim"] for row in digits)
    ranking = ", ".join(f"{row['data set']} l2 {row['l2']:.4f}, SSIM {row['ssim']:.2f}" for row in digits)
    by = f"SSIM over {SAME}, in part over {SAME / 2}: this project's bars; one agent each, no interval"
    text, judged = "MNIST with 5 strokes and SVHN with 40 are reproduced", verdict(ssim, ssim, SAME, SAME / 2)
    yield CLAIMS, [claim(text, "perfectly", ranking, by, judged)]


def tables(options: Fig3) -> Iterator[Table]:
    """A row for each data set; writes the sheets."""
    rows: list[Row] = []
    for dataset, agent in AGENTS.items():
        size, strokes = (64 if dataset in DIGITS else 128), STROKES[dataset]
        size, strokes, images = options.pick((size, strokes, 100), (32, 5, 2))
        pictures = first_pictures(dataset, "test", size, images)
        painted = paint_and_score(pictures, strokes, PaintingVariant(agent))
        sheet = [picture_row(pictures[:SHOWN]), picture_row(painted.paintings[:SHOWN])]
        write_rows(options.folder / f"{dataset}.png", sheet)
        row: Row = {"data set": dataset, "agent": agent, "strokes": strokes, "size": size}
        rows.append(row | {"images": len(pictures)} | scores(painted, pictures))
    yield SCORES, rows
    yield shipped_differences(AGENTS.values())


if __name__ == "__main__":
    main(tables, Fig3, conclude)
