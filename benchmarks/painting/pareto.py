"""How good paintings are for the seconds they take: the agent alone, planned, refined, from random strokes.

Run: python -m benchmarks.painting.pareto --json benchmarks/results/pareto.json --plot docs/pareto.png

CelebA's test pictures have 128 px and are painted eight at once; Kodak's have 768 x 512, are painted one at a
time, and refined and compared at full size. All by `raster`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from agents.painting.evaluation import l2_by_raster
from agents.painting.paint import fit_to_canvas
from benchmarks.harness.painting import Way
from benchmarks.harness.tables import BenchmarkConfig, Row, Table, main
from benchmarks.painting.kodak import Kodak, kodak_pictures, of_size
from paint_gym import load_dataset
from paint_gym.metrics import psnr
from paint_gym.painting import Painting
from paint_gym.utils.files import replace_when_done

WAYS = (
    *[Way(lookahead=lookahead) for lookahead in (0, 1, 2, 4, 8)],
    *[Way(plan=steps) for steps in (2, 5, 10, 20, 40)],
    *[Way(refine=times) for times in (10, 25, 50, 100, 200, 400, 1000)],
    *[Way(plan=20, refine=times) for times in (25, 50, 100, 200, 400, 1000)],
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
    """Shorter side in pixels of the canvas that they are refined on."""
    batch: int = 8
    """Pictures of CelebA that are painted at once."""
    plot: Path | None = None
    """PNG of both to write."""


Batch = tuple[Tensor, np.ndarray]
"""Targets ``(B, 3, h, w)`` to paint, and ``(B, 3, H, W)`` uint8 to compare the paintings with."""


def portraits(options: Pareto) -> list[Batch]:
    """Of CelebA, some at once."""
    data = load_dataset(options.dataset, "test", options.size)
    pictures = data[np.arange(min(options.portraits, len(data)))]
    firsts = range(0, len(pictures), options.batch)
    batches = [pictures[first : first + options.batch] for first in firsts]
    return [(torch.from_numpy(batch), batch) for batch in batches]


def photos(options: Pareto) -> list[Batch]:
    """Of Kodak, one by one."""
    pictures = kodak_pictures(options.folder_of_photos, options.photos).values()
    return [(fit_to_canvas(torch.tensor(one), options.canvas), of_size(one)) for one in pictures]


def measured(batches: list[Batch], strokes: int) -> Iterator[Row]:
    """A row for each way: seconds a picture, mean l2 and mean PSNR."""
    for way in WAYS:
        l2, seconds = list[float](), 0.0
        for targets, pictures in batches:
            began = time.perf_counter()
            painted = way.paint(targets, strokes)
            seconds += time.perf_counter() - began
            whole = [Painting(one.strokes, size=pictures.shape[2:]) for one in painted]
            l2 += l2_by_raster(whole, pictures).tolist()
        row: Row = {"by": way.curve, "effort": way.effort, "pictures": len(l2)}
        row |= {"seconds a picture": seconds / len(l2), "l2": float(np.mean(l2))}
        yield row | {"PSNR, dB": float(psnr(np.array(l2)).mean())}


def tables(options: Pareto) -> Iterator[Table]:
    """Both data sets; draws them."""
    found: dict[str, list[Row]] = {}
    title = f"{options.dataset}, {options.strokes} strokes at {options.size} px"
    found[title] = list(measured(portraits(options), options.strokes))
    yield title, found[title]
    if options.photos:
        title = f"Kodak, {options.photo_strokes} strokes"
        found[title] = list(measured(photos(options), options.photo_strokes))
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
