"""How good paintings are for the seconds they take: the agent alone, planned, refined, from random strokes.

Run: python -m benchmarks.pareto --json benchmarks/results/pareto.json --plot docs/pareto.png

CelebA's test pictures have 128 px and are painted eight at once; Kodak's have 768 x 512, are painted one at a
time on a canvas of 256 px, and compared at full size. All by `raster`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from agents.evaluation import l2_by_raster
from agents.painter import fit_to_canvas
from benchmarks.harness.suite import BenchmarkConfig, Row, Table, main
from benchmarks.harness.ways import Way
from benchmarks.kodak import Kodak, kodak_pictures
from paint_gym import load_dataset
from paint_gym.metrics import psnr
from paint_gym.painting import Painting
from paint_gym.utils.files import replace_when_done

WAYS = (
    *[Way(lookahead=lookahead) for lookahead in (0, 1, 2, 4, 8)],
    *[Way(plan=steps) for steps in (2, 5, 10, 20, 40)],
    *[Way(refine=times) for times in (10, 25, 50, 100, 200, 400, 1000)],
    *[Way(refine=times, random=True) for times in (10, 25, 50, 100, 200, 400, 1000)],
)


@dataclass(frozen=True)
class Pareto(BenchmarkConfig):
    """How good a painting is for the seconds it takes."""

    portraits: int = 24
    """Pictures of CelebA."""
    dataset: str = "celeba"
    """Where they are from."""
    strokes: int = 200
    """Strokes of each."""
    size: int = 128
    """Their side in pixels."""
    photos: int = 4
    """Pictures of Kodak; 0 for none."""
    folder_of_photos: Path = Kodak.folder_of_pictures
    """Where they are."""
    photo_strokes: int = 512
    """Strokes of each."""
    canvas: int = Kodak.canvas
    """Shorter side in pixels of the canvas that they are painted on."""
    batch: int = 8
    """Pictures of CelebA that are painted at once."""
    plot: Path | None = None
    """PNG of both to write."""


def portraits(options: Pareto) -> Iterator[Row]:
    """A row for each way."""
    data = load_dataset(options.dataset, "test", options.size)
    count = min(options.portraits, len(data))
    for way in WAYS:
        l2, seconds = list[float](), 0.0
        for first in range(0, count, options.batch):
            pictures = data[np.arange(first, min(first + options.batch, count))]
            began = time.perf_counter()
            painted = way.paint(torch.from_numpy(pictures), options.strokes)
            seconds += time.perf_counter() - began
            l2 += l2_by_raster(painted, pictures).tolist()
        yield of_way(way, l2, seconds / count)


def photos(options: Pareto) -> Iterator[Row]:
    """A row for each way."""
    pictures = kodak_pictures(options.folder_of_photos, options.photos)
    for way in WAYS:
        l2, seconds = list[float](), 0.0
        for picture in pictures.values():
            target = fit_to_canvas(torch.tensor(picture), options.canvas)
            began = time.perf_counter()
            (painted,) = way.paint(target, options.photo_strokes)
            seconds += time.perf_counter() - began
            whole = Painting(painted.strokes, size=picture.shape[:2])
            l2 += l2_by_raster([whole], picture.transpose(2, 0, 1)[None]).tolist()
        yield of_way(way, l2, seconds / len(pictures))


def of_way(way: Way, l2: list[float], seconds: float) -> Row:
    """The row of a way: mean l2, and mean PSNR, of pictures."""
    row: Row = {"by": way.curve, "effort": way.effort, "pictures": len(l2), "seconds a picture": seconds}
    return row | {"l2": float(np.mean(l2)), "PSNR, dB": float(psnr(np.array(l2)).mean())}


def tables(options: Pareto) -> Iterator[Table]:
    """Both data sets; draws them."""
    found: dict[str, list[Row]] = {}
    title = f"{options.dataset}, {options.strokes} strokes at {options.size} px"
    found[title] = list(portraits(options))
    yield title, found[title]
    if options.photos:
        title = f"Kodak, {options.photo_strokes} strokes"
        found[title] = list(photos(options))
        yield title, found[title]
    if options.plot:
        draw(found, options.plot)


def draw(found: dict[str, list[Row]], path: Path) -> None:
    """Write a PNG: l2 against seconds, a curve for each way, a panel for each data set."""
    figure = Figure(figsize=(5 * len(found), 4.2), layout="constrained")
    for axis, (title, rows) in zip(
        figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True
    ):
        for curve in dict.fromkeys(row["by"] for row in rows):
            of_curve = [row for row in rows if row["by"] == curve]
            seconds, l2 = ([row[name] for row in of_curve] for name in ("seconds a picture", "l2"))
            axis.plot(seconds, l2, marker=".", label=curve)
        axis.set(title=title, xscale="log", yscale="log", xlabel="seconds a picture", ylabel="l2 by raster")
        axis.grid(alpha=0.3, which="both")
        for which in (axis.xaxis, axis.yaxis):
            which.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("{x:g}")
        axis.tick_params(axis="y", which="minor", labelsize="x-small")
        axis.legend()
    with replace_when_done(path) as temporary:
        figure.savefig(temporary, dpi=120)


if __name__ == "__main__":
    main(Pareto, tables)
