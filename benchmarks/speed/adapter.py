"""Cost of the adapter for stable-baselines3: its steps against those of the bare vector environment.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.speed.adapter
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.harness.measure import Row, random_strokes, take_turns
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main
from paint_gym.adapters.sb3 import PaintVecEnv
from paint_gym.envs import PaintCanvasVectorEnv
from paint_gym.strokes import get_stroke

OVERHEAD_BAR = 0.25


@dataclass(frozen=True)
class Adapter(BenchmarkConfig):
    """Cost of the adapter for stable-baselines3."""

    envs: int = 64
    """Environments."""
    size: int = 64
    """Side of their canvases in pixels."""
    max_strokes: int = 200
    """Strokes per episode; a turn is an episode, the reset at its end included."""
    bundle: int = 5
    """Strokes per step."""
    repeats: int = 15
    """Timed turns, after two that warm up."""


def tables(options: Adapter) -> Iterator[Table]:
    """One row."""
    shape = (64, 3, options.size, options.size)
    task: Row = {
        "dataset": np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8), "size": options.size,
        "max_strokes": options.max_strokes, "bundle": options.bundle, "device": "cpu",
    }  # fmt: skip
    bare, adapted = PaintCanvasVectorEnv(options.envs, **task), PaintVecEnv(num_envs=options.envs, **task)
    bare.reset(seed=0)
    adapted.seed(0)
    adapted.reset()
    steps = options.max_strokes // options.bundle
    strokes = random_strokes(get_stroke("bezier"), steps, options.envs, options.bundle)
    bundles = list(strokes.flatten(2).numpy())
    rescaled = [2 * bundle - 1 for bundle in bundles]
    seconds = take_turns(
        {
            "bare": lambda: [bare.step(bundle) for bundle in bundles],
            "adapted": lambda: [adapted.step(bundle) for bundle in rescaled],
        },
        options.repeats,
    )
    per_second = {name: steps * options.envs / value for name, value in seconds.items()}
    overhead = seconds["adapted"] / seconds["bare"] - 1
    row: Row = {"environments": options.envs, "size": options.size}
    row |= {"steps per second": per_second["bare"], "through the adapter": per_second["adapted"]}
    yield "adapter for stable-baselines3", [row | {"overhead": overhead} | at_most(overhead, OVERHEAD_BAR)]


if __name__ == "__main__":
    main(Adapter, tables)
