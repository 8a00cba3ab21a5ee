"""All benchmarks: ``python -m benchmarks list``, ``run NAME...``, ``check``, ``report``."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks.harness.pages import write_pages
from benchmarks.harness.results import all_results, read_result
from benchmarks.harness.tables import ROOT, BenchmarkConfig, git
from paint_gym.utils.errors import unknown_name, visible

FOLDER = Path(__file__).parent


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
    workers: int | None = None
    """Jobs side by side, for those that train; by default as published."""
    ray: str | None = None
    """Run the jobs of those that train on a Ray cluster: "local", "auto" or an address."""
    smoke: bool = False
    """Run them for some updates and pictures only, to see that all runs; nothing published is touched."""
    options: tuple[str, ...] = ()
    """More options for each, as in --options=--threads=1. With --options=--paper what is published stays too:
    the figures are printed, and the jobs kept."""


@dataclass(frozen=True)
class Check:
    """Refuse result files that are damaged, of another version, or that do not belong together."""


@dataclass(frozen=True)
class Report:
    """Write docs/paper.md, docs/benchmarks.md and their plots from the results."""


@dataclass(frozen=True)
class Benchmark:
    """A module of this folder, as its docstring describes it.

    Attributes:
        name: of the module.
        about: its first line.
        command: how its result is made.
        path: of the module.
    """

    name: str
    about: str
    command: tuple[str, ...]
    path: Path = FOLDER

    @property
    def module(self) -> str:
        """The module that the command runs."""
        return self.command[self.command.index("-m") + 1]

    @property
    def result(self) -> Path | None:
        """The file that the command writes, if it writes one."""
        if "--json" not in self.command:
            return None
        return ROOT / self.command[self.command.index("--json") + 1]

    def has(self, option: str) -> bool:
        """Whether it has an option, by its name in Python."""
        module = importlib.import_module(self.module)
        own = [kind for kind in vars(module).values() if getattr(kind, "__module__", "") == module.__name__]
        configs = [kind for kind in own if isinstance(kind, type) and issubclass(kind, BenchmarkConfig)]
        return any(option == field.name for kind in configs for field in dataclasses.fields(kind))

    def words(self, wanted: Run) -> list[str]:
        """Its command, as published or with what is wanted.

        Raises:
            ValueError: it has no such option.
        """
        words = list(self.command)
        if wanted.smoke and not self.has("smoke"):
            raise ValueError(f"{self.name} has no --smoke")
        if wanted.workers and self.has("workers"):
            words += ["--workers", str(wanted.workers)]
            if words.count("--workers") > 1:
                where = words.index("--workers")
                del words[where : where + 2]
        if wanted.ray and self.has("ray"):
            words += ["--ray", wanted.ray]
        words += ["--smoke"] if wanted.smoke else []
        if wanted.smoke or "--paper" in wanted.options:
            where = words.index("--json")
            del words[where : where + 2]
        return words + list(wanted.options)

    def state(self) -> str:
        """When and from which commit its result is, and how many commits have changed the code since."""
        if self.result is None or not self.result.exists():
            return "no result"
        result = read_result(self.result)
        made = result.provenance
        if made is None:
            return "from before results said where they come from"
        changes = [_changes(commit, self.sources()) for commit in result.commits()]
        known = [count for count in changes if count is not None]
        if len(known) < len(changes):
            age = "stale or not: git does not know its commit"
        else:
            age = f"stale: {max(known)} changes of the code since" if max(known) else "of this code"
        if made.get("changed"):
            age += ", and of changes that were not committed"
        commits = ", ".join(commit[:9] for commit in result.commits())
        return f"{made['date'][:10]}, measured by {commits}, {age}"

    def sources(self) -> list[str]:
        """Files that the result depends on, from the root of the repository."""
        tree = ast.parse(self.path.read_text())
        named = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("benchmarks.")
        ]
        modules = {f"{node.module}.{alias.name}" for node in named for alias in node.names}
        modules |= {str(node.module) for node in named}
        files = sorted(module.replace(".", "/") + ".py" for module in modules)
        others = [file for file in files if "harness" not in file and (ROOT / file).exists()]
        own = str(self.path.relative_to(ROOT))
        return ["paint_gym", "agents", "benchmarks/harness", own, *others]


def _changes(commit: str, sources: list[str]) -> int | None:
    """Commits since this one that changed the files; one more if there are changes without one."""
    count = git("rev-list", "--count", f"{commit}..HEAD", "--", *sources)
    return int(count) + bool(git("status", "--porcelain", "--", *sources)) if count else None


def paths() -> list[Path]:
    """Files of all benchmarks, by name."""
    files = (path for path in FOLDER.rglob("[a-z]*.py") if path.parent.name != "harness")
    return sorted(files, key=lambda path: path.stem)


def benchmarks() -> dict[str, Benchmark]:
    """All of them, by name."""
    found = {}
    for path in paths():
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        for line in text.splitlines():
            if line.startswith("Run: "):
                command = tuple(shlex.split(line.removeprefix("Run: ")))
                found[path.stem] = Benchmark(path.stem, text.splitlines()[0], command, path)
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
    if not command.names:
        raise ValueError("run which? `python -m benchmarks list` has their names")
    if command.workers is not None and command.workers < 1:
        raise ValueError(f"workers must be at least 1, not {command.workers}")
    for name in command.names:
        if name not in known:
            raise unknown_name("benchmark", name, known)
    commands = [known[name].words(command) for name in command.names]
    for words in commands:
        print(shlex.join(words), flush=True)
        if command.dry_run:
            continue
        variables = dict(word.split("=", 1) for word in words if word.partition("=")[0].isupper())
        program = [sys.executable, *words[words.index("python") + 1 :]]
        status = subprocess.run(program, cwd=ROOT, env=os.environ | variables, check=False).returncode
        if status:
            sys.exit(status)


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
            print(f"{len(all_results())} results are sound")
        elif isinstance(command, Report):
            write_pages()
        else:
            print("\n".join(list_all()))
    except ValueError as error:
        sys.exit(f"benchmarks: {visible(str(error))}")


if __name__ == "__main__":
    main()
