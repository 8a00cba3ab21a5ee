"""Agents of stable-baselines3 against ours, on one environment, with one trunk, for equal time.

Run: python -m benchmarks.sb3_baselines --workers 2 --json benchmarks/results/sb3_baselines.json

CelebA at 32 px, 40 strokes in bundles of 5; l2 by `raster` on pictures of the test split, actions without
noise. Actors are the ResNet of `agents.networks.resnet`, of the same width and depth; the critics of
stable-baselines3 put two layers on such a trunk, ours are the paper's. Time is that of the processor, by
thread, evaluations left out.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import tyro
from matplotlib.figure import Figure
from stable_baselines3 import DDPG, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor, nn

from agents import PRESETS, AgentConfig, TrainConfig
from agents.evaluation import l2_by_raster
from agents.networks.resnet import ResNet, batch_normed
from agents.painter import Policy, paint
from benchmarks.harness.jobs import Job, TimedTrainer, TrainingBenchmarkConfig, at_points, interval, run_jobs
from benchmarks.harness.suite import Row, Table, report
from paint_gym.adapters.sb3 import PaintVecEnv
from paint_gym.canvas import CanvasState
from paint_gym.datasets import load_dataset
from paint_gym.painting import Painting
from paint_gym.strokes import get_stroke
from paint_gym.utils.files import replace_when_done

SB3: dict[str, type[BaseAlgorithm]] = {"SB3 DDPG": DDPG, "SB3 TD3": TD3, "SB3 SAC": SAC, "SB3 PPO": PPO}
OURS = {"DDPG": "ddpg", "PatchQ": "patchq", "model-based": "model-based"}
ALGORITHMS = (*SB3, *OURS)
FEATURES = 256  # of the trunk, for the heads of stable-baselines3


@dataclass(frozen=True)
class Baselines(TrainingBenchmarkConfig):
    """Agents of stable-baselines3 against ours."""

    out: Path = Path("runs/sb3_baselines")
    """Folder of the jobs' results."""
    plot: Path | None = None
    """PNG to draw the curves in; by default curves.png in that folder."""
    algorithms: tuple[str, ...] = ALGORITHMS
    """Which."""
    minutes: float = 4.0
    """Time of each."""
    points: int = 8
    """Evaluations on the way, the last at the end."""
    dataset: str = "celeba"
    """A name, or a folder of images."""
    size: int = 32
    """Side of the canvas in pixels."""
    strokes: int = 40
    """Strokes per painting, in bundles of 5."""
    width: int = 16
    """Channels of the first stage of all trunks."""
    batch: int = 32
    """Transitions per update, and environments."""
    images: int = 100
    """Pictures that an evaluation paints."""


class Trunk(BaseFeaturesExtractor):
    """The ResNet of our actors, as stable-baselines3 wants it."""

    def __init__(self, observation_space: gym.spaces.Box, width: int) -> None:
        super().__init__(observation_space, FEATURES)
        self.net = ResNet(7, FEATURES, batch_normed, nn.ReLU, width, depth=1)

    def forward(self, obs: Tensor) -> Tensor:
        """Observations ``(B, 7, H, W)`` in [0, 1] to ``(B, FEATURES)``."""
        return self.net(obs).relu()


class Sb3Policy:
    """An agent of stable-baselines3 as `agents.paint` wants it.

    Args:
        agent: trained on `env`.
        env: knows what an observation is.
    """

    def __init__(self, agent: BaseAlgorithm, env: PaintVecEnv) -> None:
        self.agent, self.task = agent, env.canvases.task
        self.renderer, self.bundle, self.device = self.task.renderer, self.task.bundle, self.task.device

    def act(self, state: CanvasState, steps: int | None = None) -> Tensor:
        """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1]."""
        obs = self.task.observe(state)
        assert isinstance(obs, Tensor)
        action, _ = self.agent.predict(obs.cpu().numpy(), deterministic=True)
        return torch.from_numpy((action + 1) / 2).float()


