"""Seconds and memory of calls, and facts about the code and the machine."""

from __future__ import annotations

import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from paint_gym import __version__
from paint_gym.renderers.analytic.c import library
from paint_gym.strokes import StrokeDesign

ROOT = Path(__file__).parents[2]
NO_CODE = (":!benchmarks/results", ":!docs")
Row = dict[str, Any]


def take_turns(calls: dict[str, Callable[[], object]], repeats: int, warmup: int = 2) -> dict[str, float]:
    """Median seconds of each call.

    The calls alternate in this process, so that a moment in which the machine is slow slows all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(warmup + repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn >= warmup:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def random_strokes(design: StrokeDesign, *shape: int, seed: int = 0) -> Tensor:
    """Uniformly random strokes ``(*shape, stroke_dim)`` float32, the same at each call."""
    return torch.rand(*shape, design.dim, generator=torch.Generator().manual_seed(seed))


def peak_memory() -> float:
    """Peak memory of this process in GiB.

    Linux hands `ru_maxrss` of a parent on to its children, so this reads VmHWM, which starts anew.
    """
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].removesuffix("kB")) / 2**20


@cache
def provenance() -> Row:
    """Version, commit, date and command of this process, as they are at the first call."""
    return {
        "version": __version__,
        "commit": git("rev-parse", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--untracked-files=no", "--", ".", *NO_CODE)),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.orig_argv[1:]),
    }


def git(*arguments: str) -> str:
    """Output of git for this repository; empty where there is none."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def machine() -> Row:
    """Facts about the machine that measures."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),  # of the minute before
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "kernel": library.load(torch.float32) is not None,
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
    }
