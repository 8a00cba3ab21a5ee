"""Trainings that a benchmark compares: each is a job whose result is a file, so only missing ones run."""

from __future__ import annotations

import dataclasses
import json
import math
import multiprocessing
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from agents import Agent, TrainConfig, Trainer
from agents.training.base_trainer import Callback
from benchmarks.harness.suite import BenchmarkConfig, Row
from paint_gym.utils.files import replace_when_done


@dataclass(frozen=True)
class TrainingBenchmarkConfig(BenchmarkConfig):
    """Options of the benchmarks that compare trainings."""

    out: Path = Path("runs")
    """Folder of the jobs' results."""
    workers: int = 1
    """Jobs side by side, each in a process of its own; 1 runs them in this one."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Random seeds; each variant is trained once with each."""

    @property
    def threads_each(self) -> int:
        """Threads of a job."""
        return max(1, self.threads // self.workers)


@dataclass(frozen=True)
class Job(ABC):
    """Something to train and measure, in a process of its own.

    Attributes:
        path: file of the result.
        threads: of torch.
    """

    path: Path
    threads: int

    @property
    @abstractmethod
    def name(self) -> str:
        """Name in reports."""

    @abstractmethod
    def settings(self) -> Row:
        """Settings that the result depends on, as JSON gives them back."""

    @abstractmethod
    def work(self) -> None:
        """Train, measure, and `write`."""

    def result(self) -> Row | None:
        """What `work` wrote; None if it has not finished.

        Raises:
            ValueError: the file is of other settings.
        """
        if not self.path.exists():
            return None
        found: Row = json.loads(self.path.read_text())
        if found["settings"] != self.settings():
            raise ValueError(f"{self.path} is of other settings; choose another --out, or delete it")
        return found

    def write(self, found: Row) -> None:
        """Keep a result, whole or not at all."""
        with replace_when_done(self.path) as temporary:
            temporary.write_text(json.dumps({"settings": self.settings()} | found, indent=1) + "\n")


def settings_of(config: TrainConfig, **own: object) -> Row:
    """Settings of a training and a job's own, as JSON gives them back."""
    settings: Row = json.loads(json.dumps(dataclasses.asdict(config) | own))
    return settings


class TimedTrainer(Trainer):
    """Learns until its time is up, whatever the number of updates.

    Args:
        config: its number of updates is ignored.
        seconds: of the processor, by thread: what a machine with nothing else to do would take.
        agent: as for `Trainer`.
    """

    def __init__(self, config: TrainConfig, seconds: float, agent: Agent | None = None) -> None:
        super().__init__(config, "cpu", agent)
        self.seconds, self.spent = seconds, 0.0

    @property
    def progress(self) -> float:
        """Fraction of the time that is spent, in [0, 1]."""
        return min(1.0, self.spent / self.seconds)

    def update(self) -> dict[str, float]:
        """One update, whose time counts."""
        began = time.process_time()
        metrics = super().update()
        self.spent += (time.process_time() - began) / torch.get_num_threads()
        return metrics


def at_points(points: int, measure: Callable[[], object]) -> Callback:
    """A callback of `Trainer.fit` that measures so many times, evenly spread, the last time at the end."""
    measured = 0

    def after_update(trainer: Trainer, metrics: dict[str, float]) -> None:
        nonlocal measured
        while trainer.progress >= (measured + 1) / points:
            measured += 1
            measure()

    return after_update


def run_jobs(jobs: Sequence[Job], workers: int) -> list[Row]:
    """Run the jobs that have not finished, and return the results of all, in order.

    Args:
        jobs: all of them.
        workers: jobs side by side, each in a process of its own; 1 runs them in this one.

    Raises:
        FileNotFoundError: a result is gone when all are done.
        ValueError: a result is of other settings.
    """
    missing = [job for job in jobs if job.result() is None]
    print(f"{len(missing)} of {len(jobs)} jobs to run", flush=True)
    if workers > 1 and missing:
        context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        with ProcessPoolExecutor(min(workers, len(missing)), context, _end_with_parent) as pool:
            list(pool.map(_work, missing))
    else:
        for job in missing:
            job.work()
    results = []
    for job in jobs:
        result = job.result()
        if result is None:
            raise FileNotFoundError(f"{job.name} has finished, but {job.path} is gone")
        results.append(result)
    return results


def _work(job: Job) -> None:
    job.work()


def _end_with_parent() -> None:
    """Let no worker outlive the process that started it, and write where another may be at work by then."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Mean, and the ends of its 95% t-interval; None where one value gives none."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values)))
    return mean, mean - half, mean + half
