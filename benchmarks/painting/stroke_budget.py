"""What more strokes buy: l2 by raster against strokes, with and without refinement.

Run: python -m benchmarks.painting.stroke_budget --json benchmarks/results/stroke_budget.json --plot docs/budget.png
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from agents import load, paint, refine
from agents.painting.evaluation import l2_by_raster, mean_interval
from benchmarks.harness.tables import BenchmarkConfig, Row, Table, main
from paint_gym import load_dataset
from paint_gym.utils.files import replace_when_done


@dataclass(frozen=True)
class StrokeBudget(BenchmarkConfig):
    """What more strokes buy."""

    agent: str = "pretrained"
    """Agent that paints."""
    dataset: str = "imagenet"
    """What: a name, or a folder of images."""
    split: str = "val"
    """Part of the data set."""
    images: int = 20
    """Pictures, spread over the split."""
    strokes: tuple[int, ...] = (50, 100, 200, 500, 1000, 5000)
    """Budgets; each refined painting is refined at its own budget."""
    size: int = 256
    """Side of the canvas in pixels."""
    refine: int = 50
    """Iterations of refinement."""
    plot: Path | None = None
    """PNG to draw the curves in."""


def tables(options: StrokeBudget) -> Iterator[Table]:
    """A row for each budget."""
    data = load_dataset(options.dataset, options.split, options.size)
    pictures = data[np.linspace(0, len(data) - 1, options.images).astype(int)]
    targets = torch.from_numpy(pictures)
    paintings = paint(load(options.agent), targets, max(options.strokes))
    rows: list[Row] = []
    for strokes in options.strokes:
        begun = [painting[:strokes] for painting in paintings]  # a painting of few strokes begins one of many
        row: Row = {"strokes": strokes}
        for iterations in (0, options.refine):
            began = time.perf_counter()
            finished = refine(begun, targets, iterations)
            seconds = (time.perf_counter() - began) / options.images
            mean, low, high = (float(value) for value in mean_interval(l2_by_raster(finished, pictures)))
            name = "refined" if iterations else "agent alone"
            row |= {f"l2, {name}": mean, f"{name}, low": low, f"{name}, high": high}
        rows.append(row | {"seconds of refinement an image": seconds})
    yield f"{options.dataset}, {options.split}, {options.images} pictures at {options.size} px", rows
    if options.plot:
        draw(rows, options.plot)


def draw(rows: list[Row], path: Path) -> None:
    """Write the two curves, with their intervals, as a PNG."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    strokes = [row["strokes"] for row in rows]
    for name in ("agent alone", "refined"):
        axes.plot(strokes, [row[f"l2, {name}"] for row in rows], marker=".", label=name)
        axes.fill_between(
            strokes, [row[f"{name}, low"] for row in rows], [row[f"{name}, high"] for row in rows], alpha=0.2
        )
    axes.set(xlabel="strokes", ylabel="l2 (mean squared error, by raster)", xscale="log", yscale="log")
    axes.legend()
    with replace_when_done(path) as file:
        figure.savefig(file, dpi=120)


if __name__ == "__main__":
    main(StrokeBudget, tables)
