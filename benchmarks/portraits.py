"""Portraits of CelebA's test split: l2 by raster of the agent alone, and of the agent with refinement.

Run: python -m benchmarks.portraits --json benchmarks/results/portraits.json

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

from agents import load, paint, refine
from agents.evaluation import l2_by_raster, mean_interval
from benchmarks.harness.suite import BenchmarkConfig, Row, Table, at_most, main
from paint_gym import load_dataset

BARS = {0: 0.0060, 50: 0.0018, 100: 0.0015}  # l2, by iterations of refinement
SECONDS_BAR = 4.0  # an image, agent and refinement


@dataclass(frozen=True)
class Portraits(BenchmarkConfig):
    """How well the agent that comes with the package paints faces."""

    agent: str = "pretrained"
    """Agent that paints."""
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
    """One row for each number of iterations; each refines the same paintings."""
    data = load_dataset(options.dataset, options.split, options.size)
    agent = load(options.agent)
    count = min(options.images, len(data))
    l2: dict[int, list[float]] = {iterations: [] for iterations in BARS}
    seconds = dict.fromkeys(BARS, 0.0)
    for first in range(0, count, options.batch):
        pictures = data[np.arange(first, min(first + options.batch, count))]
        targets = torch.from_numpy(pictures)
        began = time.perf_counter()
        painted = paint(agent, targets, options.strokes)
        painting = time.perf_counter() - began
        for iterations in BARS:
            began = time.perf_counter()
            finished = refine(painted, targets, iterations)
            seconds[iterations] += painting + time.perf_counter() - began
            l2[iterations] += l2_by_raster(finished, pictures).tolist()
    rows: list[Row] = []
    for iterations, bar in BARS.items():
        mean, low, high = (float(value) for value in mean_interval(l2[iterations]))
        row: Row = {"refinement": iterations, "images": count, "l2": mean, "low": low, "high": high}
        rows.append(row | {"seconds an image": seconds[iterations] / count} | at_most(mean, bar))
    held = rows[-1]
    both = held["met"] and held["seconds an image"] <= SECONDS_BAR
    held |= {"bar": f"{held['bar']}, {SECONDS_BAR:g} s", "met": both}
    yield f"{options.dataset}, {options.split}, {options.strokes} strokes at {options.size} px", rows


if __name__ == "__main__":
    main(Portraits, tables)