@dataclass(frozen=True)
class Trial(Job):
    """One algorithm, one seed.

    Attributes:
        algorithm: its name.
        seed: random seed.
        options: of the benchmark.
    """

    algorithm: str
    seed: int
    options: Baselines

    @property
    def name(self) -> str:
        """The algorithm and the seed."""
        return f"{self.algorithm}, seed {self.seed}"

    def settings(self) -> Row:
        """Settings that the result depends on, as JSON gives them back."""
        settings: Row = {"algorithm": self.algorithm, "seed": self.seed, "threads": self.threads}
        names = ("minutes", "points", "dataset", "size", "strokes", "width", "batch", "images")
        return settings | {name: getattr(self.options, name) for name in names}

    def work(self) -> None:
        """Learn and measure by turns."""
        torch.set_num_threads(self.threads)
        curve = self._sb3() if self.algorithm in SB3 else self._ours()
        self.write({"curve": curve, "images": len(self.pictures)})

    @cached_property
    def pictures(self) -> np.ndarray:
        """Pictures that evaluations paint, ``(n, 3, size, size)`` uint8."""
        return test_pictures(self.options)

    def measure(self, policy: Policy, seconds: float, steps: int) -> Row:
        """A point of the curve."""
        kept = torch.get_rng_state()
        paintings = paint(policy, torch.from_numpy(self.pictures), self.options.strokes)
        torch.set_rng_state(kept)
        l2 = float(l2_by_raster(paintings, self.pictures).mean())
        print(f"{self.name}: l2 {l2:.4f} after {seconds:.0f} s, {steps} steps", flush=True)
        return {"seconds": seconds, "steps": steps, "l2": l2}

    def _ours(self) -> list[Row]:
        options = self.options
        config = configure(options, OURS[self.algorithm], self.seed)
        trainer, curve = TimedTrainer(config, options.minutes * 60), list[Row]()

        def measure() -> None:
            steps = trainer.replay.added * config.num_envs
            curve.append(self.measure(trainer.agent, trainer.spent, steps))

        trainer.fit(at_points(options.points, measure))
        return curve

    def _sb3(self) -> list[Row]:
        options = self.options
        env = PaintVecEnv(
            num_envs=options.batch, dataset=options.dataset, size=options.size, max_strokes=options.strokes,
            device="cpu",
        )  # fmt: skip
        agent = make(self.algorithm, env, options, self.seed)
        callback = Watch(self, Sb3Policy(agent, env))
        agent.learn(10**9, callback)
        return callback.curve


class Watch(BaseCallback):
    """Stops an agent of stable-baselines3 when its time is up, and measures on the way."""

    def __init__(self, trial: Trial, policy: Sb3Policy) -> None:
        super().__init__()
        self.trial, self.policy = trial, policy
        self.curve: list[Row] = []
        self.spent = 0.0

    def _on_training_start(self) -> None:
        self.since = time.process_time()

    def _on_step(self) -> bool:
        now, options = time.process_time(), self.trial.options
        self.spent += (now - self.since) / torch.get_num_threads()
        if self.spent >= (len(self.curve) + 1) / options.points * options.minutes * 60:
            self.curve.append(self.trial.measure(self.policy, self.spent, self.num_timesteps))
        self.since = time.process_time()
        return len(self.curve) < options.points


def test_pictures(options: Baselines) -> np.ndarray:
    """Pictures that evaluations paint, ``(n, 3, size, size)`` uint8."""
    data = load_dataset(options.dataset, "test", options.size)
    return data[np.arange(min(options.images, len(data)))]


def without_learning(options: Baselines) -> Iterator[Row]:
    """What the untouched canvas scores, and strokes at random."""
    pictures = test_pictures(options)
    strokes = np.random.default_rng(0).random((len(pictures), options.strokes, get_stroke("bezier").dim))
    for name, count in (("untouched canvas", 0), ("random strokes", options.strokes)):
        paintings = [Painting(some[:count], size=options.size) for some in strokes]
        yield {"painter": name, "l2": float(l2_by_raster(paintings, pictures).mean())}


