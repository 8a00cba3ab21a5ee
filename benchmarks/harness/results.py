"""Result files: read and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness.curves import Point, read_curves
from benchmarks.harness.suite import CLAIMS, ROOT, SCHEMA, Row

RESULTS = ROOT / "benchmarks" / "results"
CLAIM = {"claim", "the paper", "here", "holds?"}
VERDICTS = {"holds", "in part", "does not hold here"}


class Result(NamedTuple):
    """What a benchmark has measured.

    Attributes:
        name: of the file, without its ending.
        provenance: see `benchmarks.harness.suite.provenance`; None in files of before there was one.
        machine: facts about it.
        tables: rows by title.
        curves: learning curves, if it has any.
    """

    name: str
    provenance: Row | None
    machine: Row
    tables: dict[str, list[Row]]
    curves: list[Point]


def read_result(path: Path) -> Result:
    """A result file, and the learning curves beside it.

    Raises:
        ValueError: it is damaged, or of a version that is not known; the message names it.
    """
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: damaged: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("machine"), dict) or not _tables(found):
        raise ValueError(f"{path}: no result of a benchmark: it lacks tables or machine")
    schema = found.get("schema", 1)
    if not isinstance(schema, int) or schema > SCHEMA:
        raise ValueError(f"{path}: of schema {schema}, newer than {SCHEMA}, which is known here")
    made: Any = found.get("provenance")
    if schema == SCHEMA and (
        not isinstance(made, dict) or not {"version", "commit", "date", "command"} <= made.keys()
    ):
        raise ValueError(f"{path}: does not say where it comes from")
    for row in found["tables"].get(CLAIMS, []):
        if row.keys() != CLAIM or row["holds?"] not in VERDICTS:
            raise ValueError(f"{path}: a claim has {sorted(CLAIM)}, and holds? is one of {sorted(VERDICTS)}")
    beside = path.with_suffix(".csv")
    curves = read_curves(beside) if beside.exists() else []
    return Result(path.stem, made, found["machine"], found["tables"], curves)


def _tables(found: Row) -> bool:
    tables = found.get("tables")
    return isinstance(tables, dict) and all(
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
