"""How close `analytic` is to `raster`, and strokes painted small to strokes painted large and area-reduced.

Run: python -m benchmarks.painting.accuracy --json benchmarks/results/accuracy.json
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from benchmarks.harness.tables import BenchmarkConfig, Row, Table, at_most, main, random_strokes
from paint_gym.renderers import Renderer, make_renderer
from paint_gym.strokes import StrokeDesign, get_stroke, stroke_names

MSE_BAR = 6e-4
REDUCED_BAR = 0.01


@dataclass(frozen=True)
class Accuracy(BenchmarkConfig):
    """How close the analytic renderer is to the ground truth, and to itself at another size."""

    strokes: int = 2000
    """Random strokes of each design, for `analytic` against `raster`."""
    size: int = 128
    """Side of the canvas in pixels."""
    reduced_strokes: int = 200
    """Random strokes of each design, for small against large."""
    finer: int = 8
    """How many times larger the large canvas is."""


def errors_to_raster(renderer: Renderer, strokes: int, size: int) -> Row:
    """Errors of the coverage of random strokes, with `raster` as the truth.

    The bias is the mean of the renderer minus raster; the worst hundredth are the strokes of the largest
    errors.
    """
    raster = make_renderer("raster", renderer.design)
    errors, biases = [], []
    for some in random_strokes(renderer.design, strokes).split(100):
        error = (renderer(some, size) - raster(some, size)).double()
        errors.append(error.square().mean((1, 2)))
        biases.append(error.mean((1, 2)))
    squared = torch.cat(errors)
    mse = squared.mean().item()
    return {
        "MSE": mse,
        "PSNR, dB": -10 * math.log10(mse),
        "bias": torch.cat(biases).mean().item(),
        "MSE of the worst 1%": squared.topk(math.ceil(len(squared) / 100)).values.mean().item(),
    }


def against_raster(design: StrokeDesign, options: Accuracy) -> Row:
    """The errors of `analytic`, held to the bar."""
    errors = errors_to_raster(make_renderer("analytic", design), options.strokes, options.size)
    return {"stroke": design.name, **errors, **at_most(errors["MSE"], MSE_BAR)}


def against_reduced(design: StrokeDesign, options: Accuracy) -> Iterator[Row]:
    """Mean absolute difference between small and area-reduced large: of each stroke, and all on a canvas."""
    analytic = make_renderer("analytic", design)
    strokes = random_strokes(design, options.reduced_strokes, seed=1)
    small, large = options.size, options.size * options.finer

    def difference(one: Tensor, other: Tensor) -> Tensor:
        return (one - avg_pool2d(other, options.finer)).abs().double()

    chunks = strokes.split(8)
    apart = torch.cat([difference(analytic(c, small), analytic(c, large)).mean((1, 2)) for c in chunks])
    painted = [analytic.paint(torch.zeros(1, 3, side, side), strokes[None]) for side in (small, large)]
    for what, value in (
        ("coverage, mean over strokes", apart.mean().item()),
        (f"{len(strokes)} strokes on one canvas", difference(*painted).mean().item()),
    ):
        row = {"stroke": design.name, "painted": what, "mean absolute difference": value}
        yield row | at_most(value, REDUCED_BAR)


@torch.no_grad()
def tables(options: Accuracy) -> Iterator[Table]:
    """Both comparisons, for every stroke design."""
    designs = [get_stroke(name) for name in stroke_names()]
    yield "analytic against raster", [against_raster(design, options) for design in designs]
    rows = [row for design in designs for row in against_reduced(design, options)]
    yield "painted small against painted large and reduced", rows


if __name__ == "__main__":
    main(Accuracy, tables)
