"""What the agents that come with the package paint on four data sets (section 5.3, Fig. 3).

Run: python -m benchmarks.paper.fig3 --json benchmarks/results/fig3.json

MNIST with 5 strokes, SVHN with 40, CelebA with 200, ImageNet with 400; pictures of each test split above
their paintings, as PNGs in the folder of the run, to look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.scores import picture_row, write_rows
from benchmarks.harness.shipped import Task, paint_with, scores
from benchmarks.harness.tables import CLAIMS, FolderConfig, Row, Table, claim, main
from benchmarks.paper import fig9

AGENTS = {
    "mnist": "pretrained-mnist",
    "svhn": "pretrained-svhn",
    "celeba": "pretrained",
    "imagenet": "pretrained",
}
ALIKE = 0.95
"""From this SSIM on two pictures are taken for the same."""


@dataclass(frozen=True)
class Fig3(FolderConfig):
    """Paintings of four data sets by the agents that come with the package."""

    out: Path = Path("runs/fig3")
    """Folder of the sheets."""
    images: int = 100
    """Pictures of each test split."""
    shown: int = 8
    """Of them, how many are on a sheet."""
    size: int = 128
    """Side of the canvas in pixels, for MNIST and SVHN half of it."""


def tables(options: Fig3) -> Iterator[Table]:
    """A row for each data set; writes the sheets."""
    rows: list[Row] = []
    for dataset, agent in AGENTS.items():
        size = options.size // 2 if dataset in fig9.DIGITS else options.size
        task = Task(dataset, fig9.STROKES[dataset], size, options.images)
        if options.smoke:
            task = task._replace(strokes=5, size=32, images=2)
        targets, paintings = task.targets(), paint_with(agent, task)
        shown = slice(options.shown)
        sheet = [picture_row(targets[shown]), picture_row(paintings[shown])]
        write_rows(options.folder / f"{dataset}.png", sheet)
        row: Row = {"data set": dataset, "agent": agent, "strokes": task.strokes, "size": task.size}
        rows.append(row | {"images": len(targets)} | scores(paintings, targets))
    yield "test pictures, by raster", rows
    simple = [row for row in rows if row["data set"] in fig9.DIGITS]
    alike = min(row["ssim"] for row in simple)
    found = ", ".join(f"{row['data set']} l2 {row['l2']:.4f}, SSIM {row['ssim']:.2f}" for row in simple)
    reproduced = "MNIST with 5 strokes and SVHN with 40 are reproduced"
    yield CLAIMS, [claim(reproduced, "perfectly", found, alike > ALIKE, alike > ALIKE / 2)]


if __name__ == "__main__":
    main(Fig3, tables)
