"""Shared by all benchmarks: options, timing by taking turns, bars, tables, JSON, facts about the machine."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import torch
import tyro
from torch import Tensor

from benchmarks.harness.curves import write_curves
from paint_gym import __version__
from paint_gym.renderers.analytic.c import library
from paint_gym.strokes import StrokeDesign
from paint_gym.utils.errors import visible
from paint_gym.utils.files import replace_when_done

ROOT = Path(__file__).parents[2]
Row = dict[str, Any]
Table = tuple[str, list[Any]]
"""A title, and rows with the same keys; rows that are held to a bar end with those of `at_most`."""

CURVES = "curves"
"""Title of what is written as a CSV beside the JSON: rows are `benchmarks.harness.curves.Point`."""
CLAIMS = "claims"
"""Title of rows of `claim`."""
JOBS = "jobs"
"""Title of where the trainings come from: rows of `benchmarks.harness.jobs.origin`."""
HOLDS, IN_PART, DOES_NOT_HOLD = "holds", "in part", "does not hold here"
LONGEST = 40  # rows of a table in print
SCHEMA = 2  # of result files; 1 had no provenance


@dataclass(frozen=True)
class BenchmarkConfig:
    """Options of every benchmark."""

    json: Path | None = None
    """File to write the figures to."""
    check: bool = False
    """Exit with code 1 if a bar is missed."""
    threads: int = 2
    """Threads of torch, and so of the kernel."""

    def __post_init__(self) -> None:
        """Refuse what is no number of threads.

        Raises:
            ValueError: naming the option.
        """
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, not {self.threads}")


@dataclass(frozen=True)
class FolderConfig(BenchmarkConfig):
    """Options of benchmarks that leave something to look at, or to go on from."""

    out: Path = Path("runs")
    """Folder of what it leaves."""
    smoke: bool = False
    """A few updates, pictures and strokes only, to see that all runs; always anew, in a folder of its own."""

    @property
    def folder(self) -> Path:
        """Where to write."""
        return self.out / "smoke" if self.smoke else self.out


Options = TypeVar("Options", bound=BenchmarkConfig)


def main(kind: type[Options], tables: Callable[[Options], Iterable[Table]]) -> None:
    """The command line of a benchmark: what a user did wrong is one line."""
    try:
        options = tyro.cli(kind)
        report(options, tables(options))
    except (ValueError, OSError, JobsFailedError) as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {visible(str(error))}")


class JobsFailedError(RuntimeError):
    """Jobs have failed; the message names them. The others have finished, and their results stay."""


def report(options: BenchmarkConfig, tables: Iterable[Table]) -> None:
    """Measure the tables one by one and print each; then write the JSON, and check the bars if asked to."""
    torch.set_num_threads(options.threads)
    figures: dict[str, Any] = {
        "schema": SCHEMA, "provenance": provenance(), "options": dataclasses.asdict(options),
        "machine": machine(), "tables": {},
    }  # fmt: skip
    curves = None
    for title, rows in tables:
        if title == CURVES:
            curves = rows
            continue
        figures["tables"][title] = rows
        if title != JOBS:
            print_table(title, rows)
    if options.json:
        if curves is not None:
            path = options.json.with_suffix(".csv")
            write_curves(path, curves)
            figures["curves"] = hashlib.sha256(path.read_bytes()).hexdigest()
        with replace_when_done(options.json) as temporary:
            temporary.write_text(json.dumps(figures, indent=1, default=str, allow_nan=False) + "\n")
    missed = sum(row.get("met") is False for rows in figures["tables"].values() for row in rows)
    print(f"bars missed: {missed}")
    if missed and options.check:
        sys.exit(1)


def claim(text: str, the_paper: str, here: str, holds: bool, in_part: bool = False) -> Row:
    """A row of the table `CLAIMS`: what is claimed, by whom, what was found, and whether it holds."""
    verdict = HOLDS if holds else IN_PART if in_part else DOES_NOT_HOLD
    return {"claim": text, "the paper": the_paper, "here": here, "holds?": verdict}


def at_most(value: float, bar: float) -> Row:
    """The last columns of a row whose `value` should not exceed `bar`."""
    return {"bar": f"<= {bar:g}", "met": value <= bar}


def at_least(value: float, bar: float) -> Row:
    """The last columns of a row whose `value` should reach `bar`."""
    return {"bar": f">= {bar:g}", "met": value >= bar}


def print_table(title: str, rows: list[Row]) -> None:
    """Print a table, see `table_lines`."""
    print(f"\n{title}\n")
    print("\n".join(table_lines(rows)))
    print(flush=True)


def table_lines(rows: list[Row], longest: int = LONGEST) -> list[str]:
    """A table in Markdown; a longer one is thinned to every second row, every third, and so on."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    shown = rows[:: math.ceil(len(rows) / longest)] if rows else []
    lines = [columns, ["---"] * len(columns)] + [[_text(row.get(key)) for key in columns] for row in shown]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def take_turns(calls: dict[str, Callable[[], object]], repeats: int, warmup: int = 2) -> dict[str, float]:
    """Median seconds of each call.

    The calls are made alternately, in this process, so that a moment in which the machine is slow slows all.
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
    """GiB that this process had in memory at the most.

    Linux hands `ru_maxrss` of a parent on to its children, so this reads VmHWM, which starts anew.
    """
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].removesuffix("kB")) / 2**20


def provenance() -> Row:
    """Where a result comes from: version, commit, date, command."""
    return {
        "version": __version__,
        "commit": git("rev-parse", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--untracked-files=no")),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.orig_argv[1:]),
    }


def git(*arguments: str) -> str:
    """What git says of this repository; nothing where there is none."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def machine() -> Row:
    """Facts about the machine that the figures come from."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),  # processes that ran here in the minute before
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "kernel": library.load(torch.float32) is not None,
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
    }
