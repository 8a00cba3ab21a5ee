"""Jobs of benchmarks: what is finished stays, what fails is named, workers end with their parent."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.harness.job import BenchmarkJob, JobsFailedError, run_jobs
from paint_gym.utils.files import lock_folder

SLEEPERS = """
import os, sys, time
from pathlib import Path
from benchmarks.harness.job import BenchmarkJob, run_jobs

class Sleeper(BenchmarkJob):
    name = "sleeper"

    def settings(self):
        return {}

    def check(self, result):
        pass

    def work(self):
        self.path.with_suffix(".pid").write_text(str(os.getpid()))
        time.sleep(600)

if __name__ == "__main__":
    from sleepers import Sleeper
    run_jobs([Sleeper(Path(sys.argv[1]) / f"{i}.json", 1) for i in range(2)], workers=2)
"""


@dataclass(frozen=True)
class Counting(BenchmarkJob):
    """Goes on from what it finds in its folder."""

    name = "counting"

    def settings(self) -> dict[str, object]:
        return {}

    def check(self, result: dict[str, object]) -> None:
        pass

    def work(self) -> None:
        count = self.path.with_suffix("") / "deep" / "count"
        found = int(count.read_text()) if count.exists() else 0
        count.parent.mkdir(parents=True, exist_ok=True)
        count.write_text(str(found + 1))
        if not found:
            raise ValueError("not yet")
        self.write({"count": found + 1})


@dataclass(frozen=True)
class Square(BenchmarkJob):
    """Squares a number; of 3 the disk is full."""

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


def squares(folder: Path, *numbers: int) -> list[BenchmarkJob]:
    return [Square(folder / f"{number}.json", 1, number) for number in numbers]


def test_jobs_that_fail_are_named_and_the_others_stay(tmp_path: Path) -> None:
    with pytest.raises(
        JobsFailedError, match=r"1 of 3 jobs failed.* the same command .*square of 3: OSError.*No space left"
    ):
        run_jobs(squares(tmp_path, 2, 3, 4), 1)
    assert [path.name for path in sorted(tmp_path.glob("[!.]*"))] == ["2.json", "4.json"]
    assert [found["square"] for found in run_jobs(squares(tmp_path, 2, 4), 1)] == [4, 16]


@pytest.mark.slow
def test_jobs_of_a_cluster_write_to_the_shared_folder_and_go_on_from_it(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # no node could import a test
    jobs = [*squares(tmp_path / "jobs", 2, 3, 4), Counting(tmp_path / "jobs" / "counting.json", 1)]
    with pytest.raises(JobsFailedError, match=r"2 of 4 jobs failed.*square of 3: .*not yet"):
        run_jobs(jobs, 1, ray="local")
    assert (tmp_path / "jobs" / "counting" / "deep" / "count").read_text() == "1"
    jobs.pop(1)
    found = run_jobs(jobs, 1, ray="local")
    assert [one.get("square", one.get("count")) for one in found] == [4, 16, 2]


def test_only_what_is_missing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_jobs(squares(tmp_path, 2), 1)
    before = (tmp_path / "2.json").stat().st_mtime_ns
    run_jobs(squares(tmp_path, 2, 4), 1)
    assert (tmp_path / "2.json").stat().st_mtime_ns == before
    assert "1 of 1 jobs to run" in (printed := capsys.readouterr().out) and "1 of 2 jobs to run" in printed


MADE = {"version": "1", "commit": "abc", "changed": False, "date": "2026"}
FOUR = {"settings": {"number": 4}, "made": MADE}


@pytest.mark.parametrize(
    "content",
    [
        "{", "[]", "{}", "", json.dumps(FOUR), json.dumps(FOUR | {"square": "16"}),
        json.dumps(FOUR | {"square": float("nan")}), json.dumps({"settings": {"number": 4}, "square": 16}),
    ],
)  # fmt: skip
def test_a_damaged_result_is_named_before_anything_runs(content: str, tmp_path: Path) -> None:
    (tmp_path / "4.json").write_text(content)
    with pytest.raises(ValueError, match=r"4\.json is damaged .*; delete it"):
        run_jobs(squares(tmp_path, 2, 4), 1)
    assert not (tmp_path / "2.json").exists()


def test_a_result_of_other_settings_is_not_mixed_in(tmp_path: Path) -> None:
    (tmp_path / "4.json").write_text(json.dumps(FOUR | {"settings": {"number": 5}, "square": 25}))
    with pytest.raises(ValueError, match=r"4\.json is of other settings; choose another --out"):
        run_jobs(squares(tmp_path, 4), 1)


def test_a_result_says_by_which_code_it_is(tmp_path: Path) -> None:
    (found,) = run_jobs(squares(tmp_path, 4), 1)
    assert found["made"].keys() == MADE.keys() and found["made"]["date"].startswith("20")


def test_two_jobs_of_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two jobs would write the same result"):
        run_jobs(squares(tmp_path, 4, 4), 1)


def test_one_reason_is_told_once(tmp_path: Path) -> None:
    jobs = [Square(tmp_path / f"{name}.json", 1, 3) for name in "ab"]
    with pytest.raises(JobsFailedError) as failed:
        run_jobs(jobs, 1)
    assert str(failed.value).count("No space left") == 1


class Suicide(Square):
    def work(self) -> None:
        if self.number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        super().work()


@pytest.mark.slow
def test_a_job_that_is_killed_takes_no_other_with_it(tmp_path: Path) -> None:
    jobs = [Suicide(tmp_path / f"{number}.json", 1, number) for number in (2, 3, 4)]
    with pytest.raises(JobsFailedError, match=r"1 of 3 jobs failed.*square of 3: killed by signal 9"):
        run_jobs(jobs, 2)
    assert [path.name for path in sorted(tmp_path.glob("*.json"))] == ["2.json", "4.json"]


def test_two_runs_in_one_folder_are_told_apart(tmp_path: Path) -> None:
    with (
        lock_folder(tmp_path),
        pytest.raises(BlockingIOError, match=r"another process is at work in .*choose another"),
    ):
        run_jobs(squares(tmp_path, 2), 1)
    assert run_jobs(squares(tmp_path, 2), 1)[0]["square"] == 4


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    (tmp_path / "sleepers.py").write_text(SLEEPERS)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[3])])
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "sleepers.py"), str(tmp_path)], env=os.environ | {"PYTHONPATH": path}
    )

    def pids() -> list[int]:
        return [int(text) for file in tmp_path.glob("*.pid") if (text := file.read_text())]

    try:
        assert wait_for(lambda: len(pids()) == 2)
        assert all(alive(pid) for pid in pids())
        parent.send_signal(signal.SIGKILL)
        assert wait_for(lambda: not any(alive(pid) for pid in pids()), 20)
    finally:
        parent.kill()
        parent.wait()
        for pid in filter(alive, pids()):
            os.kill(pid, signal.SIGKILL)
