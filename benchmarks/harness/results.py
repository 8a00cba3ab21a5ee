"""Result files: read and checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness.curves import Point, read_curves
from benchmarks.harness.tables import CLAIMS, DOES_NOT_HOLD, HOLDS, IN_PART, JOBS, ROOT, SCHEMA, Row

RESULTS = ROOT / "benchmarks" / "results"
CLAIM = {"claim", "the paper", "here", "holds?"}
ORIGIN = ("version", "commit", "date", "command")
MACHINE = {"cpu", "threads", "cores", "torch"}
VERDICTS = {HOLDS, IN_PART, DOES_NOT_HOLD}


class Result(NamedTuple):
    """What a benchmark has measured.

    Attributes:
        name: of the file, without its ending.
        provenance: see `benchmarks.harness.tables.provenance`; None in files of before there was one.
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
        """Of the code that measured: those of the jobs, else that of the benchmark."""
        jobs = [row["commit"] for row in self.tables.get(JOBS, [])]
        return list(dict.fromkeys(jobs)) or ([self.provenance["commit"]] if self.provenance else [])


def read_result(path: Path) -> Result:
    """A result file, and the learning curves beside it.

    Raises:
        ValueError: it is damaged, or of a version that is not known; the message names it.
    """
    try:
        found = json.loads(path.read_text(), parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: damaged: {error}") from error
    if not isinstance(found, dict) or not _tables(found):
        raise ValueError(f"{path}: no result of a benchmark: it lacks tables or machine")
    schema = found.get("schema", 1)
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        raise ValueError(f"{path}: of schema {schema!r}; known here are 1 to {SCHEMA}")
    made: Any = found.get("provenance") if schema == SCHEMA else None
    if schema == SCHEMA and not (
        isinstance(made, dict) and all(isinstance(made.get(name), str) for name in ORIGIN)
    ):
        raise ValueError(f"{path}: does not say where it comes from: {', '.join(ORIGIN)}")
    for row in found["tables"].get(CLAIMS, []):
        if row.keys() != CLAIM or str(row["holds?"]) not in VERDICTS:
            raise ValueError(f"{path}: a claim has {sorted(CLAIM)}, and holds? is one of {sorted(VERDICTS)}")
    for row in found["tables"].get(JOBS, []):
        if not all(isinstance(row.get(name), str) for name in ("method", "version", "commit", "date")):
            raise ValueError(f"{path}: a job does not say where it comes from")
    beside, digest = path.with_suffix(".csv"), found.get("curves")
    if digest is None and not beside.exists():
        return Result(path.stem, made, found["machine"], found["tables"], [])
    curves = read_curves(beside)
    if hashlib.sha256(beside.read_bytes()).hexdigest() != digest:
        raise ValueError(f"{beside}: not the curves that {path.name} was made with; run the benchmark again")
    return Result(path.stem, made, found["machine"], found["tables"], curves)


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _tables(found: Row) -> bool:
    tables, machine = found.get("tables"), found.get("machine")
    if not isinstance(tables, dict) or not isinstance(machine, dict) or not machine.keys() >= MACHINE:
        return False
    return all(
        isinstance(rows, list) and all(isinstance(row, dict) for row in rows) for rows in tables.values()
    )


def all_results() -> list[Result]:
    """Every result of the repository, by name.

    Raises:
        ValueError: one is not sound, or curves have no result; the message names it.
    """
    files = sorted(RESULTS.glob("*.json"))
    stems = {path.stem for path in files}
    for path in sorted(RESULTS.glob("*.csv")):
        if path.stem not in stems:
            raise ValueError(f"{path}: learning curves without their {path.stem}.json")
    return [read_result(path) for path in files]
