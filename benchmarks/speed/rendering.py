"""Speed of the analytic renderer and the environments, against the network of the paper's Fig. 12.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.speed.rendering

Both take turns in one process, on the same strokes at 128 px; the network is in fp32 with random weights.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness.measure import Row, random_strokes, take_turns
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.tables import BenchmarkConfig, Table, at_least, at_most, main
from paint_gym.envs import PaintCanvasEnv, PaintCanvasVectorEnv
from paint_gym.renderers import Renderer, make_renderer
from paint_gym.strokes import StrokeDesign, get_stroke, stroke_names

FORWARD_BAR = 4.0
BACKWARD_BAR = 8.0
ENVIRONMENT_BAR = 4.0
STEP_BAR = 0.0007  # seconds
Function = Callable[[Tensor], Tensor]
"""Function of strokes ``(B, K, stroke_dim)``; its result is the same for both sides of a comparison."""


@dataclass(frozen=True)
class Speed(BenchmarkConfig):
    """Speed of the analytic renderer and the environments, against the paper's network."""

    canvases: int = 96
    """Canvases, or environments, painted at once."""
    bundle: int = 5
    """Strokes on each canvas."""
    channels_last: bool = False
    """Give the network the memory layout in which its convolutions are fastest."""
    max_strokes: int = 200
    """Strokes per episode of the environment."""
    repeats: int = 15
    """Timed turns, after two that warm up."""
    fallback_repeats: int = 3
    """Timed turns of the renderer without its compiled kernel; 0 leaves it out."""


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


def compare_renderers(design: StrokeDesign, options: Speed, kernel: bool = True) -> Iterator[Row]:
    """Seconds of ours and of the network, for coverage and for painting, with and without gradients."""
    canvas = torch.rand(options.canvases, 3, SIZE, SIZE)
    strokes = random_strokes(design, options.canvases, options.bundle)
    analytic = functions(make_renderer("analytic", design), canvas)
    paper = functions(PaperRenderer(design, options.channels_last), canvas)
    repeats, warmup = (options.repeats, 2) if kernel else (options.fallback_repeats, 1)
    for name, function in analytic.items():
        for what, measure in PASSES.items():
            with patch.dict(os.environ, PAINT_GYM_KERNEL="c" if kernel else "torch"):
                calls = {"ours": measure(function, strokes), "paper": measure(paper[name], strokes)}
                seconds = take_turns(calls, repeats, warmup)
            row: Row = {"stroke": design.name, "what": f"{name}, {what}"} | compare(**seconds)
            bar = FORWARD_BAR if what == "forward" else BACKWARD_BAR
            yield row | at_least(row["times faster"], bar) if kernel else row


def compare(ours: float, paper: float) -> Row:
    """Both seconds, and their ratio."""
    return {"seconds": ours, "seconds of the paper's network": paper, "times faster": paper / ours}


@torch.no_grad()
def compare_environment(options: Speed) -> Iterator[Row]:
    """`PaintCanvasVectorEnv.step` against the network on the same bundles, alone and with compositing.

    A step is the mean over a whole episode, the reset at its end included.
    """
    budget: Row = {"bundle": options.bundle, "max_strokes": options.max_strokes}
    env = PaintCanvasVectorEnv(options.canvases, dataset=random_pictures(256), device="cpu", **budget)
    env.reset(seed=0)
    design, steps = get_stroke("bezier"), options.max_strokes // options.bundle
    strokes = random_strokes(design, steps, options.canvases, options.bundle)
    bundles = list(strokes.flatten(2).numpy())
    network = PaperRenderer(design, options.channels_last)
    canvas = torch.zeros(options.canvases, 3, SIZE, SIZE)
    calls: dict[str, Callable[[], object]] = {
        "step": lambda: [env.step(bundle) for bundle in bundles],
        "render": lambda: network(strokes[0].flatten(0, 1)),
        "render and composite": lambda: network.paint(canvas, strokes[0]),
    }
    seconds = take_turns(calls, options.repeats)
    for what in ("render", "render and composite"):
        row: Row = {"what": f"step, against {what}", **compare(seconds["step"] / steps, seconds[what])}
        yield row | at_least(row["times faster"], ENVIRONMENT_BAR) if what == "render" else row


def one_environment(options: Speed) -> Row:
    """Seconds of a step of one `PaintCanvas-v0`, with arrays of numpy: the mean over a whole episode."""
    budget: Row = {"bundle": options.bundle, "max_strokes": options.max_strokes}
    env = PaintCanvasEnv(dataset=random_pictures(8), device="cpu", **budget)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(options.max_strokes // options.bundle)]

    def episode() -> None:
        env.reset(seed=0)
        for action in actions:
            env.step(action)

    seconds = take_turns({"step": episode}, options.repeats)["step"] / len(actions)
    return {"what": f"step of {options.bundle} strokes", "seconds": seconds} | at_most(seconds, STEP_BAR)


def tables(options: Speed) -> Iterator[Table]:
    """The renderer for every stroke design, with and without its kernel, and the environment."""
    designs = [get_stroke(name) for name in stroke_names()]
    many = f"{options.canvases * options.bundle} strokes"
    yield (
        f"analytic renderer, {many}",
        [row for design in designs for row in compare_renderers(design, options)],
    )
    yield f"vector environment, {many}", list(compare_environment(options))
    yield f"one environment, {SIZE} px", [one_environment(options)]
    if options.fallback_repeats:
        rows = [row for design in designs for row in compare_renderers(design, options, kernel=False)]
        yield f"analytic renderer without its kernel, {many}", rows


if __name__ == "__main__":
    main(Speed, tables)
