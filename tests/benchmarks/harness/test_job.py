"""Jobs of benchmarks: what is finished stays, what fails is named, workers end with their parent."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.harness.job import BenchmarkJob, JobsFailedError, run_jobs
from paint_gym.utils.files import lock_folder


@dataclass(frozen=True)
class Square(BenchmarkJob):
    number: int

    @property
    def name(self) -> str:
        return f"square of {self.number}"

    def settings(self) -> dict[str, object]:
        return {"number": self.number}

    def check(self, result: dict[str, object]) -> None:
        if not isinstance(result["square"], int):
            raise ValueError("no whole number")

    def work(self) -> None:
        if self.number == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.write({"square": self.number**2})


def squares(folder: Path, *numbers: int, kind: type[Square] = Square) -> list[BenchmarkJob]:
    return [kind(folder / f"{number}.json", 1, number) for number in numbers]


def test_jobs_that_fail_are_named_and_only_what_is_missing_runs(tmp_path: Path) -> None:
    with pytest.raises(JobsFailedError, match=r"1 of 3 jobs failed.* same command .*square of 3: .*No space"):
        run_jobs(squares(tmp_path, 2, 3, 4), 1)
    before = (tmp_path / "2.json").stat().st_mtime_ns
    results = run_jobs(squares(tmp_path, 2, 4, 5), 1)
    assert [result["square"] for result in results] == [4, 16, 25]
    assert (tmp_path / "2.json").stat().st_mtime_ns == before
    assert results[0]["made"].keys() == {"version", "commit", "changed", "date"}


@pytest.mark.ci
def test_jobs_of_a_cluster_write_to_the_shared_folder_and_go_on_from_it(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # no node could import a test
    with pytest.raises(JobsFailedError, match=r"1 of 3 jobs failed.*square of 3: "):
        run_jobs(squares(tmp_path / "jobs", 2, 3, 4), 1, ray="local")
    results = run_jobs(squares(tmp_path / "jobs", 2, 4), 1, ray="local")
    assert [result["square"] for result in results] == [4, 16]


MADE = {"version": "1", "commit": "abc", "changed": False, "date": "2026"}
FOUR = {"settings": {"number": 4}, "made": MADE}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is damaged .*; delete it"), ("[]", "is damaged"), (json.dumps(FOUR), "is damaged"),
        (json.dumps(FOUR | {"square": float("nan")}), "is damaged"),
        (json.dumps({"settings": {"number": 4}, "square": 16}), "is damaged"),
        (json.dumps(FOUR | {"settings": {"number": 5}, "square": 25}), "is of other settings"),
    ],
)  # fmt: skip
def test_a_result_of_no_use_is_named_before_anything_runs(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "4.json").write_text(content)
    with pytest.raises(ValueError, match=rf"4\.json {said}"):
        run_jobs(squares(tmp_path, 2, 4), 1)
    assert not (tmp_path / "2.json").exists()


def test_two_at_work_on_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two jobs would write the same result"):
        run_jobs(squares(tmp_path, 4, 4), 1)
    with lock_folder(tmp_path), pytest.raises(BlockingIOError, match="another process is at work in"):
        run_jobs(squares(tmp_path, 2), 1)


class Suicide(Square):
    def work(self) -> None:
        if self.number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        super().work()


@pytest.mark.slow
def test_a_job_that_is_killed_takes_no_other_with_it(tmp_path: Path) -> None:
    with pytest.raises(JobsFailedError, match=r"1 of 3 jobs failed.*square of 3: its process was killed"):
        run_jobs(squares(tmp_path, 2, 3, 4, kind=Suicide), 2)
    assert [path.name for path in sorted(tmp_path.glob("*.json"))] == ["2.json", "4.json"]


class Beating(Square):
    """Writes a file again and again, as long as its process lives."""

    def work(self) -> None:
        for _ in range(600):
            self.path.with_suffix(".beat").touch()
            time.sleep(0.1)


@pytest.mark.slow
def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    jobs = squares(tmp_path, 1, 2, kind=Beating)
    parent = multiprocessing.get_context("spawn").Process(target=run_jobs, args=(jobs, 2))
    parent.start()
    while len(list(tmp_path.glob("*.beat"))) < 2:
        assert parent.is_alive()
        time.sleep(0.1)
    parent.kill()
    deadline = time.monotonic() + 20
    while beats := list(tmp_path.glob("*.beat")):
        assert time.monotonic() < deadline
        for file in beats:
            file.unlink()
        time.sleep(1)
