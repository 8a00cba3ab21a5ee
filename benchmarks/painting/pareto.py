"""Quality of paintings for the seconds they take: the agent alone, planned, refined, from random strokes.

Run: python -m benchmarks.painting.pareto --threads 1 --plot docs/pareto.png

CelebA's test pictures have 128 px and are painted eight at once; Kodak's have 768 x 512, are painted one at a
time, and refined and compared at full size. All by `raster`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.harness.measure import Row
from benchmarks.harness.painting import Painted, PaintingVariant, first_pictures, paint_and_score
from benchmarks.harness.tables import BenchmarkConfig, Table, main
from benchmarks.painting.kodak import kodak_pictures, paint_at
from paint_gym.metrics import psnr
from paint_gym.utils.files import replace_when_done

VARIANTS = (
    *[PaintingVariant(lookahead=lookahead) for lookahead in (0, 1, 2, 4, 8)],
    *[PaintingVariant(plan=steps) for steps in (2, 5, 10, 20, 40)],
    *[PaintingVariant(refine=times) for times in (10, 25, 50, 100, 200, 400, 1000)],
    *[PaintingVariant(plan=20, refine=times) for times in (25, 50, 100, 200, 400, 1000)],
    *[PaintingVariant(refine=times, random=True) for times in (10, 25, 50, 100, 200, 400, 1000)],
)


@dataclass(frozen=True)
class Pareto(BenchmarkConfig):
    """Quality of paintings for the seconds they take."""

    portraits: int = 16
    """Pictures of CelebA."""
    photos: int = 2
    """Pictures of Kodak; 0 for none."""
    plot: Path | None = None
    """PNG of both to write."""


def measure(paint: Callable[[PaintingVariant], list[Painted]]) -> Iterator[Row]:
    """A row for each variant: seconds a picture, mean l2 and mean PSNR."""
    for variant in VARIANTS:
        parts = paint(variant)
        l2 = np.concatenate([painted.l2 for painted in parts])
        row: Row = {"by": variant.curve, "effort": variant.effort, "pictures": len(l2)}
        row |= {"seconds a picture": float(np.mean([painted.seconds for painted in parts]))}
        yield row | {"l2": float(l2.mean()), "PSNR, dB": float(psnr(l2).mean())}


def tables(options: Pareto) -> Iterator[Table]:
    """Both data sets; draws them."""
    tables: dict[str, list[Row]] = {}
    size, strokes, photo_strokes = options.pick((128, 200, 512), (32, 10, 10))
    faces = first_pictures("celeba", "test", size, options.pick(options.portraits, 2))
    title = f"celeba, {strokes} strokes at {size} px"
    paint = partial(paint_and_score, faces, strokes, batch=8)
    tables[title] = list(measure(lambda variant: [paint(variant)]))
    yield title, tables[title]
    if options.photos and not options.smoke:
        photos = kodak_pictures(options.photos).values()
        title = f"Kodak, {photo_strokes} strokes"
        tables[title] = list(
            measure(lambda variant: [paint_at(photo, photo_strokes, variant) for photo in photos])
        )
        yield title, tables[title]
    if options.plot:
        draw(tables, options.plot)


def draw(tables: dict[str, list[Row]], path: Path) -> None:
    """Write a PNG: l2 against seconds, a curve for each kind of variant, a panel for each data set."""
    figure = Figure(figsize=(5 * len(tables), 4.2), layout="constrained")
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    for axis, (title, rows) in zip(panels, tables.items(), strict=True):
        for curve in dict.fromkeys(row["by"] for row in rows):
            points = [(row["seconds a picture"], row["l2"]) for row in rows if row["by"] == curve]
            axis.plot(*zip(*points, strict=True), marker=".", label=curve)
        axis.set(title=title, xscale="log", yscale="log", xlabel="seconds a picture", ylabel="l2 by raster")
        axis.grid(alpha=0.3, which="both")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("{x:g}")
        axis.tick_params(axis="y", which="minor", labelsize="x-small")
        axis.legend()
    with replace_when_done(path) as temporary:
        figure.savefig(temporary, dpi=120)


if __name__ == "__main__":
    main(tables, Pareto)
