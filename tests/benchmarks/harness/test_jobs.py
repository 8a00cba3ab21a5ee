"""Jobs of benchmarks: workers do not outlive the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SLEEPERS = """
import os, sys, time
from pathlib import Path
from benchmarks.harness.jobs import Job, run_jobs

class Sleeper(Job):
    name = "sleeper"

    def settings(self):
        return {}

    def work(self):
        self.path.with_suffix(".pid").write_text(str(os.getpid()))
        time.sleep(600)

if __name__ == "__main__":
    from sleepers import Sleeper
    run_jobs([Sleeper(Path(sys.argv[1]) / f"{i}.json", 1) for i in range(2)], workers=2)
"""


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
