"""What few colours cost: opaque paintings with a palette, against those with any colour.

Run: python -m benchmarks.painting.palette --json benchmarks/results/palette.json

Opaque strokes cannot mix colours, so the picture itself with each pixel in the nearest of the colours is
about the least error there can be; it has a column of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from agents import load, paint, refine
from agents.painting.evaluation import l2_by_raster
from agents.painting.palette import choose_palette, nearest_colours
from benchmarks.harness.tables import BenchmarkConfig, Row, Table, at_most, main
from paint_gym import load_dataset
from paint_gym.renderers import make_renderer

BAR = 1.8  # times the l2 of any colours


@dataclass(frozen=True)
class Palette(BenchmarkConfig):
    """What few colours cost."""

    datasets: tuple[str, ...] = ("celeba", "imagenet")
    """Of what."""
    split: str = "val"
    """Part of the data sets."""
    images: int = 20
    """Pictures of each."""
    colours: int = 8
    """In a palette; each picture has its own."""
    strokes: int = 500
    """Strokes per painting."""
    size: int = 128
    """Side of the canvas in pixels."""
    refine: int = 200
    """Iterations of refinement."""


def tables(options: Palette) -> Iterator[Table]:
    """A row for each data set: l2, means over its pictures."""
    agent = load("pretrained")
    agent.renderer = make_renderer("analytic", "bezier", (1, 1))
    rows: list[Row] = []
    for name in options.datasets:
        pictures = load_dataset(name, options.split, options.size)[np.arange(options.images)]
        found: dict[str, list[float]] = {"any colours": [], "palette": [], "picture in these colours": []}
        for picture in pictures:
            target = torch.from_numpy(picture)
            palette = choose_palette(target[None] / 255, options.colours)
            for key, colours in (("any colours", None), ("palette", palette)):
                (begun,) = paint(agent, target[None], options.strokes, palette=colours)
                painting = refine(begun, target, options.refine, palette=colours)
                found[key] += l2_by_raster([painting], picture[None]).tolist()
                used = np.unique(painting.strokes[:, -3:], axis=0)
                if colours is not None and not np.isin(used, palette.numpy()).all():
                    raise AssertionError(f"colours that are not in the palette: {used}")
            pixels = target.permute(1, 2, 0) / 255
            nearest = nearest_colours(pixels, palette)
            found["picture in these colours"].append((nearest - pixels).square().mean().item())
        row: Row = {"pictures": name, **{key: float(np.mean(values)) for key, values in found.items()}}
        row["times"] = row["palette"] / row["any colours"]
        rows.append(row | at_most(row["times"], BAR))
    yield f"l2 with {options.colours} colours, {options.strokes} opaque strokes", rows


if __name__ == "__main__":
    main(Palette, tables)
