"""Error of opaque paintings with a palette of few colours, against those with any colour.

Run: python -m benchmarks.painting.palette

Opaque strokes cannot mix colours, so the picture itself with each pixel in the nearest of the colours is
about the least error there can be; it has a column of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from agents.painting.palette import choose_palette, nearest_colours
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import Variant, first_pictures, paint_and_score
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main

COLOURS, STROKES, ITERATIONS = 8, 500, 200
BAR = 1.8  # times the l2 of any colours


def quantised_l2(picture: np.ndarray, colours: int) -> float:
    """L2 of a picture ``(3, H, W)`` uint8 with each pixel in the nearest colour of its palette."""
    target = torch.from_numpy(picture)[None] / 255
    pixels = target[0].permute(1, 2, 0)
    return (nearest_colours(pixels, choose_palette(target, colours)) - pixels).square().mean().item()


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """A row for each data set: l2, means over its pictures."""
    rows: list[Row] = []
    strokes, iterations, size, images = options.pick((STROKES, ITERATIONS, 128, 20), (10, 4, 32, 2))
    for name in ("celeba", "imagenet"):
        pictures = first_pictures(name, "val", size, images)
        row: Row = {"pictures": name}
        for column, colours in (("any colours", 0), ("palette", COLOURS)):
            variant = Variant(refine=iterations, opaque=True, colours=colours)
            row[column] = float(paint_and_score(pictures, strokes, variant, batch=1).l2.mean())
        row["picture in these colours"] = float(
            np.mean([quantised_l2(picture, COLOURS) for picture in pictures])
        )
        row["times"] = row["palette"] / row["any colours"]
        rows.append(row | at_most(row["times"], BAR))
    yield f"l2 with {COLOURS} colours, {strokes} opaque strokes", rows


if __name__ == "__main__":
    main(tables)
