"""Reference scores: blank canvas, mean colour, random strokes, and the agents that come with the package.

Run: python -m benchmarks.painting.reference_scores

For each data set at the sizes and strokes of the other benchmarks, on its test split, by `raster`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.checkpoint import WEIGHTS
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import (
    PictureSet,
    Variant,
    blank_l2,
    mean_colour_l2,
    paint_and_score,
    random_l2,
)
from benchmarks.harness.tables import BenchmarkConfig, Table, main

TESTS = (
    PictureSet("mnist", 5, 64, 100),
    PictureSet("svhn", 40, 64, 100),
    PictureSet("celeba", 40, 32, 100),
    PictureSet("celeba", 100, 64, 100),
    PictureSet("celeba", 200, 128, 100),
    PictureSet("imagenet", 400, 128, 100),
)


@dataclass(frozen=True)
class ReferenceScores(BenchmarkConfig):
    """Scores of a blank canvas, random strokes and the package's agents."""

    agents: tuple[str, ...] = ("pretrained",)
    """Agents, each without and with its lookahead, beside that of the data set if there is one."""
    smoke: bool = False
    """Paint few pictures and strokes, to see that all runs."""


def tables(options: ReferenceScores) -> Iterator[Table]:
    """A row for each test set and painter."""
    rows: list[Row] = []
    for test in TESTS:
        if options.smoke:
            test = test._replace(strokes=5, images=2)
        pictures = test.pictures()
        about: Row = {
            "data set": test.dataset,
            "size": test.size,
            "strokes": test.strokes,
            "images": len(pictures),
        }
        l2 = {
            "blank canvas": blank_l2(pictures),
            "mean colour": mean_colour_l2(pictures),
            "random strokes": random_l2(pictures, test.strokes),
        }
        special = f"pretrained-{test.dataset}"
        shipped = (WEIGHTS / f"{special}.safetensors").exists()
        for agent in (*options.agents, *([special] if shipped else [])):
            for suffix, lookahead in (("", 0), (", with lookahead", None)):
                painted = paint_and_score(pictures, test.strokes, Variant(agent, lookahead))
                l2[agent + suffix] = float(painted.l2.mean())
        rows += [about | {"painter": painter, "l2": value} for painter, value in l2.items()]
    yield "test pictures, by raster", rows


if __name__ == "__main__":
    main(ReferenceScores, tables)
