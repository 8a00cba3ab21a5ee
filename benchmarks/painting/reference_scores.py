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
    PaintingVariant,
    blank_l2,
    first_pictures,
    mean_colour_l2,
    paint_and_score,
    random_l2,
)  # fmt: skip
from benchmarks.harness.tables import BenchmarkConfig, Table, main

TESTS = (  # data set, strokes, side in pixels
    ("mnist", 5, 64), ("svhn", 40, 64), ("celeba", 40, 32), ("celeba", 100, 64), ("celeba", 200, 128),
    ("imagenet", 400, 128),
)  # fmt: skip


@dataclass(frozen=True)
class ReferenceScores(BenchmarkConfig):
    """Scores of a blank canvas, random strokes and the package's agents."""

    agents: tuple[str, ...] = ("pretrained",)
    """Agents, each without and with its lookahead, beside that of the data set if there is one."""


def tables(options: ReferenceScores) -> Iterator[Table]:
    """A row for each test set and painter."""
    rows: list[Row] = []
    for dataset, strokes, size in TESTS:
        strokes, images = options.pick((strokes, 100), (5, 2))
        pictures = first_pictures(dataset, "test", size, images)
        about: Row = {"data set": dataset, "size": size, "strokes": strokes, "images": len(pictures)}
        l2 = {
            "blank canvas": blank_l2(pictures),
            "mean colour": mean_colour_l2(pictures),
            "random strokes": random_l2(pictures, strokes),
        }
        special = f"pretrained-{dataset}"
        shipped = (WEIGHTS / f"{special}.safetensors").exists()
        for agent in (*options.agents, *([special] if shipped else [])):
            for suffix, lookahead in (("", 0), (", with lookahead", None)):
                painted = paint_and_score(pictures, strokes, PaintingVariant(agent, lookahead))
                l2[agent + suffix] = float(painted.l2.mean())
        rows += [about | {"painter": painter, "l2": value} for painter, value in l2.items()]
    yield "test pictures, by raster", rows


if __name__ == "__main__":
    main(tables, ReferenceScores)
