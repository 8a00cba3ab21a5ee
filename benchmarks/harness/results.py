"""Result files: read and checked."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import grimp

from benchmarks.harness.curves import read_curves
from benchmarks.harness.measure import ROOT, git
from benchmarks.harness.tables import FINALS, JOBS, SCHEMA, Result, read_json

RESULTS = ROOT / "benchmarks" / "results"
ORIGIN = ("version", "commit", "date", "command")
PACKAGES = ("paint_gym", "agents", "benchmarks")
ENDINGS = (".c", ".safetensors")
"""Endings of the files without Python that packages need to measure."""
REPORTING = {"benchmarks.harness.statistics"}
"""Modules that benchmarks import only for what the pages conclude."""
STALE = " **The code has changed since.**"
UNCOMMITTED = "**changes that were not committed**"
MACHINE = {"cpu", "threads", "cores", "torch"}


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
        made, smoke = content.get("provenance"), content.get("options", {}).get("smoke", False)
        result = Result(path.stem, made, content["machine"], content["tables"], [], smoke)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    beside, digest = path.with_suffix(".csv"), content.get("curves")
    if digest is None and not beside.exists():
        return result
    if not beside.exists():
        raise ValueError(f"{path}: its learning curves, {beside.name}, must lie beside it")
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
    if schema > 1 and not (isinstance(made, dict) and made.keys() >= set(ORIGIN)):
        raise ValueError(f"does not say where it comes from: {', '.join(ORIGIN)}")
    for title, keys in ((JOBS, {"method", "commit", "changed", "date"}), (FINALS, {"method", "seed", "l2"})):
        if not all(row.keys() >= keys for row in tables.get(title, [])):
            raise ValueError(f"a row of {title} lacks one of {', '.join(sorted(keys))}")


def all_results() -> list[Result]:
    """Every result of the repository, by name.

    Raises:
        ValueError: one is not sound, none measures it, or curves have no result; the message names it.
    """
    files = sorted(RESULTS.glob("*.json"))
    for path in sorted({path.stem for path in RESULTS.glob("*.csv")} - {path.stem for path in files}):
        raise ValueError(f"{RESULTS / path}.csv: learning curves without their {path}.json")
    results = [read_result(path) for path in files]
    for result in results:
        if result.smoke:
            raise ValueError(f"{RESULTS / result.name}.json: made with --smoke, which measures nothing")
        script_of(result.name)
    return results


def is_stale(result: Result) -> bool:
    """True if the code that a result was measured by is not that of the last commit, as far as git knows.

    It is the code of the benchmark and of all modules that it imports, without docstrings and comments.
    """
    files = measuring_files(result.name)
    commits = {source["commit"] for source in result.sources()}
    return not commits or any(_has_changed(files, commit) for commit in commits)


def _has_changed(files: list[str], commit: str) -> bool:
    """True if the code in files is not that of a commit, or if git does not know the commit."""
    if git("cat-file", "-t", commit) != "commit":
        return True
    names = git("diff", "--name-only", "--no-renames", commit, "HEAD", "--", *files).splitlines()
    return any(code_of(commit, name) != code_of("HEAD", name) for name in names)


def script_of(name: str) -> Path:
    """Script of the benchmark that a result has its name from.

    Raises:
        ValueError: there is no such benchmark.
    """
    script = next((ROOT / "benchmarks").rglob(f"{name}.py"), None)
    if script is None:
        raise ValueError(f"{RESULTS / name}.json: no benchmark of this name measures it")
    return script


def module_of(script: Path) -> str:
    """Dotted name of a script's module."""
    return ".".join(script.relative_to(ROOT).with_suffix("").parts)


@cache
def imports() -> grimp.ImportGraph:
    """Graph of the imports between the modules of the repository."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def measuring_files(name: str) -> list[str]:
    """Patterns of the files that a benchmark needs: the modules that it imports, by any number of steps."""
    module = module_of(script_of(name))
    modules = imports().find_upstream_modules(module) - REPORTING | {module}
    paths = [module.replace(".", "/") for module in modules]
    files = [f"{path}{ending}" for path in paths for ending in (".py", "/__init__.py")]
    packages = {path.partition("/")[0] for path in paths}
    return files + [f"{package}/*{ending}" for package in packages for ending in ENDINGS]


@cache
def code_of(commit: str, file: str) -> str:
    """Code of a file at a commit: of Python, its syntax without docstrings; of others, their hash."""
    if not file.endswith(".py"):
        return git("rev-parse", f"{commit}:{file}")
    tree = ast.parse(git("show", f"{commit}:{file}"))
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [line for line in body if not _is_text(line)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(line: ast.stmt) -> bool:
    """True of a docstring."""
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def origin(result: Result) -> str:
    """Version, date and commits of a result, and whether they are the code of today."""
    made = result.provenance
    if made is None:
        return f"From before results said where they come from.{STALE}"
    sources = result.sources()
    commits = ", ".join(dict.fromkeys(source["commit"][:9] for source in sources))
    changed = any(source["changed"] for source in sources)
    text = f"{made['date'][:10]}, version {made['version']}, measured by commit {commits}"
    return text + (f" with {UNCOMMITTED}." if changed else ".") + (STALE if is_stale(result) else "")
