"""All benchmarks: ``python -m benchmarks list``, ``run NAME...``, ``check``, ``report``."""

from __future__ import annotations

import ast
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks.harness.suite import ROOT, SCHEMA, git, table_lines
from paint_gym.utils.errors import unknown_name
from paint_gym.utils.files import replace_when_done

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
CODE = ("paint_gym", "agents")  # what every result depends on, beside its benchmark


@dataclass(frozen=True)
class List:
    """Say what there is, where its result is, and whether that is of this code."""


@dataclass(frozen=True)
class Run:
    """Run benchmarks as they are published, one after the other."""

    names: tyro.conf.Positional[tuple[str, ...]]
    """Of the benchmarks; `list` shows them."""
    dry_run: bool = False
    """Only print the commands."""
    options: tuple[str, ...] = ()
    """More options for each, as in --options=--threads=1."""


@dataclass(frozen=True)
class Check:
    """Refuse result files that are damaged, of another version, or of no benchmark."""


@dataclass(frozen=True)
class Report:
    """Write docs/benchmarks.md from the results."""


@dataclass(frozen=True)
class Benchmark:
    """A module of this folder, as its docstring describes it.

    Attributes:
        name: of the module.
        about: its first line.
        command: how its result is made.
    """

    name: str
    about: str
    command: tuple[str, ...]

    @property
    def result(self) -> Path | None:
        """The file that the command writes, if it writes one."""
        if "--json" not in self.command:
            return None
        return ROOT / self.command[self.command.index("--json") + 1]

    def state(self) -> str:
        """When and from which commit its result is, and how many commits have changed the code since."""
        if self.result is None or not self.result.exists():
            return "no result"
        made = read_result(self.result).get("provenance")
        if made is None:
            return "from before results said where they come from"
        code = (*CODE, f"benchmarks/{self.name}.py")
        since = git("rev-list", "--count", f"{made['commit']}..HEAD", "--", *code)
        age = f"{since or 'unknown'} changes of the code since" if since != "0" else "of this code"
        return f"{made['date'][:10]}, {made['commit'][:9]}, {age}"


def benchmarks() -> dict[str, Benchmark]:
    """All of them, by name."""
    found = {}
    for path in sorted(FOLDER.glob("[a-z]*.py")):
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        for line in text.splitlines():
            if line.startswith("Run: "):
                command = tuple(shlex.split(line.removeprefix("Run: ")))
                found[path.stem] = Benchmark(path.stem, text.splitlines()[0], command)
    return found


def read_result(path: Path) -> dict[str, Any]:
    """A result file.

    Raises:
        ValueError: it is damaged, or of a version that is not known; the message names it.
    """
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: damaged: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("tables"), dict) or "machine" not in found:
        raise ValueError(f"{path}: no result of a benchmark: it lacks tables or machine")
    if found.get("schema", 1) > SCHEMA:
        raise ValueError(f"{path}: of schema {found['schema']}, newer than {SCHEMA}, which is known here")
    if found.get("schema", 1) == SCHEMA and not {"version", "commit", "date", "command"} <= set(
        found.get("provenance", {})
    ):
        raise ValueError(f"{path}: does not say where it comes from")
    return found


def list_all() -> Iterator[str]:
    """A line on each benchmark."""
    for benchmark in benchmarks().values():
        yield f"{benchmark.name:17} {benchmark.about}"
        yield f"{'':17} {benchmark.state()}"


def run(command: Run) -> None:
    """Run them; the first that fails ends it.

    Raises:
        ValueError: an unknown name; before anything has run.
    """
    known = benchmarks()
    for name in command.names:
        if name not in known:
            raise unknown_name("benchmark", name, known)
    for name in command.names:
        words = [*known[name].command, *command.options]
        print(shlex.join(words), flush=True)
        if command.dry_run:
            continue
        variables = dict(word.split("=", 1) for word in words if word.partition("=")[0].isupper())
        program = [sys.executable, *words[words.index("python") + 1 :]]
        status = subprocess.run(program, cwd=ROOT, env=os.environ | variables, check=False).returncode
        if status:
            sys.exit(status)


def check() -> None:
    """Read every result file.

    Raises:
        ValueError: naming the first that is not sound.
    """
    files = sorted(RESULTS.glob("*.json"))
    for path in files:
        read_result(path)
    print(f"{len(files)} results are sound")


def page() -> Iterator[str]:
    """The lines of docs/benchmarks.md: every result, with where it comes from."""
    yield "# Benchmarks"
    yield ""
    yield "Written by `python -m benchmarks report` from `benchmarks/results/`. What is of older code,"
    yield "`python -m benchmarks list` says; `python -m benchmarks run NAME` measures anew. Times are of the"
    yield "machine that is named."
    for path in sorted(RESULTS.glob("*.json")):
        result = read_result(path)
        made, machine = result.get("provenance"), result["machine"]
        yield from ("", f"## {path.stem}", "")
        if made is None:
            yield "From before results said where they come from."
        else:
            yield f"`python {made['command']}`, {made['date'][:10]},"
            yield f"version {made['version']}, commit {made['commit'][:9]}."
        cores = f"{machine['threads']} of {machine['cores']} cores"
        yield f"{machine['cpu']}, {cores}, PyTorch {machine['torch']}."
        for title, rows in result["tables"].items():
            yield from ("", f"{title[:1].upper()}{title[1:]}:", "", *table_lines(rows))


def main() -> None:
    """The command line."""
    commands = (List, Run, Check, Report)
    union: Any = None
    for kind in commands:
        member = Annotated[kind, tyro.conf.subcommand(kind.__name__.lower())]  # type: ignore[valid-type]
        union = member if union is None else union | member
    command = tyro.cli(union, prog="python -m benchmarks", description="Measure what the project claims.")
    try:
        if isinstance(command, Run):
            run(command)
        elif isinstance(command, Check):
            check()
        elif isinstance(command, Report):
            text = "\n".join(page()) + "\n"
            with replace_when_done(PAGE) as temporary:
                temporary.write_text(text)
        else:
            print("\n".join(list_all()))
    except ValueError as error:
        sys.exit(f"benchmarks: {error}")


if __name__ == "__main__":
    main()
