"""Cost of the adapter for stable-baselines3: its steps against those of the bare vector environment.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.speed.adapter
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.harness.measure import Row, random_strokes, take_turns
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main
from paint_gym.adapters.sb3 import PaintVecEnv
from paint_gym.envs import PaintCanvasVectorEnv
from paint_gym.strokes import get_stroke

OVERHEAD_BAR = 0.25


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """One row."""
    envs, size, max_strokes, bundle = options.pick((64, 64, 200, 5), (2, 16, 10, 5))
    shape = (64, 3, size, size)
    task: Row = {
        "dataset": np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8), "size": size,
        "max_strokes": max_strokes, "bundle": bundle, "device": "cpu",
    }  # fmt: skip
    bare, adapted = PaintCanvasVectorEnv(envs, **task), PaintVecEnv(num_envs=envs, **task)
    bare.reset(seed=0)
    adapted.seed(0)
    adapted.reset()
    steps = max_strokes // bundle
    strokes = random_strokes(get_stroke("bezier"), steps, envs, bundle)
    bundles = list(strokes.flatten(2).numpy())
    rescaled = [2 * action - 1 for action in bundles]
    seconds = take_turns(
        {
            "bare": lambda: [bare.step(action) for action in bundles],
            "adapted": lambda: [adapted.step(action) for action in rescaled],
        },
        options.pick(15, 1),
    )
    per_second = {name: steps * envs / value for name, value in seconds.items()}
    overhead = seconds["adapted"] / seconds["bare"] - 1
    row: Row = {"environments": envs, "size": size}
    row |= {"steps per second": per_second["bare"], "through the adapter": per_second["adapted"]}
    yield "adapter for stable-baselines3", [row | {"overhead": overhead} | at_most(overhead, OVERHEAD_BAR)]


if __name__ == "__main__":
    main(tables)
