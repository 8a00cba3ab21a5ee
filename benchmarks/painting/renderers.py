"""Each renderer against the ground truth: errors, gradients, speed, and a picture to look at.

Run: python -m benchmarks.painting.renderers --sheet docs/renderers.png
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, cosine_similarity

from benchmarks.harness.measure import Row, random_strokes, take_turns
from benchmarks.harness.painting import write_rows
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main
from paint_gym.metrics import psnr
from paint_gym.renderers import Renderer, make_renderer
from paint_gym.renderers.neural import SIZE
from paint_gym.strokes import StrokeDesign, get_stroke

RENDERERS = ("raster", "analytic", "neural")
NEURAL_BARS = {"bezier": 1.2e-3, "straight": 1e-3, "circle": 1e-3, "triangle": 1e-3}
DESIGNS = tuple(NEURAL_BARS)
ANALYTIC_BAR, REDUCED_BAR = 6e-4, 0.01
FINER = 8  # side of the large canvas, in sides of the small one
STROKES = 10_000  # of each design, for the errors
BLUR = 9  # pixels a side of the box that blurs before a loss, so that its differences are smooth
STEP = 0.01  # of a parameter, for central differences: 1.3 pixels


@dataclass(frozen=True)
class Renderers(BenchmarkConfig):
    """Raster, analytic and neural at 128 px, for every stroke design."""

    sheet: Path | None = None
    """Picture of strokes side by side to write."""


def errors(design: StrokeDesign, options: Renderers) -> Iterator[Row]:
    """Errors of the coverage of random strokes, with `raster` as the truth.

    The bias is the mean of the renderer minus raster; the worst hundredth are the strokes of the largest
    errors.
    """
    raster = make_renderer("raster", design)
    for name in ("analytic", "neural"):
        renderer, squares, biases = make_renderer(name, design), list[Tensor](), list[Tensor]()
        for batch in random_strokes(design, options.pick(STROKES, 8)).split(100):
            error = (renderer(batch, SIZE) - raster(batch, SIZE)).double()
            squares.append(error.square().mean((1, 2)))
            biases.append(error.mean((1, 2)))
        squared = torch.cat(squares)
        mse, worst = squared.mean().item(), squared.topk(math.ceil(len(squared) / 100)).values
        row: Row = {"stroke": design.name, "renderer": name, "MSE": mse, "PSNR, dB": float(psnr(mse))}
        row |= {"bias": torch.cat(biases).mean().item(), "MSE of the worst 1%": worst.mean().item()}
        yield row | at_most(mse, ANALYTIC_BAR if name == "analytic" else NEURAL_BARS[design.name])


def reduced_errors(design: StrokeDesign, options: Renderers) -> Iterator[Row]:
    """Mean absolute difference between small and area-reduced large: of each stroke, and all on a canvas."""
    analytic = make_renderer("analytic", design)
    strokes, size = random_strokes(design, options.pick(200, 4), seed=1), options.pick(SIZE, 32)
    sides = (size, size * FINER)

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


def blurred(coverage: Tensor) -> Tensor:
    """Coverage ``(N, H, W)``, box-blurred twice."""
    for _ in range(2):
        coverage = avg_pool2d(coverage, BLUR, 1, BLUR // 2)
    return coverage


def losses(renderer: Renderer, strokes: Tensor, target: Tensor) -> Tensor:
    """``(N,)``: blurred squared distance of strokes ``(N, stroke_dim)`` to coverage ``(N, H, W)``."""
    return (blurred(renderer(strokes, SIZE)) - target).square().mean((1, 2))


def central_differences(renderer: Renderer, strokes: Tensor, target: Tensor, parameters: int) -> Tensor:
    """Slope ``(N, parameters)`` of `losses`, without the gradient of the renderer."""
    slopes = []
    for step in STEP * torch.eye(strokes.shape[-1])[:parameters]:
        after, before = (losses(renderer, strokes + change, target) for change in (step, -step))
        slopes.append((after - before) / (2 * STEP))
    return torch.stack(slopes, 1)


def gradients(design: StrokeDesign, options: Renderers) -> Iterator[Row]:
    """Angle between the gradient of a stroke towards another one and the slope of the ground truth."""
    raster, count, number = make_renderer("raster", design), len(design.parameters), options.pick(200, 40)
    strokes = random_strokes(design, number, seed=1) * (1 - 4 * STEP) + 2 * STEP
    target = blurred(raster(random_strokes(design, number, seed=2), SIZE))
    slope = central_differences(raster, strokes, target, count)
    for name in ("analytic", "neural"):
        leaf = strokes.clone().requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(losses(make_renderer(name, design), leaf, target).sum(), leaf)
        gradient = gradient[:, :count]
        cosine = cosine_similarity(gradient, slope)
        yield {
            "stroke": design.name,
            "renderer": name,
            "cosine, mean": cosine.mean().item(),
            "cosine, worst 5%": cosine.quantile(0.05).item(),
            "same sign": (gradient.sign() == slope.sign()).float().mean().item(),
        }


def speed(design: StrokeDesign, options: Renderers) -> Iterator[Row]:
    """Milliseconds for a batch of strokes, forward, and with the gradient in their parameters."""
    batch, repeats = options.pick((96, 15), (2, 1))
    strokes = random_strokes(design, batch)
    leaf, weight = strokes.clone().requires_grad_(), torch.rand(batch, SIZE, SIZE)

    @torch.enable_grad()
    def backward(renderer: Renderer) -> None:
        torch.autograd.grad(renderer(leaf, SIZE), leaf, weight)

    calls: dict[str, Callable[[], object]] = {}
    for name in RENDERERS:
        renderer = make_renderer(name, design)
        calls[name] = partial(renderer, strokes, SIZE)
        if renderer.differentiable:
            calls[f"{name}, with gradient"] = partial(backward, renderer)
    ms = {name: 1000 * seconds for name, seconds in take_turns(calls, repeats).items()}
    for name in RENDERERS:
        row: Row = {"stroke": design.name, "renderer": name, f"ms, {batch} strokes": ms[name]}
        yield row | {"with gradient": ms.get(f"{name}, with gradient")}


def write_sheet(path: Path, strokes: int = 8) -> None:
    """Write a row for each design and renderer, in the order of `DESIGNS` and `RENDERERS`."""
    rows = []
    for design in map(get_stroke, DESIGNS):
        values = random_strokes(design, strokes, seed=3)
        radii = [i for i, name in enumerate(design.parameters) if name.startswith("r")]
        values[:, radii] *= 0.5  # thinner: more to see
        rows += [torch.cat(list(make_renderer(name, design)(values, SIZE)), 1) for name in RENDERERS]
    write_rows(path, [row.mul(255).round().byte().numpy() for row in rows])


@torch.no_grad()
def tables(options: Renderers) -> Iterator[Table]:
    """Errors, gradients and speed; the picture."""
    designs = [get_stroke(name) for name in DESIGNS]
    if options.sheet:
        write_sheet(options.sheet)
    for title, measure in (
        (f"coverage of {options.pick(STROKES, 8)} random strokes against raster", errors),
        ("painted small against painted large and reduced", reduced_errors),
        ("gradients against central differences of raster", gradients),
        ("speed", speed),
    ):
        yield title, [row for design in designs for row in measure(design, options)]


if __name__ == "__main__":
    main(tables, Renderers)
