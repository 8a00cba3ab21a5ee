"""Tables of a benchmark: its options, bars and claims, what it prints, and the file of its result."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import tyro

from benchmarks.harness.curves import write_curves
from benchmarks.harness.measure import Row, machine, provenance
from paint_gym.utils.errors import visible
from paint_gym.utils.files import replace_when_done

Table = tuple[str, list[Any]]
"""A title, and rows with the same keys; rows that are held to a bar end with those of `at_most`."""
CURVES = "curves"
"""Title of the learning curves, a CSV beside the JSON; rows are `benchmarks.harness.curves.Point`."""
CLAIMS = "claims"
"""Title of rows of `claim`."""
JOBS = "jobs"
"""Title of the versions, commits and dates of the trainings."""
T = TypeVar("T")
HOLDS, IN_PART, DOES_NOT_HOLD = "holds", "in part", "does not hold here"
LONGEST = 40  # rows of a table in print
SCHEMA = 2  # of result files; 1 had no provenance


@dataclass(frozen=True)
class BenchmarkConfig:
    """Options of every benchmark."""

    json: Path | None = None
    """File to write the result to."""
    check: bool = False
    """Exit with code 1 if a bar is missed."""
    threads: int = 2
    """Threads of torch, and so of the kernel."""
    smoke: bool = False
    """Measure little, to see that all works; what trains begins anew, in a folder apart."""

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: no thread.
        """
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, not {self.threads}")

    def pick(self, full: T, smoke: T) -> T:
        """Size of a measurement, the published one or that of --smoke."""
        return smoke if self.smoke else full


@dataclass(frozen=True)
class FolderConfig(BenchmarkConfig):
    """Options of benchmarks that write pictures or jobs."""

    out: Path = Path("runs")
    """Folder to write to."""

    @property
    def folder(self) -> Path:
        """Folder of this size."""
        return self.out / "smoke" if self.smoke else self.out


class JobsFailedError(RuntimeError):
    """Failure of some jobs; the message names them. The results of all finished ones stay."""


def main(tables: Callable[[Any], Iterable[Table]], kind: type[BenchmarkConfig] = BenchmarkConfig) -> None:
    """Run the command line of a benchmark; an error of the user is one line."""
    try:
        options = tyro.cli(kind, description=inspect.getdoc(inspect.getmodule(tables)))
        report(options, tables(options))
    except (ValueError, OSError, JobsFailedError) as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {visible(str(error))}")


def report(options: BenchmarkConfig, tables: Iterable[Table]) -> None:
    """Measure and print table by table, write the JSON, and check the bars if asked to."""
    torch.set_num_threads(options.threads)
    result: Row = {
        "schema": SCHEMA, "provenance": provenance(), "options": dataclasses.asdict(options),
        "machine": machine(), "tables": {},
    }  # fmt: skip
    curves = None
    for title, rows in tables:
        if title == CURVES:
            curves = rows
            continue
        result["tables"][title] = rows
        if title != JOBS:
            print("", title, "", *table_lines(rows), "", sep="\n", flush=True)
    if options.json:
        if curves is not None:
            path = options.json.with_suffix(".csv")
            write_curves(path, curves)
            result["curves"] = hashlib.sha256(path.read_bytes()).hexdigest()
        with replace_when_done(options.json) as temporary:
            temporary.write_text(json.dumps(result, indent=1, default=str, allow_nan=False) + "\n")
    missed = sum(row.get("met") is False for rows in result["tables"].values() for row in rows)
    print(f"bars missed: {missed}")
    if missed and options.check:
        sys.exit(1)


def read_json(path: Path) -> Any:
    """Read a file that `report` or a job wrote.

    Raises:
        OSError: no such file.
        ValueError: no JSON, or a number that is not finite.
    """

    def refuse(text: str) -> float:
        raise ValueError(f"{text} is no number")

    return json.loads(path.read_text(), parse_constant=refuse)


def claim(text: str, the_paper: str, measured: str, holds: bool, in_part: bool = False) -> Row:
    """Row of the table `CLAIMS`: a claim, the paper's number, the measured one, and the verdict."""
    verdict = HOLDS if holds else IN_PART if in_part else DOES_NOT_HOLD
    return {"claim": text, "the paper": the_paper, "here": measured, "holds?": verdict}


def at_most(value: float, bar: float) -> Row:
    """Last columns of a row whose `value` should not exceed `bar`."""
    return {"bar": f"<= {bar:g}", "met": value <= bar}


def at_least(value: float, bar: float) -> Row:
    """Last columns of a row whose `value` should reach `bar`."""
    return {"bar": f">= {bar:g}", "met": value >= bar}


def table_lines(rows: list[Row], longest: int = LONGEST) -> list[str]:
    """Format a table as Markdown; a longer one is thinned to every second row, every third, and so on."""
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
