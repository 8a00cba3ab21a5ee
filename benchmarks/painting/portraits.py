"""Portraits of CelebA's test split: l2 by raster of the agent alone, with a plan, and refined.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.painting.portraits --json benchmarks/results/portraits.json

For comparison, what a user would pick instead: the hill climber `primitive` (Go), two threads, 200 shapes,
128 px, was measured on eight of these pictures at .0030 in 8.2 s an image (triangles) and .0023 in 17.3 s
(mixed shapes).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from agents import refine
from agents.painting.evaluation import l2_by_raster, mean_interval
from benchmarks.harness.painting import Way
from benchmarks.harness.tables import BenchmarkConfig, Row, Table, at_most, main
from paint_gym import load_dataset

ALONE, PLANNED = Way(), Way(plan=40)
REFINED = [Way(plan=begun.plan, refine=times) for begun in (ALONE, PLANNED) for times in (50, 100)]
WAYS = (ALONE, PLANNED, *REFINED)
BARS = {  # l2, and seconds a picture
    ALONE: (0.0040, None),
    PLANNED: (0.0020, 1.0),
    REFINED[2]: (0.00095, 1.2),
    REFINED[3]: (0.00080, 1.6),
}


@dataclass(frozen=True)
class Portraits(BenchmarkConfig):
    """How well the agent that comes with the package paints faces."""

    dataset: str = "celeba"
    """What: a name, or a folder of images."""
    split: str = "test"
    """Part of the data set."""
    images: int = 500
    """Pictures, the first ones."""
    strokes: int = 200
    """Strokes per painting."""
    size: int = 128
    """Side of the canvas in pixels."""
    batch: int = 8
    """Pictures painted and refined at once."""


def tables(options: Portraits) -> Iterator[Table]:
    """One row for each way; what is refined is the painting of the first or the second row."""
    data = load_dataset(options.dataset, options.split, options.size)
    count = min(options.images, len(data))
    l2: dict[Way, list[float]] = {way: [] for way in WAYS}
    seconds = dict.fromkeys(WAYS, 0.0)
    for first in range(0, count, options.batch):
        pictures = data[np.arange(first, min(first + options.batch, count))]
        targets = torch.from_numpy(pictures)
        for begun in (ALONE, PLANNED):
            began = time.perf_counter()
            painted = begun.paint(targets, options.strokes)
            seconds[begun] += time.perf_counter() - began
            l2[begun] += l2_by_raster(painted, pictures).tolist()
            for way in (way for way in REFINED if way.plan == begun.plan):
                began = time.perf_counter()
                finished = refine(painted, targets, way.refine)
                seconds[way] += time.perf_counter() - began
                l2[way] += l2_by_raster(finished, pictures).tolist()
    for way in REFINED:
        seconds[way] += seconds[PLANNED if way.plan else ALONE]
    rows: list[Row] = []
    for way in WAYS:
        mean, low, high = (float(value) for value in mean_interval(l2[way]))
        row: Row = {
            "by": way.curve,
            "effort": way.effort,
            "images": count,
            "l2": mean,
            "low": low,
            "high": high,
        }
        row["seconds an image"] = seconds[way] / count
        if way in BARS:
            most, longest = BARS[way]
            bar = at_most(mean, most)
            if longest is not None:
                met = bar["met"] and row["seconds an image"] <= longest
                bar = {"bar": f"{bar['bar']}, {longest:g} s", "met": met}
            row |= bar
        rows.append(row)
    yield f"{options.dataset}, {options.split}, {options.strokes} strokes at {options.size} px", rows


if __name__ == "__main__":
    main(Portraits, tables)
