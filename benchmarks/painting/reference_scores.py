"""What an l2 is worth: blank canvas, mean colour, random strokes, and the agents that come with the package.

Run: python -m benchmarks.painting.reference_scores --json benchmarks/results/reference_scores.json

For each data set at the sizes and strokes of the other benchmarks, on its test split, by `raster`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.checkpoint import WEIGHTS
from agents.painting.evaluation import l2_by_raster
from benchmarks.harness.scores import blank, mean_colour, random_paintings
from benchmarks.harness.shipped import Task, paint_with
from benchmarks.harness.tables import BenchmarkConfig, Row, Table, main

TASKS = (
    Task("mnist", 5, 64, 100),
    Task("svhn", 40, 64, 100),
    Task("celeba", 40, 32, 100),
    Task("celeba", 100, 64, 100),
    Task("celeba", 200, 128, 100),
    Task("imagenet", 400, 128, 100),
)


@dataclass(frozen=True)
class ReferenceScores(BenchmarkConfig):
    """What a blank canvas, random strokes and the package's agents score."""

    agents: tuple[str, ...] = ("pretrained",)
    """Agents, each without and with its lookahead, beside that of the data set if there is one."""
    smoke: bool = False
    """Few pictures and strokes, to see that all runs."""


def tables(options: ReferenceScores) -> Iterator[Table]:
    """A row for each task and painter."""
    rows: list[Row] = []
    for task in TASKS:
        if options.smoke:
            task = task._replace(strokes=5, images=2)
        targets = task.targets()
        about: Row = {
            "data set": task.dataset,
            "size": task.size,
            "strokes": task.strokes,
            "images": len(targets),
        }
        random = random_paintings(len(targets), task.strokes, task.size)
        found = {
            "blank canvas": blank(targets),
            "mean colour": mean_colour(targets),
            "random strokes": float(l2_by_raster(random, targets).mean()),
        }
        own = f"pretrained-{task.dataset}"
        for agent in (*options.agents, *([own] if (WEIGHTS / f"{own}.safetensors").exists() else [])):
            for how, lookahead in (("", 0), (", with lookahead", None)):
                paintings = paint_with(agent, task, lookahead)
                found[agent + how] = float(l2_by_raster(paintings, targets).mean())
        rows += [about | {"painter": painter, "l2": l2} for painter, l2 in found.items()]
    yield "test pictures, by raster", rows


if __name__ == "__main__":
    main(ReferenceScores, tables)
