"""Tables of a benchmark: its options, bars and claims, what it prints, and the files of its result."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import math
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
import tyro

from benchmarks.harness.curves import Point, write_curves
from benchmarks.harness.measure import Row, machine, provenance
from paint_gym.utils.errors import visible
from paint_gym.utils.files import write_text

Table = tuple[str, list[Any]]
"""A title, and rows with the same keys; rows that are held to a bar end with those of `at_most`."""
CURVES = "curves"
"""Title of the learning curves, a CSV beside the JSON; rows are `benchmarks.harness.curves.Point`."""
CLAIMS = "claims"
"""Title of rows of `claim`."""
JOBS = "jobs"
"""Title of the versions, commits and dates of the trainings."""
FINALS = "finals"
"""Title of the scores of each training at its end; see `Result.finals`."""
CRITICS = "critics"
"""Title of the measures of `benchmarks.harness.critic_quality.critic_quality` for each training over time."""
HIDDEN = (JOBS, FINALS, CRITICS, "gradients")  # the last is of files from before `critics`
"""Titles of tables that are in result files only."""
T = TypeVar("T")
LONGEST = 40  # rows of a table in print
SCHEMA = 3  # of result files; 1 had no provenance, 2 no scores of each seed


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


class Result(NamedTuple):
    """Result of a benchmark.

    Attributes:
        name: of the file, without its ending.
        provenance: see `benchmarks.harness.measure.provenance`; None in files of before there was one.
        machine: facts about it.
        tables: rows by title.
        curves: learning curves, if it has any.
        smoke: True if it was made with --smoke.
    """

    name: str
    provenance: Row | None
    machine: Row
    tables: dict[str, list[Row]]
    curves: list[Point]
    smoke: bool = False

    def sources(self) -> list[Row]:
        """Rows with ``commit`` and ``changed``: of the jobs, else that of the benchmark."""
        return self.tables.get(JOBS) or ([self.provenance] if self.provenance else [])

    def finals(self, measure: str = "l2", suffix: str = "") -> dict[str, list[float]]:
        """Scores at the end by method, a value for each seed; of those with a suffix, which is left out.

        Files of schema 2 had only mean, lowest and highest of three seeds, which give the third: in these
        ``seed`` is None, and the values are in rising order.
        """
        values: dict[str, list[float]] = {}
        for row in self.tables[FINALS]:
            if row["method"].endswith(suffix):
                values.setdefault(row["method"].removesuffix(suffix), []).append(row[measure])
        return values


Conclude = Callable[[Result], Iterable[Table]]
"""Tables that follow from a result: comparisons and claims; pages are made of them, result files are not."""


def main(
    tables: Callable[[Any], Iterable[Table]],
    kind: type[BenchmarkConfig] = BenchmarkConfig,
    conclude: Conclude = lambda result: (),
) -> None:
    """Run the command line of a benchmark; an error of the user is one line."""
    name = Path(sys.argv[0]).stem
    try:
        options = tyro.cli(kind, description=inspect.getdoc(inspect.getmodule(tables)))
        report(options, tables(options), conclude)
    except (ValueError, OSError, JobsFailedError) as error:
        sys.exit(f"{name}: {visible(str(error))}")
    except KeyboardInterrupt:
        print(f"{name}: interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def report(options: BenchmarkConfig, tables: Iterable[Table], conclude: Conclude = lambda result: ()) -> None:
    """Measure and print table by table, write the files, and check the bars if asked to."""
    torch.set_num_threads(options.threads)
    result = Result("", provenance(), machine(), {}, [])
    shown: dict[str, list[Row]] = {}
    for title, rows in tables:
        if title == CURVES:
            result = result._replace(curves=rows)
            continue
        result.tables[title] = rows
        if title not in HIDDEN:
            shown |= _show(title, rows)
    for title, rows in conclude(result):
        shown |= _show(title, rows)
    if options.json:
        write_result(options.json, result, options)
    if isinstance(options, FolderConfig):
        write_result(options.folder / "result.json", result, options)
        lines = [line for title, rows in shown.items() for line in (title, "", *table_lines(rows), "")]
        write_text(options.folder / "tables.md", "\n".join(lines))
    missed = sum(not row.get("met", True) for rows in shown.values() for row in rows)
    print(f"bars missed: {missed}")
    if missed and options.check:
        sys.exit(1)


def _show(title: str, rows: list[Row]) -> dict[str, list[Row]]:
    print("", title, "", *table_lines(rows), "", sep="\n", flush=True)
    return {title: rows}


def write_result(path: Path, result: Result, options: BenchmarkConfig) -> None:
    """Write a result as JSON, and its learning curves as CSV beside it."""
    content: Row = {
        "schema": SCHEMA, "provenance": result.provenance, "options": dataclasses.asdict(options),
        "machine": result.machine, "tables": result.tables,
    }  # fmt: skip
    if result.curves:
        curves = path.with_suffix(".csv")
        write_curves(curves, result.curves)
        content["curves"] = hashlib.sha256(curves.read_bytes()).hexdigest()
    write_text(path, json.dumps(content, indent=1, default=str, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a file that `report` or a job wrote.

    Raises:
        OSError: no such file.
        ValueError: no JSON, or a number that is not finite.
    """

    def refuse(text: str) -> float:
        raise ValueError(f"{text} is no number")

    return json.loads(path.read_text(), parse_constant=refuse)


def claim(text: str, the_paper: str, measured: str, by: str, verdict: str) -> Row:
    """Row of the table `CLAIMS`.

    Args:
        text: the claim.
        the_paper: the number of the paper.
        measured: the number measured here.
        by: the interval or the test that the verdict follows from.
        verdict: see `benchmarks.harness.statistics.verdict`.
    """
    return {"claim": text, "the paper": the_paper, "here": measured, "by": by, "holds?": verdict}


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
