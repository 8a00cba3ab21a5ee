"""Error of opaque paintings with a palette of few colours, against those with any colour.

Run: python -m benchmarks.painting.palette

Opaque strokes cannot mix colours, so the picture itself with each pixel in the nearest of the colours is
about the least error there can be; it has a column of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from agents.painting.palette import choose_palette, nearest_colours
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import Variant, first_pictures, paint_and_score
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main

BAR = 1.8  # times the l2 of any colours


@dataclass(frozen=True)
class Palette(BenchmarkConfig):
    """Error of paintings with few colours."""

    datasets: tuple[str, ...] = ("celeba", "imagenet")
    """Names, or folders of images."""
    split: str = "val"
    """Part of the data sets."""
    images: int = 20
    """Pictures of each."""
    colours: int = 8
    """Colours of a palette; each picture has its own."""
    strokes: int = 500
    """Strokes per painting."""
    size: int = 128
    """Side of the canvas in pixels."""
    refine: int = 200
    """Iterations of refinement."""


def quantised_l2(picture: np.ndarray, colours: int) -> float:
    """L2 of a picture ``(3, H, W)`` uint8 with each pixel in the nearest colour of its palette."""
    target = torch.from_numpy(picture)[None] / 255
    pixels = target[0].permute(1, 2, 0)
    return (nearest_colours(pixels, choose_palette(target, colours)) - pixels).square().mean().item()


def tables(options: Palette) -> Iterator[Table]:
    """A row for each data set: l2, means over its pictures."""
    rows: list[Row] = []
    for name in options.datasets:
        pictures = first_pictures(name, options.split, options.size, options.images)
        row: Row = {"pictures": name}
        for column, colours in (("any colours", 0), ("palette", options.colours)):
            variant = Variant(refine=options.refine, opaque=True, colours=colours)
            row[column] = float(paint_and_score(pictures, options.strokes, variant, batch=1).l2.mean())
        row["picture in these colours"] = float(
            np.mean([quantised_l2(picture, options.colours) for picture in pictures])
        )
        row["times"] = row["palette"] / row["any colours"]
        rows.append(row | at_most(row["times"], BAR))
    yield f"l2 with {options.colours} colours, {options.strokes} opaque strokes", rows


if __name__ == "__main__":
    main(Palette, tables)
