"""Memory of the vector environment over many steps, to see that it does not leak.

Run: python -m benchmarks.speed.memory

With `--adapter --steps 125000` through the adapter for stable-baselines3.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from benchmarks.harness.measure import Row, random_strokes
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main
from paint_gym.adapters.sb3 import PaintVecEnv
from paint_gym.envs import PaintCanvasVectorEnv
from paint_gym.strokes import get_stroke
from paint_gym.utils.progress import progress

GROWTH_BAR = 0.05
ENVS, SIZE = 8, 32


@dataclass(frozen=True)
class Memory(BenchmarkConfig):
    """Memory of the vector environment over many steps."""

    steps: int = 100_000
    """Steps of the vector environment."""
    adapter: bool = False
    """Step through the adapter for stable-baselines3."""


def resident() -> float:
    """MiB of this process that are in memory now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def sample(options: Memory) -> Iterator[Row]:
    """Step random bundles through the environment; resident memory now and then.

    Raises:
        FloatingPointError: a reward that is not finite.
    """
    steps, every = options.pick((options.steps, 100), (60, 5))
    shape = (64, 3, SIZE, SIZE)
    pictures = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    env = PaintCanvasVectorEnv(ENVS, dataset=pictures, size=SIZE, device="cpu")
    env.reset(seed=0)
    bundles = random_strokes(get_stroke("bezier"), 64, ENVS, 5).flatten(2).numpy()
    paint: Callable[[np.ndarray], Any] = env.step
    if options.adapter:
        adapted = PaintVecEnv(env)
        adapted.reset()
        paint, bundles = adapted.step, 2 * bundles - 1
    for step in progress(range(1, steps + 1), desc="painting", unit="step"):
        reward = paint(bundles[step % len(bundles)])[1]
        if not np.isfinite(reward).all():
            raise FloatingPointError(f"step {step}: rewards {reward}")
        if step % every == 0:
            yield {"step": step, "MiB": resident()}


def growth(samples: list[Row], window: int) -> Row:
    """Growth of memory from the window of steps after a first one that warms up to the last."""
    end = samples[-1]["step"]
    first = mean(row["MiB"] for row in samples if window < row["step"] <= 2 * window)
    last = mean(row["MiB"] for row in samples if row["step"] > end - window)
    change = last / first - 1
    row: Row = {"steps": end, "environments": ENVS, f"MiB, steps to {2 * window}": first}
    return row | {f"MiB, steps to {end}": last, "growth": change} | at_most(change, GROWTH_BAR)


def tables(options: Memory) -> Iterator[Table]:
    """The comparison, and the samples."""
    samples = list(sample(options))
    yield "memory of the vector environment", [growth(samples, options.pick(1000, 20))]
    yield "samples", samples


if __name__ == "__main__":
    main(tables, Memory)