def configure(options: Baselines, algo: Any, seed: int) -> TrainConfig:
    """The settings of one of our agents."""
    agent = AgentConfig(
        algo, "resnet", options.width, options.width, depth=1, patches=4, max_strokes=options.strokes
    )
    return dataclasses.replace(
        PRESETS["paper"], agent=agent, dataset=options.dataset, size=options.size, batch=options.batch,
        num_envs=options.batch, seed=seed,
    )  # fmt: skip


def make(algorithm: str, env: PaintVecEnv, options: Baselines, seed: int) -> BaseAlgorithm:
    """An agent of stable-baselines3: its defaults, but for what our agents share (batch, rates, discount)."""
    rewards = VecNormalize(env, norm_obs=False, gamma=0.95**5)  # the gains are small
    policy: Row = {"features_extractor_class": Trunk, "features_extractor_kwargs": {"width": options.width}}
    shared: Row = {"gamma": 0.95**5, "learning_rate": 3e-4, "batch_size": options.batch, "seed": seed}
    shared |= {"device": "cpu", "policy_kwargs": policy}
    kind: Any = SB3[algorithm]
    if kind is PPO:
        return kind("CnnPolicy", rewards, n_steps=8, n_epochs=4, **shared)
    size = env.action_space.shape or (0,)
    if kind is not SAC:
        shared["action_noise"] = NormalActionNoise(np.zeros(size), np.full(size, 0.2))  # ours: 0.1
    return kind("CnnPolicy", rewards, buffer_size=20_000, learning_starts=10 * options.batch, **shared)


def compare(results: dict[str, list[Row]]) -> Iterator[Row]:
    """The l2 of each when time is up, and after as many steps as the slowest made."""
    fewest = min(found["curve"][-1]["steps"] for runs in results.values() for found in runs)
    for name, runs in results.items():
        mean, low, high = interval([found["curve"][-1]["l2"] for found in runs])
        early = float(np.mean([at_steps(found["curve"], fewest) for found in runs]))
        steps = float(np.mean([found["curve"][-1]["steps"] for found in runs]))
        row: Row = {"algorithm": name, "seeds": len(runs), "l2, equal time": mean, "low": low, "high": high}
        yield row | {"steps": steps, f"l2 after {fewest} steps": early}


def at_steps(curve: list[Row], steps: int) -> float:
    """The l2 after so many steps, between the points of a curve; before the first, that of the first."""
    return float(np.interp(steps, [point["steps"] for point in curve], [point["l2"] for point in curve]))


def draw(results: dict[str, list[Row]], path: Path) -> None:
    """Write the curves as a PNG: l2 against minutes and against steps, the mean over the seeds."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for axis, key in zip(axes, ("seconds", "steps"), strict=True):
        for name, runs in results.items():
            x = np.mean([[point[key] for point in found["curve"]] for found in runs], 0)
            l2 = np.mean([[point["l2"] for point in found["curve"]] for found in runs], 0)
            axis.plot(x, l2, "--" if name in SB3 else "-", marker=".", label=name)
        axis.set(xlabel="seconds of one thread" if key == "seconds" else "steps of one environment")
    axes[0].set(ylabel="test l2, mean over the seeds")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center")
    with replace_when_done(path) as temporary:
        figure.savefig(temporary, dpi=150)


def tables(options: Baselines) -> Iterator[Table]:
    """The comparison, and every evaluation."""
    trials = [
        Trial(
            options.out / f"{name.replace(' ', '_')}_{seed}.json", options.threads_each, name, seed, options
        )
        for seed in options.seeds
        for name in options.algorithms
    ]
    results: dict[str, list[Row]] = {name: [] for name in options.algorithms}
    for trial, found in zip(trials, run_jobs(trials, options.workers), strict=True):
        results[trial.algorithm].append(found)
    yield f"{options.minutes:g} minutes each, {options.dataset} at {options.size} px", list(compare(results))
    yield "without learning", list(without_learning(options))
    points = [
        {"algorithm": name, "seed": found["settings"]["seed"], **point}
        for name, runs in results.items()
        for found in runs
        for point in found["curve"]
    ]
    yield "every evaluation", points
    draw(results, options.plot or options.out / "curves.png")


if __name__ == "__main__":
    chosen = tyro.cli(Baselines)
    report(chosen, tables(chosen))
