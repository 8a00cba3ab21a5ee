"""Jobs of a benchmark: each has its result in a file of its own, so only missing ones run."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import sys
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.suite import Row
from paint_gym.utils.files import replace_when_done


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
            found = json.loads(self.path.read_text())
            settings = found["settings"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(
                f"{self.path} is damaged ({error}); delete it, and the job runs again"
            ) from error
        if settings != self.settings():
            raise ValueError(f"{self.path} is of other settings; choose another --out, or delete it")
        result: Row = found
        return result

    def write(self, found: Row) -> None:
        """Keep a result, whole or not at all."""
        with replace_when_done(self.path) as temporary:
            temporary.write_text(json.dumps({"settings": self.settings()} | found, indent=1) + "\n")


class JobsFailedError(RuntimeError):
    """Jobs have failed; the message names them. The others have finished, and their results stay."""


def run_jobs(jobs: Sequence[Job], workers: int) -> list[Row]:
    """Run the jobs that have not finished, and return the results of all, in order.

    Args:
        jobs: all of them.
        workers: jobs side by side, each in a process of its own; 1 runs them in this one.

    Raises:
        BlockingIOError: another process runs jobs in the same folder.
        JobsFailedError: jobs have failed, or a result is gone when all are done.
        ValueError: a result is damaged or of other settings; nothing has run.
    """
    with _alone_in({job.path.parent for job in jobs}):
        missing = [job for job in jobs if job.result() is None]
        print(f"{len(missing)} of {len(jobs)} jobs to run", flush=True)
        failed = _run(missing, workers)
        results = [(job, job.result()) for job in jobs]
    failed |= {job.name: f"{job.path} is gone" for job, result in results if result is None and not failed}
    if failed:
        said = "; ".join(f"{name}: {why}" for name, why in failed.items())
        raise JobsFailedError(f"{len(failed)} of {len(jobs)} jobs failed, the others are kept: {said}")
    return [result for _, result in results if result is not None]


def _run(jobs: Sequence[Job], workers: int) -> dict[str, str]:
    """Run them; what went wrong, by the name of the job."""
    failed = {}
    if workers > 1 and jobs:
        context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        with ProcessPoolExecutor(min(workers, len(jobs)), context, _end_with_parent) as pool:
            names = {pool.submit(_work, job): job.name for job in jobs}
            for done in as_completed(names):
                try:
                    done.result()
                except Exception as error:
                    failed[names[done]] = f"{type(error).__name__}: {error}"
        return failed
    for job in jobs:
        try:
            _work(job)
        except Exception as error:
            failed[job.name] = f"{type(error).__name__}: {error}"
    return failed


def _work(job: Job) -> None:
    try:
        job.work()
    except Exception:
        print(f"{job.name} failed:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        raise


@contextmanager
def _alone_in(folders: set[Path]) -> Iterator[None]:
    """Hold folders for this process while the block runs; the system lets go of them if it is killed."""
    held = []
    try:
        for folder in sorted(folders):
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY)
            held.append(handle)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BlockingIOError(
                    error.errno,
                    f"another process runs jobs in {folder}; wait for it, or choose another --out",
                ) from error
        yield
    finally:
        for handle in held:
            os.close(handle)


def _end_with_parent() -> None:
    """Let no worker outlive the process that started it, and write where another may be at work by then."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
