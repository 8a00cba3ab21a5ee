"""Jobs of a benchmark, each with a result file of its own, so that only missing ones run."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from agents.cluster import run_on_cluster
from benchmarks.harness.measure import Row, provenance
from benchmarks.harness.tables import JobsFailedError, read_json
from paint_gym.utils.files import lock_folder, write_text
from paint_gym.utils.progress import progress

ORIGIN = ("version", "commit", "changed", "date")


@dataclass(frozen=True)
class BenchmarkJob(ABC):
    """A measurement in a process of its own.

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
        """Measure, and `write`."""

    @abstractmethod
    def check(self, result: Row) -> None:
        """Raise a `ValueError` or `KeyError` if a result lacks what `work` writes."""

    def result(self) -> Row | None:
        """Read the result; None if the job has not finished.

        Raises:
            ValueError: the file is damaged, or of other settings; the message names it.
        """
        if not self.path.exists():
            return None
        try:
            result: Row = read_json(self.path)
            settings = result["settings"]
            if result["made"].keys() != set(ORIGIN):
                raise ValueError("it does not say how it was made")
            self.check(result)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            reason = f"{self.path} is damaged ({type(error).__name__}: {error})"
            raise ValueError(f"{reason}; delete it, and the job runs again") from error
        if settings != self.settings():
            raise ValueError(f"{self.path} is of other settings; choose another --out, or delete it")
        return result

    def write(self, result: Row) -> None:
        """Write a result with its settings and origin, whole or not at all."""
        made = provenance()
        origin = {name: made[name] for name in ORIGIN}
        text = json.dumps({"settings": self.settings(), "made": origin} | result, indent=1, allow_nan=False)
        write_text(self.path, text + "\n")


def run_jobs(jobs: Sequence[BenchmarkJob], workers: int, ray: str | None = None) -> list[Row]:
    """Run the jobs that have not finished, and return the results of all, in order.

    Args:
        jobs: all of them.
        workers: jobs side by side, each in a process of its own; 1 runs them in this one.
        ray: the cluster that runs them instead, as for `agents.cluster.run_on_cluster`; its nodes share the
            folder of the results.

    Raises:
        BlockingIOError: another process runs jobs in the same folder.
        JobsFailedError: jobs have failed, or a result is gone when all are done.
        ValueError: two jobs have one file, or a result is damaged or of other settings; nothing has run.
    """
    if len({job.path for job in jobs}) < len(jobs):
        raise ValueError("two jobs would write the same result; name each seed and each method once")
    with ExitStack() as locks:
        for folder in sorted({job.path.parent for job in jobs}):
            locks.enter_context(lock_folder(folder))
        missing = [job for job in jobs if job.result() is None]
        print(f"{len(missing)} of {len(jobs)} jobs to run", flush=True)
        failed = _run(missing, workers) if ray is None else _run_on_cluster(missing, ray)
        results = [(job, job.result()) for job in jobs]
    failed |= {job.name: f"{job.path} is gone" for job, result in results if result is None and not failed}
    if failed:
        reasons: dict[str, list[str]] = {}
        for name, reason in failed.items():
            reasons.setdefault(reason, []).append(name)
        message = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
        raise JobsFailedError(
            f"{len(failed)} of {len(jobs)} jobs failed; those that finished are kept, and the same command "
            f"runs the others. {message}"
        )
    return [result for _, result in results if result is not None]


def _run(jobs: Sequence[BenchmarkJob], workers: int) -> dict[str, str]:
    """Run jobs on this machine; returns the reasons of failures by the name of the job."""
    if workers > 1 and jobs:
        with ThreadPoolExecutor(min(workers, len(jobs))) as pool:
            reasons = list(pool.map(_run_in_process, jobs))
    else:
        reasons = [_run_job(job) for job in jobs]
    return {job.name: reason for job, reason in zip(jobs, reasons, strict=True) if reason}


def _run_on_cluster(jobs: Sequence[BenchmarkJob], address: str) -> dict[str, str]:
    """Run jobs on a cluster; returns the reasons of failures by the name of the job."""
    reasons = {}
    tasks = [replace(job, path=job.path.absolute()) for job in jobs]
    processors = max((job.threads for job in jobs), default=1)
    with progress(total=len(jobs), desc="jobs", unit="job") as bar:
        for job, answer in run_on_cluster(_run_on_node, None, tasks, address, processors=processors):
            failed = isinstance(answer, Exception)
            reasons[job.name] = f"{type(answer).__name__}: {answer}" if failed else answer
            bar.update()
    return {job.name: str(reasons[job.name]) for job in jobs if reasons.get(job.name)}  # in their order


def _run_on_node(shared: None, job: BenchmarkJob) -> str:
    return _run_job(job)


def _run_job(job: BenchmarkJob) -> str:
    """Run a job; returns the reason of a failure, or an empty string."""
    provenance()  # of the code that runs, whatever is committed meanwhile
    try:
        job.work()
    except Exception as error:
        if not isinstance(error, ValueError | OSError):  # those explain themselves
            print(f"{job.name} failed:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        return f"{type(error).__name__}: {error}"
    return ""


def _run_in_process(job: BenchmarkJob) -> str:
    """Run a job in a process of its own, which may be killed without harm to the others."""
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(1, context, _end_with_parent) as pool:
        try:
            return pool.submit(_run_job, job).result()
        except BrokenProcessPool:
            return "its process was killed; out of memory?"


def _end_with_parent() -> None:
    """End this process with the one that started it, lest two write to one folder."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
