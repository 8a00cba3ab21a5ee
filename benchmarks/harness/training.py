"""Trainings that a benchmark compares, variant by variant and seed by seed; a killed one goes on."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from agents import ALGORITHMS, DDPG, PRESETS, AgentConfig, TrainConfig, Trainer
from agents.checkpoint import CHECKPOINT, WEIGHTS, save_agent
from agents.common.config import flatten
from agents.common.signals import StopSignals
from agents.factory import agent_config_from_dict
from agents.painting.policy import Policy
from agents.training.presets import preset_for
from benchmarks.harness.critic_quality import critic_quality
from benchmarks.harness.curves import Point, check_curve, draw_curves
from benchmarks.harness.job import BenchmarkJob, run_jobs
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import (
    Painted,
    blank_l2,
    first_pictures,
    mean_colour_l2,
    paint_and_score,
    random_l2,
    scores,
)  # fmt: skip
from benchmarks.harness.tables import CRITICS, CURVES, FINALS, JOBS, FolderConfig, Table
from paint_gym.utils.device import pick_device
from paint_gym.utils.registry import import_module
from paint_gym.utils.weights import load_weights

Results = dict[str, list[Row]]
"""Results by variant, seed by seed."""
CHECKPOINT_SECONDS = 120.0
COUNTS = ("updates", "env_steps", "seconds")
SCORES = ("l2", "ssim", "texture", "blank", "test_images")
PROBED = 128  # states on which critics are measured
UNPAINTED = "l2 of canvases without an agent"
"""Title of what a painting must be better than, for each data set."""


@dataclass(frozen=True)
class TrainingConfig(FolderConfig):
    """Options of the benchmarks that compare trainings."""

    threads: int = os.cpu_count() or 1
    """Threads of torch in all; each worker has its share, but only one where time is limited."""
    workers: int = 1
    """Jobs side by side, each in a process of its own; 1 runs them in this one."""
    ray: str | None = None
    """Run the jobs on a Ray cluster instead: "local", "auto" or an address."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Random seeds; each variant is trained once with each."""
    updates: int | None = None
    """Updates of each training, in place of the published number."""
    size: int | None = None
    """Side of the canvas in pixels, in place of the published one."""
    dataset: str | None = None
    """Name of a data set, in place of the published one."""
    test_images: int = 200
    """Pictures of the test split that are painted on the way and at the end."""
    plot: Path | None = None
    """PNG to draw the learning curves in; by default curves.png in the folder."""
    device: str = "auto"
    """Device to train on."""
    paper: bool = False
    """Train as the paper did, for days on a GPU."""

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: naming the option.
        """
        super().__post_init__()
        for name in ("workers", "test_images", "updates", "size"):
            if (getattr(self, name) or 0) < 1 and getattr(self, name) is not None:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name, value in vars(self).items():
            if isinstance(value, float) and value <= 0:
                raise ValueError(f"{name} must be more than 0, not {value:g}")
        if self.paper and self.smoke:
            raise ValueError("--paper and --smoke do not go together")
        if not self.seeds or min(self.seeds) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds must be whole numbers from 0, each named once, not {list(self.seeds)}")

    @property
    def changes(self) -> Row:
        """Settings of trainings that are not the published ones."""
        settings = {name: getattr(self, name) for name in ("updates", "size", "dataset")}
        return {name: value for name, value in settings.items() if value is not None}

    @property
    def folder(self) -> Path:
        """Folder of the jobs of these settings."""
        name = "_".join(f"{name}_{value}" for name, value in self.changes.items())
        return self.out / "paper" / name if self.paper else super().folder / name


def clock(device: torch.device) -> float:
    """Seconds: of the processor where one thread does it all, else of the clock on the wall.

    Those of the processor leave out the time that other work takes, but not that it takes the caches.
    """
    single = device.type == "cpu" and torch.get_num_threads() == 1
    return time.process_time() if single else time.perf_counter()


class MeasuredTrainer(Trainer):
    """Trainer that counts the seconds of its updates and keeps a learning curve, also when it is resumed.

    Attributes:
        limit: seconds after which it ends, whatever the number of updates; None for that of `config`.
        spent: seconds of updates so far, by `clock`.
        curve: rows with ``updates``, ``env_steps``, ``seconds`` and ``l2``.
        settings: of the job, to tell its own checkpoint.
    """

    limit: float | None = None

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.spent = 0.0
        self.curve: list[Row] = []
        self.settings: Row = {}

    @property
    def progress(self) -> float:
        """Fraction of the updates, or of the time, in [0, 1]; learning rates follow it."""
        return super().progress if self.limit is None else min(1.0, self.spent / self.limit)

    def collect(self) -> None:
        """Collect, and count the time."""
        start = clock(self.agent.device)
        super().collect()
        self.spent += clock(self.agent.device) - start

    def update(self) -> dict[str, float]:
        """Update once, and count the time."""
        began = clock(self.agent.device)
        metrics = super().update()
        self.spent += clock(self.agent.device) - began
        return metrics

    def measure(self) -> Row:
        """Paint the pictures of evaluations, and append a point to the curve."""
        l2, _ = self.evaluate()
        counts = {"updates": self.updates, "env_steps": self.replay.env_steps, "seconds": self.spent}
        self.curve.append(counts | {"l2": l2})
        if isinstance(self.agent, DDPG) and self.updates and self.agent.renderer.differentiable:
            batch = self.replay.sample(PROBED, torch.Generator().manual_seed(0))
            self.curve[-1][CRITICS] = critic_quality(self.agent, batch)
        return self.curve[-1]

    def state_dict(self) -> dict[str, Any]:
        """State of the trainer, and what it measured."""
        names = ("spent", "curve", "settings")
        return super().state_dict() | {"measured": {name: getattr(self, name) for name in names}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        super().load_state_dict(state)
        for name, value in state["measured"].items():
            setattr(self, name, value)


@dataclass(frozen=True)
class Training(BenchmarkJob):
    """Training of one variant with one seed, scored on the way, and on the test split at the end.

    Attributes:
        method: name of the variant.
        config: how it trains; `eval_split` and `eval_images` are of the evaluations on the way.
        seconds: of training, in place of a number of updates.
        points: evaluations on the way, after the one before the first update.
        test_images: pictures of the test split that are painted at the end.
        device: where.
        module: module that registers the algorithm, if it is not one of `agents`.
    """

    method: str
    config: TrainConfig
    seconds: float | None = None
    points: int = 10
    test_images: int = 200
    device: str = "cpu"
    module: str = ""
    has_config: ClassVar[bool] = True
    """False for agents of other libraries, which take no more than some settings of `config`."""

    @property
    def name(self) -> str:
        """Variant and seed."""
        return f"{self.method}, seed {self.config.seed}"

    @property
    def folder(self) -> Path:
        """Folder of the checkpoint and of the trained agent."""
        return self.path.with_suffix("")

    def settings(self) -> Row:
        """Settings that the result depends on, as JSON gives them back."""
        names = {field.name for field in dataclasses.fields(self)} - {"path", "config", "device"}
        job = {name: getattr(self, name) for name in sorted(names)}
        job["device"] = pick_device(self.device).type
        settings: Row = json.loads(json.dumps(dataclasses.asdict(self.config) | job))
        return settings

    def check(self, result: Row) -> None:
        """Check the curve and the scores."""
        check_curve(list(points({self.method: [result]})))
        if result["l2"] < 0 or not {*COUNTS, *SCORES} <= result.keys():
            raise ValueError("a score is negative or lacks")

    def work(self) -> None:
        """Train from the last checkpoint, if there is one; then score and write.

        Raises:
            KeyboardInterrupt: a signal has stopped it, after a checkpoint.
        """
        torch.set_num_threads(self.threads)
        if self.module:
            import_module(self.module)
        trainer = self.trainer()
        trainer.limit = self.seconds
        if not trainer.curve:
            self.show(trainer.measure())
        saved = time.monotonic()

        def after_update(trainer: MeasuredTrainer, metrics: dict[str, float]) -> bool:
            nonlocal saved
            if trainer.progress >= len(trainer.curve) / self.points:
                self.show(trainer.measure())
            stopped = signals.received is not None
            if stopped or time.monotonic() - saved > CHECKPOINT_SECONDS:
                trainer.save(self.folder)
                saved = time.monotonic()
            return stopped

        with StopSignals(threading.current_thread() is threading.main_thread()) as signals:
            trainer.fit(after_update)
        if signals.received is not None and trainer.progress < 1:
            raise KeyboardInterrupt
        # as it ships, the agent looks ahead
        config = dataclasses.replace(trainer.config.agent, lookahead=AgentConfig().lookahead)
        save_agent(self.folder / "agent.safetensors", trainer.agent, config)
        self.finish(trainer.policy, trainer.curve)
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def trainer(self) -> MeasuredTrainer:
        """Trainer, resumed from the last checkpoint if there is one.

        Raises:
            ValueError: the checkpoint is damaged, or of other settings.
        """
        file = self.folder / CHECKPOINT
        if not file.exists():
            trainer = MeasuredTrainer(self.config, self.device)
            trainer.settings = self.settings()
            return trainer
        try:
            trainer = MeasuredTrainer.resume(self.folder, self.device)
        except (ValueError, KeyError) as error:
            raise ValueError(f"{file} cannot be gone on from ({error}); delete it, to begin anew") from error
        if trainer.settings != self.settings():
            raise ValueError(f"{file} is of other settings; delete it, to begin anew")
        print(f"{self.name}: goes on after {trainer.updates} updates", flush=True)
        return trainer

    def show(self, point: Row) -> Row:
        """Print a point of the curve; returns it."""
        text = f"l2 {point['l2']:.4g} after {point['updates']} updates, {point['seconds']:.0f} s"
        print(f"{self.name}: {text}", flush=True)
        return point

    def pictures(self, split: str, count: int) -> np.ndarray:
        """First pictures of a split, ``(n, 3, size, size)`` uint8."""
        config = self.config
        return first_pictures(config.dataset, split, config.size, count, config.data_root)

    def paint(self, policy: Policy, pictures: np.ndarray) -> Painted:
        """Paint pictures ``(n, 3, size, size)`` uint8, and score them."""
        strokes = min(self.config.eval_strokes, self.config.agent.max_strokes)
        return paint_and_score(pictures, strokes, policy, batch=len(pictures))

    def finish(self, policy: Policy, curve: list[Row]) -> None:
        """Score on the test split, and write the result."""
        pictures = self.pictures("test", self.test_images)
        painted = self.paint(policy, pictures)
        counts = {name: curve[-1][name] for name in COUNTS} | {"test_images": len(pictures)}
        self.write(counts | scores(painted, pictures) | {"curve": curve})


@dataclass(frozen=True)
class Variant:
    """Variant of training: settings that differ from those that all variants of a figure share.

    Attributes:
        name: in tables and plots.
        agent: settings of the agent.
        config: settings of the training.
        learning: settings of the algorithm.
        cpu: more settings of the algorithm at the size of two cores; with --paper they stay the paper's.
        paper: settings of the training with --paper.
    """

    name: str
    agent: Row = field(default_factory=dict)
    config: Row = field(default_factory=dict)
    learning: Row = field(default_factory=dict)
    cpu: Row = field(default_factory=dict)
    paper: Row = field(default_factory=dict)

    def configure(self, base: TrainConfig, options: TrainingConfig, seed: int) -> TrainConfig:
        """Settings of one training, from those of all variants; with --paper from the preset."""
        if options.paper:
            base = dataclasses.replace(PRESETS["paper"], eval_split=base.eval_split)
        changes: Row = {"lookahead": 0} | self.agent
        kind = ALGORITHMS[changes.get("algo", base.agent.algo)].agent.Config
        names = {field.name for field in dataclasses.fields(kind)}
        shared = dataclasses.asdict(base.agent.learning) | self.learning | ({} if options.paper else self.cpu)
        learning = kind(**{name: value for name, value in shared.items() if name in names})
        agent = dataclasses.replace(base.agent, learning=learning, **changes)
        settings: Row = {"agent": agent, "seed": seed, "eval_strokes": agent.max_strokes} | self.config
        settings |= {"eval_images": options.test_images} | (self.paper if options.paper else {})
        config = dataclasses.replace(base, **settings | options.changes)
        return smallest(config) if options.smoke else config


def smallest(config: TrainConfig) -> TrainConfig:
    """Reduce a training to a size that takes a second."""
    agent = config.agent
    strokes = min(agent.max_strokes, 2 * agent.bundle)
    learning = agent.learning
    if isinstance(learning, DDPG.Config):
        learning = dataclasses.replace(learning, warm_up=min(learning.warm_up, 1))
    agent = dataclasses.replace(
        agent, actor_width=4, critic_width=4, depth=1, patches=2, max_strokes=strokes, learning=learning
    )
    return dataclasses.replace(
        config, agent=agent, size=16, updates=4, batch=4, num_envs=4, episodes=16, eval_images=2,
        eval_strokes=strokes,
    )  # fmt: skip


def trainings(
    variants: Sequence[Variant],
    base: TrainConfig,
    options: TrainingConfig,
    kind: type[Training] = Training,
    **fields: Any,
) -> list[Training]:
    """Jobs of each variant and seed, seed by seed, so that a figure that is broken off compares something.

    Settings of `base` are those of all variants; `fields` are more fields of the jobs, such as ``seconds``.
    """
    timed = fields.get("seconds") is not None
    threads = 1 if timed else max(1, options.threads // options.workers)  # seconds of one thread compare
    fields |= {"device": options.device, "test_images": options.test_images}
    if options.smoke:
        fields |= {"points": 2, "test_images": 4} | ({"seconds": 0.5} if timed else {})
    jobs = []
    for seed in options.seeds[:1] if options.smoke else options.seeds:
        for variant in variants:
            path = options.folder / f"{variant.name.replace(' ', '_')}_{seed}.json"
            jobs.append(kind(path, threads, variant.name, variant.configure(base, options, seed), **fields))
    return jobs


def train(jobs: Sequence[Training], options: TrainingConfig) -> Results:
    """Run the jobs that have not finished, with --smoke all; their results by variant, seed by seed.

    Raises:
        ValueError: there are no jobs.
    """
    if not jobs:
        raise ValueError("nothing to train: name a method and a seed; PPO ends by time, not by --updates")
    if options.smoke:
        for folder in {job.path.parent for job in jobs}:
            shutil.rmtree(folder, ignore_errors=True)
    results: Results = {}
    for job, result in zip(jobs, run_jobs(jobs, options.workers, options.ray), strict=True):
        results.setdefault(job.method, []).append(result)
    return results


def records(results: Results, options: TrainingConfig) -> Iterator[Table]:
    """Tables of the scores of each seed, of the learning curves, which are drawn, and of origins."""
    runs = [run for runs in results.values() for run in runs]
    keys = [{name: run["settings"][name] for name in ("method", "seed")} for run in runs]
    yield (
        FINALS,
        [key | {name: run[name] for name in COUNTS + SCORES} for key, run in zip(keys, runs, strict=True)],
    )
    yield JOBS, [key | run["made"] for key, run in zip(keys, runs, strict=True)]
    measured = [
        key | {name: row[name] for name in ("updates", "seconds")} | row[CRITICS]
        for key, run in zip(keys, runs, strict=True)
        for row in run["curve"]
        if CRITICS in row
    ]
    if measured:
        yield CRITICS, measured
    curves = list(points(results))
    draw_curves(curves, options.plot or options.folder / "curves.png", ["seconds", "env_steps"])
    yield CURVES, curves


def figure(jobs: Sequence[Training], options: TrainingConfig) -> Iterator[Table]:
    """Tables of a figure: scores without an agent, settings that differ from the paper's, and results."""
    rows: dict[str, Row] = {}
    for job in jobs:
        name, strokes = job.config.dataset, job.config.agent.max_strokes
        if name not in rows:
            pictures = job.pictures("test", job.test_images)
            rows[name] = {"data set": name, "blank canvas": blank_l2(pictures), "random strokes": strokes}
            rows[name] |= {
                "l2 of these": random_l2(pictures, strokes),
                "mean colour": mean_colour_l2(pictures),
            }
    yield UNPAINTED, list(rows.values())
    yield paper_differences(jobs)
    yield from records(train(jobs, options), options)


