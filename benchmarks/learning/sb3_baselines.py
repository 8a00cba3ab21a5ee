"""Agents of stable-baselines3 against ours, on one environment, with one trunk, for equal time.

Run: python -m benchmarks.learning.sb3_baselines --workers 2

CelebA at 32 px, 40 strokes in bundles of 5; l2 by `raster` on pictures of the test split, actions without
noise. Networks are the ResNet of `agents.networks.resnet`, of the same width and depth: with batch norm in
our actors, weight-normalised in our critics and in stable-baselines3's agents, whose critics put two layers
on it. Time is that of the processor, by thread, evaluations left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from stable_baselines3 import DDPG, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecNormalize

from agents import PRESETS, AgentConfig
from benchmarks.harness.curves import at_equal
from benchmarks.harness.measure import Row
from benchmarks.harness.sb3 import Sb3Training, trunk
from benchmarks.harness.statistics import interval
from benchmarks.harness.tables import Table, main
from benchmarks.harness.training import (
    Training,
    TrainingConfig,
    Variant,
    points,
    records,
    train,
    trainings,
)  # fmt: skip
from paint_gym.adapters.sb3 import PaintVecEnv

SB3: dict[str, type[BaseAlgorithm]] = {"SB3 DDPG": DDPG, "SB3 TD3": TD3, "SB3 SAC": SAC, "SB3 PPO": PPO}
OURS = {"DDPG": "ddpg", "PatchQ": "patchq", "model-based": "model-based"}
ALGORITHMS = (*SB3, *OURS)


@dataclass(frozen=True)
class Sb3Baselines(TrainingConfig):
    """Agents of stable-baselines3 against ours."""

    out: Path = Path("runs/sb3_baselines")
    algorithms: tuple[str, ...] = ALGORITHMS
    """Names of the algorithms."""
    minutes: float = 4.0
    """Time of each."""
    test_images: int = 100
    """Pictures that an evaluation paints."""
    device: str = "cpu"
    paper: tyro.conf.Suppress[bool] = False


@dataclass(frozen=True)
class Baseline(Sb3Training):
    """Agent of stable-baselines3: its defaults, but for what our agents share (batch, rates, discount)."""

    def make(self, env: PaintVecEnv) -> BaseAlgorithm:
        """Make the agent that learns."""
        agent, batch = self.config.agent, self.config.batch
        rewards = VecNormalize(env, norm_obs=False, gamma=0.95**5)  # the gains are small
        policy = trunk(agent.actor_width)
        shared: Row = {"gamma": 0.95**5, "learning_rate": 3e-4, "batch_size": batch}
        shared |= {"seed": self.config.seed, "device": self.device, "policy_kwargs": policy}
        kind: Any = SB3[self.method]
        if kind is PPO:
            policy["log_std_init"] = -1.0  # actions in [-1, 1], so the default of 1 clips every third
            shared["batch_size"] = min(128, 16 * env.num_envs)
            return kind("CnnPolicy", rewards, n_steps=16, n_epochs=6, **shared)
        size = env.action_space.shape or (0,)
        if kind is not SAC:
            shared["action_noise"] = NormalActionNoise(np.zeros(size), np.full(size, 0.2))  # ours: 0.1
        return kind("CnnPolicy", rewards, buffer_size=20_000, learning_starts=10 * batch, **shared)


def jobs(options: Sb3Baselines) -> list[Training]:
    """All jobs, seed by seed."""
    base = dataclasses.replace(
        PRESETS["paper"], agent=AgentConfig("ddpg", "resnet", 16, 16, depth=1, patches=4, max_strokes=40),
        dataset="celeba", size=32, batch=32, num_envs=32, eval_split="test", eval_images=options.test_images,
    )  # fmt: skip
    made: list[Training] = []
    for seed in options.seeds:
        for name in options.algorithms:
            variant = Variant(name, {"algo": OURS.get(name, "ddpg")})
            kind = Baseline if name in SB3 else Training
            seeded = dataclasses.replace(options, seeds=(seed,))
            times: Row = {"seconds": options.minutes * 60, "points": 8}
            made += trainings([variant], base, seeded, kind, **times)
    return made


def tables(options: Sb3Baselines) -> Iterator[Table]:
    """L2 of each when time is up, and after as many steps as the slowest made; and the curves."""
    results = train(jobs(options), options)
    curves = list(points(results))
    fewest, early = at_equal(curves, "env_steps")
    rows: list[Row] = []
    for name, runs in results.items():
        mean, low, high = interval([run["l2"] for run in runs])
        row: Row = {"algorithm": name, "seeds": len(runs), "l2, equal time": mean, "low": low, "high": high}
        row |= {"steps": float(np.mean([run["env_steps"] for run in runs]))}
        rows.append(row | {f"l2 after {fewest:.0f} steps": interval(early[name])[0]})
    yield f"{options.minutes:g} minutes each, celeba at 32 px", rows
    yield from records(results, options)


if __name__ == "__main__":
    main(tables, Sb3Baselines)
