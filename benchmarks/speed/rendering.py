"""Speed of the analytic renderer and the environments, against the network of the paper's Fig. 12.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.speed.rendering

They take turns in one process, on the same strokes at 128 px. The network is in fp32 with random weights, and
in the memory layout in which it is faster.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness.measure import Row, random_strokes, take_turns
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.tables import BenchmarkConfig, Table, at_least, at_most, main
from paint_gym.envs import PaintCanvasEnv, PaintCanvasVectorEnv
from paint_gym.renderers import Renderer, make_renderer
from paint_gym.strokes import STROKES, StrokeDesign, get_stroke

FORWARD_BAR = 4.0
BACKWARD_BAR = 8.0
ENVIRONMENT_BAR = 4.0
STEP_BAR = 0.0007  # seconds
CANVASES, BUNDLE = 96, 5  # canvases painted at once, strokes on each
Function = Callable[[Tensor], Tensor]
"""Function of strokes ``(B, K, stroke_dim)``; its result is the same for both sides of a comparison."""


def forward(function: Function, strokes: Tensor) -> Callable[[], object]:
    """A call that only paints."""
    return torch.no_grad()(lambda: function(strokes))


def forward_backward(function: Function, strokes: Tensor) -> Callable[[], object]:
    """A call that paints, then finds the gradient in the strokes, as an actor needs it."""
    leaf = strokes.clone().requires_grad_()
    weights = torch.rand_like(function(strokes))
    return lambda: torch.autograd.grad(function(leaf), leaf, weights)


PASSES = {"forward": forward, "forward and backward": forward_backward}


def functions(renderer: Renderer, canvas: Tensor) -> dict[str, Function]:
    """Functions that are timed, by name."""
    return {
        "coverage": lambda strokes: renderer(strokes.flatten(0, 1), SIZE),
        "paint": lambda strokes: renderer.paint(canvas, strokes),
    }


def random_pictures(count: int) -> np.ndarray:
    """Pictures ``(count, 3, 128, 128)`` uint8 of noise."""
    return np.random.default_rng(0).integers(256, size=(count, 3, SIZE, SIZE), dtype=np.uint8)


def compare_renderers(design: StrokeDesign, options: BenchmarkConfig, kernel: bool = True) -> Iterator[Row]:
    """Seconds of ours and of the network, for coverage and for painting, with and without gradients."""
    canvases = options.pick(CANVASES, 2)
    canvas = torch.rand(canvases, 3, SIZE, SIZE)
    strokes = random_strokes(design, canvases, BUNDLE)
    analytic = functions(make_renderer("analytic", design), canvas)
    networks = {
        layout: functions(network, canvas)
        for layout, network in PaperRenderer.in_both_layouts(design).items()
    }
    repeats, warmup = (options.pick(15, 1), 2) if kernel else (options.pick(3, 1), 1)
    for name, function in analytic.items():
        for what, measure in PASSES.items():
            with patch.dict(os.environ, PAINT_GYM_KERNEL="c" if kernel else "torch"):
                calls = {"analytic": measure(function, strokes)}
                calls |= {layout: measure(paper[name], strokes) for layout, paper in networks.items()}
                seconds = take_turns(calls, repeats, warmup)
            compared = compare(seconds.pop("analytic"), min(seconds.values()))
            row: Row = {"stroke": design.name, "what": f"{name}, {what}"} | compared
            bar = FORWARD_BAR if what == "forward" else BACKWARD_BAR
            yield row | at_least(row["times faster"], bar) if kernel else row


def compare(analytic: float, paper: float) -> Row:
    """Both seconds, and their ratio."""
    return {"seconds": analytic, "seconds of the paper's network": paper, "times faster": paper / analytic}


@torch.no_grad()
def compare_environment(options: BenchmarkConfig) -> Iterator[Row]:
    """`PaintCanvasVectorEnv.step` against the network on the same bundles, alone and with compositing.

    A step is the mean over a whole episode, the reset at its end included.
    """
    canvases, max_strokes = options.pick((CANVASES, 200), (2, 10))
    budget: Row = {"bundle": BUNDLE, "max_strokes": max_strokes}
    env = PaintCanvasVectorEnv(canvases, dataset=random_pictures(256), device="cpu", **budget)
    env.reset(seed=0)
    design, steps = get_stroke("bezier"), max_strokes // BUNDLE
    strokes = random_strokes(design, steps, canvases, BUNDLE)
    bundles = list(strokes.flatten(2).numpy())
    canvas = torch.zeros(canvases, 3, SIZE, SIZE)
    networks = PaperRenderer.in_both_layouts()
    work: dict[str, Callable[[PaperRenderer], object]] = {
        "render": lambda network: network(strokes[0].flatten(0, 1)),
        "render and composite": lambda network: network.paint(canvas, strokes[0]),
    }
    for what, paint in work.items():
        calls: dict[str, Callable[[], object]] = {"step": lambda: [env.step(bundle) for bundle in bundles]}
        calls |= {layout: partial(paint, network) for layout, network in networks.items()}
        seconds = take_turns(calls, options.pick(15, 1))
        row: Row = {"what": f"step, against {what}"}
        row |= compare(seconds.pop("step") / steps, min(seconds.values()))
        yield row | at_least(row["times faster"], ENVIRONMENT_BAR) if what == "render" else row


def one_environment(options: BenchmarkConfig) -> Row:
    """Seconds of a step of one `PaintCanvas-v0`, with arrays of numpy: the mean over a whole episode."""
    max_strokes = options.pick(200, 10)
    budget: Row = {"bundle": BUNDLE, "max_strokes": max_strokes}
    env = PaintCanvasEnv(dataset=random_pictures(8), device="cpu", **budget)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(max_strokes // BUNDLE)]

    def episode() -> None:
        env.reset(seed=0)
        for action in actions:
            env.step(action)

    seconds = take_turns({"step": episode}, options.pick(15, 1))["step"] / len(actions)
    return {"what": f"step of {BUNDLE} strokes", "seconds": seconds} | at_most(seconds, STEP_BAR)


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """The renderer for every stroke design, with and without its kernel, and the environment."""
    designs = [get_stroke(name) for name in STROKES]
    many = f"{options.pick(CANVASES, 2) * BUNDLE} strokes"
    rows = [row for design in designs for row in compare_renderers(design, options)]
    yield f"analytic renderer, {many}", rows
    yield f"vector environment, {many}", list(compare_environment(options))
    yield f"one environment, {SIZE} px", [one_environment(options)]
    rows = [row for design in designs for row in compare_renderers(design, options, kernel=False)]
    yield f"analytic renderer without its kernel, {many}", rows


if __name__ == "__main__":
    main(tables)