def points(results: Results) -> Iterator[Point]:
    """Learning curves of results."""
    for method, runs in results.items():
        for run in runs:
            for row in run["curve"]:
                values = {name: row[name] for name in (*COUNTS, "l2")}
                yield Point(method=method, seed=run["settings"]["seed"], **values)


UNCOMPARED = (
    "agent.algo", "agent.lookahead", "agent.plan", "eval_every", "eval_images",
    "eval_split", "eval_strokes", "seed", "data_root",
)  # fmt: skip
NOT_SAID = ("agent.learning.max_grad_norm", "agent.learning.noise")
"""Settings that the paper does not give; in the preset they are this project's."""
BEYOND_PRESETS = (  # this project's and the paper's; the preset "paper" has this project's, too
    ("renderer", "analytic", "network of Fig. 12"),
    ("precision", "bfloat16 where autocast allows it", "float32"),
    ("how the critics of DDPG and PatchQ read the action", "as a picture beside the state", "not said"),
)


def paper_differences(jobs: Sequence[Training]) -> Table:
    """Table of settings that are not the paper's: those of any job of ours, several if they differ."""
    ours = [job for job in jobs if job.has_config]
    papers = [preset_for("paper", job.config.agent.algo) for job in ours]
    configs = [dataclasses.asdict(job.config) for job in ours]
    for job, config in zip(ours, configs, strict=True):
        if job.seconds is not None:
            config["updates"] = f"those of {job.seconds:g} s"
    return _differences(configs, papers)


def shipped_differences(names: Iterable[str]) -> Table:
    """The same table of agents that come with the package: what their files say of how they were made."""
    files = [load_weights(WEIGHTS / f"{name}.safetensors", "actor/")[1]["config"] for name in names]
    agents = [{"agent": dataclasses.asdict(agent_config_from_dict(config))} for config in files]
    return _differences(agents, [preset_for("paper")])


def _differences(configs: Sequence[Row], papers: Sequence[TrainConfig]) -> Table:
    settings: list[tuple[str, str, str]] = []
    groups = [flatten(config) for config in configs], [flatten(dataclasses.asdict(p)) for p in papers]
    for name in dict.fromkeys(name for config in groups[0] for name in config):
        value, paper = (
            ", ".join(dict.fromkeys(str(config[name]) for config in group if name in config))
            for group in groups
        )
        if name in NOT_SAID or (name not in UNCOMPARED and value != paper):
            settings.append((name, value, "not said" if name in NOT_SAID else paper))
    keys = ("setting", "here", "paper")
    rows = [dict(zip(keys, row, strict=True)) for row in (*settings, *BEYOND_PRESETS)]
    return "settings that differ from the paper's", rows
