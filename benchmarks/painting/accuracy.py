"""Error of `analytic` against `raster`, and of small paintings against large ones, area-reduced.

Run: python -m benchmarks.painting.accuracy
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from benchmarks.harness.measure import Row, random_strokes
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main
from paint_gym.renderers import Renderer, make_renderer
from paint_gym.strokes import StrokeDesign, get_stroke, stroke_names

MSE_BAR = 6e-4
REDUCED_BAR = 0.01
FINER = 8  # side of the large canvas, in sides of the small one


def errors_to_raster(renderer: Renderer, strokes: int, size: int) -> Row:
    """Errors of the coverage of random strokes, with `raster` as the truth.

    The bias is the mean of the renderer minus raster; the worst hundredth are the strokes of the largest
    errors.
    """
    raster = make_renderer("raster", renderer.design)
    errors, biases = [], []
    for batch in random_strokes(renderer.design, strokes).split(100):
        error = (renderer(batch, size) - raster(batch, size)).double()
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


def reduced_errors(design: StrokeDesign, count: int, size: int) -> Iterator[Row]:
    """Mean absolute difference between small and area-reduced large: of each stroke, and all on a canvas."""
    analytic = make_renderer("analytic", design)
    strokes, sides = random_strokes(design, count, seed=1), (size, size * FINER)

    def difference(small: Tensor, large: Tensor) -> Tensor:
        return (small - avg_pool2d(large, FINER)).abs().double()

    batches = strokes.split(8)
    coverage = [difference(*(analytic(batch, side) for side in sides)).mean((1, 2)) for batch in batches]
    painted = [analytic.paint(torch.zeros(1, 3, side, side), strokes[None]) for side in sides]
    for what, value in (
        ("coverage, mean over strokes", torch.cat(coverage).mean().item()),
        (f"{len(strokes)} strokes on one canvas", difference(*painted).mean().item()),
    ):
        row = {"stroke": design.name, "painted": what, "mean absolute difference": value}
        yield row | at_most(value, REDUCED_BAR)


@torch.no_grad()
def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """Both comparisons, for every stroke design."""
    size, strokes, reduced = options.pick((128, 2000, 200), (32, 8, 4))
    rows: list[Row] = []
    for name in stroke_names():
        errors = errors_to_raster(make_renderer("analytic", name), strokes, size)
        rows.append({"stroke": name} | errors | at_most(errors["MSE"], MSE_BAR))
    yield "analytic against raster", rows
    rows = [row for name in stroke_names() for row in reduced_errors(get_stroke(name), reduced, size)]
    yield "painted small against painted large and reduced", rows


if __name__ == "__main__":
    main(tables)
