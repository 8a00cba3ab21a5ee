"""Jobs of a benchmark: each has its result in a file of its own, so only missing ones run."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from agents.cluster import run_on_cluster
from benchmarks.harness.tables import JobsFailedError, Row, provenance
from paint_gym.utils.files import lock_folder, replace_when_done
from paint_gym.utils.progress import progress


@dataclass(frozen=True)
class Job(ABC):
    """Something to measure, in a process of its own.

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

    def defaults(self) -> Row:
        """What settings are that a result does not have, since it is older than they are; by default none."""
        return {}

    @abstractmethod
    def work(self) -> None:
        """Measure, and `write`."""

    def result(self) -> Row | None:
        """What `work` wrote; None if it has not finished.

        Raises:
            ValueError: the file is damaged, or of other settings; the message names it.
        """
        if not self.path.exists():
            return None
        try:
            found: Row = json.loads(self.path.read_text(), parse_constant=_refuse_constant)
            settings, made = found["settings"], found["made"]
            if not isinstance(settings, dict):
                raise ValueError("it has no settings")
            if not isinstance(made, dict) or made.keys() != origin().keys():
                raise ValueError("it does not say how it was made")
            self.check(found)
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            why = f"{self.path} is damaged ({type(error).__name__}: {error})"
            raise ValueError(f"{why}; delete it, and the job runs again") from error
        if with_defaults(settings, self.defaults()) != self.settings():
            raise ValueError(f"{self.path} is of other settings; choose another --out, or delete it")
        return found

    @abstractmethod
    def check(self, found: Row) -> None:
        """Raise a `ValueError` or `KeyError` if a result lacks what `work` writes."""

    def write(self, found: Row) -> None:
        """Keep a result, whole or not at all, and where it comes from."""
        whole = {"settings": self.settings(), "made": origin()} | found
        text = json.dumps(whole, indent=1, allow_nan=False) + "\n"
        with replace_when_done(self.path) as temporary:
            temporary.write_text(text)


def with_defaults(settings: Row, defaults: Row) -> Row:
    """Settings, and defaults of those that are lacking, nested ones too."""
    filled = defaults | settings
    for name, value in filled.items():
        if isinstance(value, dict) and isinstance(defaults.get(name), dict):
            filled[name] = with_defaults(value, defaults[name])
    return filled


def origin() -> Row:
    """By which code and when a job is done."""
    made = provenance()
    return {name: made[name] for name in ("version", "commit", "changed", "date")}


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def run_jobs(jobs: Sequence[Job], workers: int, ray: str | None = None) -> list[Row]:
    """Run the jobs that have not finished, and return the results of all, in order.

    Args:
        jobs: all of them.
        workers: jobs side by side, each in a process of its own; 1 runs them in this one.
        ray: the cluster that runs them instead, as for `agents.cluster.run_on_cluster`.

    Raises:
        BlockingIOError: another process runs jobs in the same folder.
        JobsFailedError: jobs have failed, or a result is gone when all are done.
        ValueError: two jobs have one file, or a result is damaged or of other settings; nothing has run.
    """
    if len({job.path for job in jobs}) < len(jobs):
        raise ValueError("two jobs would write the same result; name each seed and each method once")
    with ExitStack() as held:
        for folder in sorted({job.path.parent for job in jobs}):
            held.enter_context(lock_folder(folder))
        missing = [job for job in jobs if job.result() is None]
        print(f"{len(missing)} of {len(jobs)} jobs to run", flush=True)
        failed = _run(missing, workers) if ray is None else _on_cluster(missing, ray)
        results = [(job, job.result()) for job in jobs]
    failed |= {job.name: f"{job.path} is gone" for job, result in results if result is None and not failed}
    if failed:
        reasons: dict[str, list[str]] = {}
        for name, why in failed.items():
            reasons.setdefault(why, []).append(name)
        said = "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
        what = f"{len(failed)} of {len(jobs)} jobs failed; those that finished are kept"
        raise JobsFailedError(f"{what}, and the same command runs the others. {said}")
    return [result for _, result in results if result is not None]


def _run(jobs: Sequence[Job], workers: int) -> dict[str, str]:
    """Run them; what went wrong, by the name of the job."""
    if workers > 1 and jobs:
        with ThreadPoolExecutor(min(workers, len(jobs))) as pool:
            reasons = list(pool.map(_in_process, jobs))
    else:
        reasons = [_reason(job) for job in jobs]
    return {job.name: why for job, why in zip(jobs, reasons, strict=True) if why}


def _on_cluster(jobs: Sequence[Job], address: str) -> dict[str, str]:
    """Run them on a cluster, each from where it is by now; what went wrong, by the name of the job."""
    reasons = {}
    tasks = [(job, _files(job)) for job in jobs]
    processors = max((job.threads for job in jobs), default=1)
    with progress(total=len(jobs), desc="jobs", unit="job") as bar:
        for (job, _), answer in run_on_cluster(_elsewhere, None, tasks, address, processors=processors):
            if isinstance(answer, Exception):
                reasons[job.name] = f"{type(answer).__name__}: {answer}"
            else:
                why, files = answer
                _write_files(job, files)
                reasons[job.name] = why
            bar.update()
    in_order = {job.name: reasons.get(job.name, "") for job in jobs}  # the jobs', not the cluster's
    return {name: why for name, why in in_order.items() if why}


def _elsewhere(_: None, task: tuple[Job, dict[str, bytes]]) -> tuple[str, dict[str, bytes]]:
    """Do a job on a node; why it failed, or nothing, and its files."""
    job, files = task
    with tempfile.TemporaryDirectory() as folder:
        moved = replace(job, path=Path(folder) / job.path.name)
        _write_files(moved, files)
        why = _reason(moved)
        return why, _files(moved)


def _files(job: Job) -> dict[str, bytes]:
    """What a job has written, by its name in the folder of the result, which comes last."""
    left = sorted(file for file in job.path.with_suffix("").rglob("*") if file.is_file())
    there = [*left, *([job.path] if job.path.exists() else [])]
    return {str(file.relative_to(job.path.parent)): file.read_bytes() for file in there}


def _write_files(job: Job, files: dict[str, bytes]) -> None:
    """Write them where the job is."""
    for name, content in files.items():
        with replace_when_done(job.path.parent / name) as temporary:
            temporary.write_bytes(content)


def _reason(job: Job) -> str:
    """Do a job; why it failed, or nothing."""
    try:
        job.work()
    except Exception as error:
        if not isinstance(error, ValueError | OSError):  # those explain themselves
            print(f"{job.name} failed:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        return f"{type(error).__name__}: {error}"
    return ""


def _in_process(job: Job) -> str:
    """Do a job in a process of its own, which may be killed without harm to the others."""
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(job, send))
    process.start()
    send.close()
    try:
        why: str = receive.recv()
    except EOFError:
        why = ""
    process.join()
    if process.exitcode and process.exitcode < 0:
        return f"killed by signal {-process.exitcode}; out of memory?"
    return why or (f"ended with status {process.exitcode}" if process.exitcode else "")


def _child(job: Job, send: Connection) -> None:
    _end_with_parent()
    send.send(_reason(job))


def _end_with_parent() -> None:
    """Let no worker outlive the process that started it, and write where another may be at work by then."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
