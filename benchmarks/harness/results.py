"""Result files: read and checked."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness.curves import Point, read_curves
from benchmarks.harness.measure import ROOT, Row
from benchmarks.harness.tables import CLAIMS, DOES_NOT_HOLD, HOLDS, IN_PART, JOBS, SCHEMA, read_json

RESULTS = ROOT / "benchmarks" / "results"
CLAIM = {"claim", "the paper", "here", "holds?"}
ORIGIN = ("version", "commit", "date", "command")
MACHINE = {"cpu", "threads", "cores", "torch"}
VERDICTS = {HOLDS, IN_PART, DOES_NOT_HOLD}


class Result(NamedTuple):
    """Result of a benchmark.

    Attributes:
        name: of the file, without its ending.
        provenance: see `benchmarks.harness.measure.provenance`; None in files of before there was one.
        machine: facts about it.
        tables: rows by title.
        curves: learning curves, if it has any.
    """

    name: str
    provenance: Row | None
    machine: Row
    tables: dict[str, list[Row]]
    curves: list[Point]

    def commits(self) -> list[str]:
        """Commits of the code that measured: those of the jobs, else that of the benchmark."""
        jobs = [row["commit"] for row in self.tables.get(JOBS, [])]
        return list(dict.fromkeys(jobs)) or ([self.provenance["commit"]] if self.provenance else [])


def read_result(path: Path) -> Result:
    """Read a result file, and the learning curves beside it.

    Raises:
        ValueError: it is damaged, or of a version that is not known; the message names it.
    """
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: damaged: {error}") from error
    try:
        _check(content)
        result = Result(path.stem, content.get("provenance"), content["machine"], content["tables"], [])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    beside, digest = path.with_suffix(".csv"), content.get("curves")
    if digest is None and not beside.exists():
        return result
    curves = read_curves(beside)
    if hashlib.sha256(beside.read_bytes()).hexdigest() != digest:
        raise ValueError(f"{beside}: not the curves that {path.name} was made with; run the benchmark again")
    return result._replace(curves=curves)


def _check(content: Any) -> None:
    """Raise a `ValueError` if the content of a file is no result."""
    try:
        tables, complete = content["tables"], content["machine"].keys() >= MACHINE
        columns = [row.keys() for rows in tables.values() for row in rows]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no result of a benchmark: {type(error).__name__}: {error}") from error
    if not complete or (tables and not columns):
        raise ValueError("no result of a benchmark: it lacks facts about the machine, or rows")
    schema, made = content.get("schema", 1), content.get("provenance")
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        raise ValueError(f"of schema {schema!r}; known here are 1 to {SCHEMA}")
    if schema == SCHEMA and not (isinstance(made, dict) and made.keys() >= set(ORIGIN)):
        raise ValueError(f"does not say where it comes from: {', '.join(ORIGIN)}")
    for row in tables.get(CLAIMS, []):
        if row.keys() != CLAIM or str(row["holds?"]) not in VERDICTS:
            raise ValueError(f"a claim has {sorted(CLAIM)}, and holds? is one of {sorted(VERDICTS)}")
    if not all(row.keys() >= {"method", "commit", "date"} for row in tables.get(JOBS, [])):
        raise ValueError("a job does not say where it comes from")


def all_results() -> list[Result]:
    """Every result of the repository, by name.

    Raises:
        ValueError: one is not sound, or curves have no result; the message names it.
    """
    files = sorted(RESULTS.glob("*.json"))
    for path in sorted({path.stem for path in RESULTS.glob("*.csv")} - {path.stem for path in files}):
        raise ValueError(f"{RESULTS / path}.csv: learning curves without their {path}.json")
    return [read_result(path) for path in files]
