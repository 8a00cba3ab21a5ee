"""Error of paintings with more and more strokes, with and without refinement, by raster.

Run: python -m benchmarks.painting.stroke_budget --plot docs/budget.png
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from agents.painting.evaluation import mean_interval
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import PaintingVariant, paint_and_score
from benchmarks.harness.tables import BenchmarkConfig, Table, main
from paint_gym import load_dataset
from paint_gym.utils.files import replace_when_done


@dataclass(frozen=True)
class StrokeBudget(BenchmarkConfig):
    """Error of paintings with more and more strokes."""

    agent: str = "pretrained"
    """Agent that paints."""
    strokes: tuple[int, ...] = (50, 100, 200, 500, 1000, 5000)
    """Budgets; each refined painting is refined at its own budget."""
    plot: Path | None = None
    """PNG to draw the curves in."""


def tables(options: StrokeBudget) -> Iterator[Table]:
    """A row for each budget."""
    size, images, iterations, budgets = options.pick((256, 20, 50, options.strokes), (32, 2, 2, (5, 10)))
    data = load_dataset("imagenet", "val", size)
    pictures = data[np.linspace(0, len(data) - 1, images).astype(int)]  # spread over the split
    paintings = paint_and_score(
        pictures, max(budgets), PaintingVariant(options.agent), len(pictures)
    ).paintings
    rows: list[Row] = []
    for strokes in budgets:
        start = [painting[:strokes] for painting in paintings]  # few strokes are the first of many
        row: Row = {"strokes": strokes}
        for name, refine in (("agent alone", 0), ("refined", iterations)):
            variant = PaintingVariant(options.agent, refine=refine)
            painted = paint_and_score(pictures, strokes, variant, len(pictures), start)
            mean, low, high = (float(value) for value in mean_interval(painted.l2))
            row |= {f"l2, {name}": mean, f"{name}, low": low, f"{name}, high": high}
        rows.append(row | {"seconds of refinement an image": painted.seconds})
    yield f"imagenet, val, {images} pictures at {size} px", rows
    if options.plot:
        draw(rows, options.plot)


def draw(rows: list[Row], path: Path) -> None:
    """Write the two curves, with their intervals, as a PNG."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    strokes = [row["strokes"] for row in rows]
    for name in ("agent alone", "refined"):
        columns = (f"l2, {name}", f"{name}, low", f"{name}, high")
        l2, low, high = ([row[column] for row in rows] for column in columns)
        axes.plot(strokes, l2, marker=".", label=name)
        axes.fill_between(strokes, low, high, alpha=0.2)
    axes.set(xlabel="strokes", ylabel="l2 (mean squared error, by raster)", xscale="log", yscale="log")
    axes.legend()
    with replace_when_done(path) as file:
        figure.savefig(file, dpi=120)


if __name__ == "__main__":
    main(tables, StrokeBudget)
