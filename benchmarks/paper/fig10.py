"""Four stroke designs on CelebA (section 5.4.4, Fig. 10), by the agents that come with the package.

Run: python -m benchmarks.paper.fig10 --json benchmarks/results/fig10.json

200 strokes at 128 px, as the agents paint them and refined; pictures of the test split above their paintings,
not refined, as a PNG in the folder of the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from agents import refine
from agents.painting.evaluation import l2_by_raster
from benchmarks.harness.scores import picture_row, write_rows
from benchmarks.harness.shipped import BATCH, Task, paint_with, scores
from benchmarks.harness.tables import CLAIMS, FolderConfig, Row, Table, claim, main

AGENTS = {
    "bezier": "pretrained", "straight": "pretrained-straight", "triangle": "pretrained-triangle",
    "circle": "pretrained-circle",
}  # fmt: skip


@dataclass(frozen=True)
class Fig10(FolderConfig):
    """Four stroke designs on CelebA."""

    out: Path = Path("runs/fig10")
    """Folder of the sheet."""
    dataset: str = "celeba"
    """A name, or a folder of images."""
    images: int = 100
    """Pictures of the test split."""
    shown: int = 8
    """Of them, how many are on the sheet."""
    strokes: int = 200
    """Strokes of a painting."""
    size: int = 128
    """Side of the canvas in pixels."""
    refine: int = 50
    """Iterations of refinement."""


def tables(options: Fig10) -> Iterator[Table]:
    """A row for each design, and whether all resemble the pictures; writes the sheet."""
    task = Task(options.dataset, options.strokes, options.size, options.images)
    if options.smoke:
        task = task._replace(strokes=5, size=32, images=2)
    targets, rows = task.targets(), list[Row]()
    sheet = [picture_row(targets[: options.shown])]
    for design, agent in AGENTS.items():
        paintings = paint_with(agent, task)
        sheet.append(picture_row(paintings[: options.shown]))
        row: Row = {"design": design, "agent": agent, "images": len(targets)}
        firsts = range(0, len(targets), BATCH)
        batches = [(paintings[i : i + BATCH], targets[i : i + BATCH]) for i in firsts]
        refined = [refine(some, torch.from_numpy(of), options.refine) for some, of in batches]
        l2 = l2_by_raster([one for some in refined for one in some], targets).mean()
        rows.append(row | scores(paintings, targets) | {f"l2, refined {options.refine}": float(l2)})
    write_rows(options.folder / "sheet.png", sheet)
    yield f"{options.dataset}, {task.strokes} strokes at {task.size} px, by raster", rows
    alike = all(row["l2"] < row["blank"] / 10 for row in rows)
    ranking = ", ".join(f"{row['design']} {row['l2']:.4f}" for row in rows)
    others = "other strokes paint too: straight, circle, triangle"
    yield CLAIMS, [claim(others, "seen in Fig. 10", ranking, alike)]


if __name__ == "__main__":
    main(Fig10, tables)
