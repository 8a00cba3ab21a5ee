"""Trainings that a benchmark compares, method by method and seed by seed; a killed one goes on."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from agents import PRESETS, Agent, AlgorithmConfig, TrainConfig, Trainer
from agents.checkpoint import CHECKPOINT, save_agent
from agents.painting.evaluation import l2_by_raster
from agents.painting.paint import Policy, paint
from agents.training.base_trainer import Callback
from benchmarks.harness.curves import Point, check_curve
from benchmarks.harness.job import Job, run_jobs, with_defaults
from benchmarks.harness.scores import blank, likeness, picture_row, write_rows
from benchmarks.harness.tables import CURVES, JOBS, FolderConfig, Row, Table
from paint_gym.datasets import load_dataset
from paint_gym.painting import Painting
from paint_gym.utils.device import pick_device
from paint_gym.utils.serialization import StateDict

CHECKPOINT_SECONDS = 120.0
SHOWN = 8  # pictures of the test split whose paintings are kept to look at


@dataclass(frozen=True)
class TrainingBenchmarkConfig(FolderConfig):
    """Options of the benchmarks that compare trainings."""

    threads: int = os.cpu_count() or 1
    """Threads of torch in all; each worker has its share, at least one."""
    workers: int = 1
    """Jobs side by side, each in a process of its own; 1 runs them in this one."""
    ray: str | None = None
    """Run the jobs on a Ray cluster instead: "local", "auto" or an address."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Random seeds; each method is trained once with each."""

    def __post_init__(self) -> None:
        """Refuse what is not possible.

        Raises:
            ValueError: naming the option.
        """
        super().__post_init__()
        if self.workers < 1:
            raise ValueError(f"workers must be at least 1, not {self.workers}")
        check_seeds(self.seeds)

    @property
    def threads_each(self) -> int:
        """Threads of a job."""
        return max(1, self.threads // self.workers)


def check_seeds(seeds: Sequence[int]) -> None:
    """Raise a `ValueError` unless there is a seed, and each is from 0 and named once."""
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be whole numbers from 0, each named once, not {list(seeds)}")


class MeasuredTrainer(Trainer):
    """A trainer that counts the seconds of its updates and keeps a learning curve, also when it is resumed.

    Args:
        config: as for `Trainer`.
        device: as for `Trainer`.
        agent: as for `Trainer`.

    Attributes:
        limit: seconds after which it ends, whatever the number of updates; None for that of `config`.
        spent: seconds of updates so far: of the processor, where one thread does it all, and so what a
            machine with nothing else to do would take; with more threads or an accelerator, of the clock.
        env_steps: steps of single canvases so far.
        curve: of rows with ``updates``, ``env_steps``, ``seconds`` and ``l2``.
        settings: of the job, to tell whether a checkpoint is its own.
    """

    limit: float | None = None

    def __init__(
        self, config: TrainConfig, device: str | torch.device = "auto", agent: Agent | None = None
    ) -> None:
        super().__init__(config, device, agent)
        self.spent, self.env_steps = 0.0, 0
        self.curve: list[Row] = []
        self.settings: Row = {}

    @property
    def progress(self) -> float:
        """Fraction of the updates, or of the time, in [0, 1]; learning rates follow it."""
        return super().progress if self.limit is None else min(1.0, self.spent / self.limit)

    def _clock(self) -> float:
        alone = self.agent.device.type == "cpu" and torch.get_num_threads() == 1
        return time.process_time() if alone else time.perf_counter()

    def collect_step(self) -> None:
        """As its parent, counted."""
        paints = int(self.state.step[0]) < self.task.steps
        super().collect_step()
        self.env_steps += paints * self.config.num_envs

    def update(self) -> dict[str, float]:
        """One update, whose time counts."""
        began = self._clock()
        metrics = super().update()
        self.spent += self._clock() - began
        return metrics

    def measure(self) -> Row:
        """Paint the pictures of evaluations, and append a point to the curve."""
        l2, _ = self.evaluate()
        counts = {"updates": self.updates, "env_steps": self.env_steps, "seconds": self.spent}
        self.curve.append(counts | {"l2": l2})
        return self.curve[-1]

    def state_dict(self) -> StateDict:
        """As its parent, and what is measured."""
        names = ("spent", "env_steps", "curve", "settings")
        return super().state_dict() | {"measured": {name: getattr(self, name) for name in names}}

    def load_state_dict(self, state: StateDict) -> None:
        """Go on from `state_dict`."""
        super().load_state_dict(state)
        for name, value in state["measured"].items():
            setattr(self, name, value)


def at_points(points: int, measure: Callable[[], object], after: float = 0.0) -> Callback:
    """A callback of `Trainer.fit` that measures so many times, evenly spread, the last time at the end.

    It measures once where an update passes several of the points.

    Args:
        points: how many times.
        measure: what to call.
        after: fraction of the training that was measured before.
    """
    measured = sum((point + 1) / points <= after for point in range(points))

    def after_update(trainer: Trainer, metrics: dict[str, float]) -> None:
        nonlocal measured
        before = measured
        while trainer.progress >= (measured + 1) / points:
            measured += 1
        if measured > before:
            measure()

    return after_update


@dataclass(frozen=True)
class Training(Job):
    """One method, trained with one seed, watched on the way, and scored on the test split at the end.

    Attributes:
        method: its name.
        config: how it trains; `eval_split` and `eval_images` are of the evaluations on the way.
        seconds: of training, in place of a number of updates.
        points: evaluations on the way, after the one before the first update.
        test_images: pictures of the test split that are painted at the end.
        device: where.
    """

    method: str
    config: TrainConfig
    seconds: float | None = None
    points: int = 10
    test_images: int = 200
    device: str = "cpu"

    @property
    def name(self) -> str:
        """The method and the seed."""
        return f"{self.method}, seed {self.config.seed}"

    @property
    def folder(self) -> Path:
        """Of the checkpoint, of the agent when it has learnt, and of what it painted."""
        return self.path.with_suffix("")

    def settings(self) -> Row:
        """Settings that the result depends on, as JSON gives them back."""
        names = ("method", "seconds", "points", "test_images", "threads")
        own = {name: getattr(self, name) for name in names} | {"device": pick_device(self.device).type}
        return _plain(dataclasses.asdict(self.config) | own)

    def defaults(self) -> Row:
        """Those of a training: a setting that is new changes nothing unless it is set."""
        return _plain(dataclasses.asdict(TrainConfig()))

    def check(self, found: Row) -> None:
        """Refuse a result without its curve or score."""
        points = [Point(method=self.method, seed=self.config.seed, **row) for row in found["curve"]]
        check_curve(points)
        if found["l2"] < 0:
            raise ValueError("l2 below 0")

    def build(self) -> Agent | None:
        """The agent that learns, if not the one of the settings."""
        return None

    def work(self) -> None:
        """Train from the last checkpoint, if there is one; then score and show."""
        torch.set_num_threads(self.threads)
        trainer = self._trainer()
        trainer.limit = self.seconds
        watch = at_points(self.points, lambda: self.say(trainer.measure()), trainer.progress)
        if not trainer.curve:
            self.say(trainer.measure())
        saved = time.monotonic()

        def after_update(trainer: MeasuredTrainer, metrics: dict[str, float]) -> None:
            nonlocal saved
            watch(trainer, metrics)
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                trainer.save(self.folder)
                saved = time.monotonic()

        trainer.fit(after_update)
        self._keep(trainer)
        self.finish(trainer.agent, trainer.curve)
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def _keep(self, trainer: MeasuredTrainer) -> None:
        """Write the agent; it paints with lookahead, as agents do unless told otherwise."""
        config = trainer.config.agent
        learning = dataclasses.replace(config.learning, lookahead=AlgorithmConfig().lookahead)
        kept = dataclasses.replace(config, learning=learning)
        save_agent(self.folder / "agent.safetensors", trainer.agent, kept)

    def _trainer(self) -> MeasuredTrainer:
        if not (self.folder / CHECKPOINT).exists():
            trainer = MeasuredTrainer(self.config, self.device, self.build())
            trainer.settings = self.settings()
            return trainer
        file = self.folder / CHECKPOINT
        try:
            trainer = MeasuredTrainer.resume(self.folder, self.device, self.build())
        except (ValueError, KeyError) as error:
            raise ValueError(f"{file} cannot be gone on from ({error}); delete it, to begin anew") from error
        if with_defaults(trainer.settings, self.defaults()) != self.settings():
            raise ValueError(f"{file} is of other settings; delete it, to begin anew")
        print(f"{self.name}: goes on after {trainer.updates} updates", flush=True)
        return trainer

    def say(self, point: Row) -> Row:
        """Print a point of the curve; returns it."""
        told = f"l2 {point['l2']:.4g} after {point['updates']} updates, {point['seconds']:.0f} s"
        print(f"{self.name}: {told}", flush=True)
        return point

    def pictures(self, split: str, count: int) -> np.ndarray:
        """The first pictures of a split, ``(n, 3, size, size)`` uint8."""
        config = self.config
        data = load_dataset(config.dataset, split, config.size, config.data_root)
        return data[np.arange(min(count, len(data)))]

    @property
    def watched(self) -> np.ndarray:
        """The pictures of the evaluations on the way."""
        return self.pictures(self.config.eval_split, self.config.eval_images)

    def paint(self, policy: Policy, targets: np.ndarray) -> tuple[float, list[Painting]]:
        """Mean l2 by `raster` of what a policy paints, and the paintings."""
        strokes = min(self.config.eval_strokes, self.config.agent.max_strokes)
        paintings = paint(policy, torch.from_numpy(targets), strokes)
        return float(l2_by_raster(paintings, targets).mean()), paintings

    def finish(self, policy: Policy, curve: list[Row]) -> None:
        """Score on the test split, keep some pictures and paintings as PNGs, and write the result."""
        targets = self.pictures("test", self.test_images)
        l2, paintings = self.paint(policy, targets)
        write_rows(self.folder / "targets.png", [picture_row(targets[:SHOWN])])
        write_rows(self.folder / "paintings.png", [picture_row(paintings[:SHOWN])])
        found = {name: curve[-1][name] for name in ("updates", "env_steps", "seconds")} | {"l2": l2}
        found |= {"test_images": len(targets), "blank": blank(targets)} | likeness(paintings, targets)
        self.write(found | {"curve": curve})


@dataclass(frozen=True)
class FigureConfig(TrainingBenchmarkConfig):
    """Options of the paper's figures."""

    paper: bool = False
    """Train as the paper did, for days on a GPU."""
    device: str = "auto"
    """Device to train on."""
    test_images: int = 200
    """Pictures of the test split that are painted at the end."""

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises:
            ValueError: naming the options.
        """
        super().__post_init__()
        if self.paper and self.smoke:
            raise ValueError("--paper and --smoke do not go together")
        if self.test_images < 1:
            raise ValueError(f"test_images must be at least 1, not {self.test_images}")

    @property
    def folder(self) -> Path:
        """Where the jobs are: each size has a folder of its own."""
        return self.out / "paper" if self.paper else super().folder


def _plain(settings: Row) -> Row:
    """Settings as JSON gives them back."""
    plain: Row = json.loads(json.dumps(settings))
    return plain


@dataclass(frozen=True)
class Method:
    """What a figure compares: settings that differ from those that all its methods share.

    Attributes:
        name: in tables and plots.
        agent: settings of the agent.
        config: settings of the training.
        cpu: settings of the algorithm at the size of two cores; with --paper they stay the paper's.
        paper: settings of the training with --paper.
    """

    name: str
    agent: Row = field(default_factory=dict)
    config: Row = field(default_factory=dict)
    cpu: Row = field(default_factory=dict)
    paper: Row = field(default_factory=dict)

    def configure(self, base: TrainConfig, options: FigureConfig, seed: int) -> TrainConfig:
        """The settings of one training.

        Args:
            base: what all methods share at the size of two cores; with --paper the preset is taken.
            options: of the figure.
            seed: random seed.
        """
        if options.paper:
            base = PRESETS["paper"]
        learning = dataclasses.replace(base.agent.learning, lookahead=0)
        if not options.paper:
            learning = dataclasses.replace(learning, **self.cpu)
        changed: Row = {"learning": learning} | self.agent
        agent = dataclasses.replace(base.agent, **changed)
        changes: Row = {"agent": agent, "seed": seed} | self.config | (self.paper if options.paper else {})
        changes["eval_strokes"] = agent.max_strokes
        config = dataclasses.replace(base, **changes)
        return smallest(config) if options.smoke else config


def smallest(config: TrainConfig) -> TrainConfig:
    """The same at a size that takes a second."""
    agent = config.agent
    strokes = min(agent.max_strokes, 2 * agent.bundle)
    agent = dataclasses.replace(agent, actor_width=4, critic_width=4, depth=1, patches=2, max_strokes=strokes)
    return dataclasses.replace(
        config, agent=agent, size=16, updates=4, batch=4, num_envs=4, episodes=16, eval_images=2,
        eval_strokes=strokes,
    )  # fmt: skip


def trainings(
    methods: Sequence[Method],
    base: TrainConfig,
    options: FigureConfig,
    kind: type[Training] = Training,
    **own: Any,
) -> list[Training]:
    """A job for each method and seed, seed by seed, so that a figure that is broken off compares something.

    Args:
        methods: what is compared.
        base: what all share.
        options: of the figure.
        kind: of the jobs.
        **own: more attributes of the jobs, such as ``seconds``.
    """
    if options.smoke:
        own |= {"points": 2} | ({"seconds": 0.5} if own.get("seconds") else {})
    found = []
    for seed in options.seeds:
        for method in methods:
            config = method.configure(base, options, seed)
            path = options.folder / f"{method.name.replace(' ', '_')}_{seed}.json"
            found.append(
                kind(
                    path, options.threads_each, method.name, config, device=options.device,
                    test_images=4 if options.smoke else options.test_images, **own,
                )
            )  # fmt: skip
    return found


def train(jobs: Sequence[Training], options: TrainingBenchmarkConfig) -> dict[str, list[Row]]:
    """Run the jobs that have not finished, with --smoke all; their results by method, seed by seed."""
    if options.smoke:
        shutil.rmtree(options.folder, ignore_errors=True)
    results: dict[str, list[Row]] = {}
    for job, result in zip(jobs, run_jobs(jobs, options.workers, options.ray), strict=True):
        results.setdefault(job.method, []).append(result)
    return results


def curves_and_jobs(results: dict[str, list[Row]]) -> Iterator[Table]:
    """The learning curves of results, and where the results come from."""
    yield CURVES, list(points(results))
    runs = [run for runs in results.values() for run in runs]
    yield (
        JOBS,
        [
            {"method": run["settings"]["method"], "seed": run["settings"]["seed"]} | run["made"]
            for run in runs
        ],
    )


def points(results: dict[str, list[Row]]) -> Iterator[Point]:
    """The learning curves of results."""
    for method, runs in results.items():
        for run in runs:
            for row in run["curve"]:
                yield Point(method=method, seed=run["settings"]["seed"], **row)


def sheet(jobs: Sequence[Training], path: Path) -> None:
    """Write a PNG: test pictures, and below them what each job painted, in the order of the jobs.

    Pictures of data sets may not be passed on, so it belongs into the folder of the jobs, not into git.
    """
    rows = []
    for job, name in [(jobs[0], "targets.png"), *((job, "paintings.png") for job in jobs)]:
        try:
            rows.append(np.asarray(Image.open(job.folder / name)))
        except OSError as error:
            why = f"{job.folder / name} is gone or damaged; delete {job.path}, and the job runs again"
            raise ValueError(why) from error
    write_rows(path, rows)


UNCOMPARED = (
    "agent.algo", "agent.learning.lookahead", "agent.learning.plan", "eval_every", "eval_images",
    "eval_split", "eval_strokes", "seed", "data_root",
)  # fmt: skip
NOT_SAID = ("agent.learning.max_grad_norm", "agent.learning.noise")
"""Settings that the paper does not give; in the preset they are ours."""
BEYOND_PRESETS = {  # ours and the paper's; the preset "paper" shares ours
    "renderer": ("analytic", "network of Fig. 12"),
    "precision": ("bfloat16 where autocast allows it", "float32"),
    "how the critics of DDPG and PatchQ read the action": ("as a picture beside the state", "not said"),
}


def settings_beside(jobs: Sequence[Training]) -> Iterator[Row]:
    """Which settings are not the paper's: those of any job, several if they differ."""
    paper = _flat(dataclasses.asdict(PRESETS["paper"]))
    every = [_flat(dataclasses.asdict(job.config)) for job in jobs]
    for name, there in paper.items():
        here = list(dict.fromkeys(str(one[name]) for one in every))
        if name in NOT_SAID or (name not in UNCOMPARED and here != [str(there)]):
            paper_says = "not said" if name in NOT_SAID else str(there)
            yield {"setting": name, "here": ", ".join(here), "paper": paper_says}
    for name, (ours, there) in BEYOND_PRESETS.items():
        yield {"setting": name, "here": ours, "paper": there}


def _flat(tree: Row, path: str = "") -> Row:
    """Nested settings by their dotted names."""
    found: Row = {}
    for name, value in tree.items():
        found |= _flat(value, f"{path}{name}.") if isinstance(value, dict) else {f"{path}{name}": value}
    return found
