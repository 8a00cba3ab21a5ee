"""All benchmarks: ``python -m benchmarks list``, ``run NAME... [OPTIONS]``, ``check``, ``report``."""

from __future__ import annotations

import ast
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks.harness.measure import ROOT, provenance
from benchmarks.harness.pages import write_pages
from benchmarks.harness.results import RESULTS, all_results, is_stale, module_of, origin, read_result
from paint_gym.utils.errors import unknown_name, visible

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class List:
    """List the benchmarks, with the age of their results."""


@dataclass(frozen=True)
class Run:
    """Run benchmarks, one after the other; options that are not listed here are passed on to each.

    As in `run fig8a --updates 300 --size 32 --seeds 0 1`; `python -m benchmarks.paper.fig8a --help` lists the
    options of a benchmark. Tables, curves and plot are in the benchmark's folder under `runs/`.
    """

    names: tyro.conf.Positional[tuple[str, ...]]
    """Names of the benchmarks; `list` shows them."""
    dry_run: bool = False
    """Only print the commands."""
    workers: int | None = None
    """Jobs side by side, for those that train; by default as published."""
    ray: str | None = None
    """Run the jobs of those that train on a Ray cluster: "local", "auto" or an address."""
    smoke: bool = False
    """Run them for some updates and pictures only, with one seed, to see that all runs."""
    publish: bool = False
    """Write to benchmarks/results/ as well; only as published, and from committed code."""
    options: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """An option for each, as in --options=--threads=1; may be repeated."""


@dataclass(frozen=True)
class Check:
    """Refuse result files that are damaged, of another version, or that do not belong together."""


@dataclass(frozen=True)
class Report:
    """Write docs/paper.md, docs/benchmarks.md and their plots from the results."""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark: its module, and the first line and the command of the module's docstring."""

    path: Path
    about: str
    command: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the module."""
        return self.path.stem

    @property
    def module(self) -> str:
        """Name of the module, with its packages."""
        return module_of(self.path)

    @property
    def result(self) -> Path:
        """File of the published result."""
        return RESULTS / f"{self.name}.json"

    def words(self, run: Run) -> list[str]:
        """Words of its command, as published or with the options of a run."""
        words, trains = list(self.command), "--workers" in self.command
        if trains and run.workers:
            words[words.index("--workers") + 1] = str(run.workers)
        if run.publish:
            words += ["--json", str(self.result.relative_to(ROOT))]
        words += ["--ray", run.ray] if trains and run.ray else []
        return [*words, *(["--smoke"] if run.smoke else []), *run.options]

    def state(self) -> str:
        """Date and commits of its result, and whether the code has changed since."""
        return origin(read_result(self.result)).replace("*", "") if self.result.exists() else "no result"


def benchmarks() -> dict[str, Benchmark]:
    """All benchmarks by name."""
    known: dict[str, Benchmark] = {}
    for path in sorted(FOLDER.rglob("[a-z]*.py"), key=lambda path: path.stem):
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        for line in text.splitlines():
            if line.startswith("Run: "):
                command = tuple(shlex.split(line.removeprefix("Run: ")))
                known[path.stem] = Benchmark(path, text.splitlines()[0], command)
    return known


def list_all() -> Iterator[str]:
    """Two lines on each benchmark."""
    for benchmark in benchmarks().values():
        yield f"{benchmark.name:17} {benchmark.about}"
        yield f"{'':17} {benchmark.state()}"


def run(command: Run) -> None:
    """Run benchmarks; the first that fails ends it.

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
    if command.publish and (command.smoke or command.options):
        raise ValueError("what is published is measured without --smoke and more options")
    if command.publish and not command.dry_run and provenance()["changed"]:
        raise ValueError("commit first: what is published is measured with committed code")
    for words in [known[name].words(command) for name in command.names]:
        print(shlex.join(words), flush=True)
        if command.dry_run:
            continue
        variables = dict(word.split("=", 1) for word in words if word.partition("=")[0].isupper())
        program = [sys.executable, *words[words.index("python") + 1 :]]
        status = run_program(program, os.environ | variables)
        if status:
            sys.exit(status)


def run_program(program: list[str], environment: dict[str, str]) -> int:
    """Run a program and hand signals on to it and its children, once each; returns its status."""
    process = subprocess.Popen(program, cwd=ROOT, env=environment, start_new_session=True)
    before = {
        number: signal.signal(number, lambda number, frame: os.killpg(process.pid, number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    status = process.wait()
    for number, handler in before.items():
        signal.signal(number, handler)
    return status


def check() -> Iterator[str]:
    """The number of sound results; the names of those of older and of uncommitted code."""
    results = all_results()
    yield f"{len(results)} results are sound"
    stale = [result.name for result in results if is_stale(result)]
    yield f"{len(stale)} are of older code: {', '.join(stale)}"
    changed = [result.name for result in results if any(source["changed"] for source in result.sources())]
    yield f"{len(changed)} are of code that was not committed: {', '.join(changed)}"


def main() -> None:
    """Run the command line."""
    kinds = (List, Run, Check, Report)
    named = [Annotated[kind, tyro.conf.subcommand(kind.__name__.lower())] for kind in kinds]
    union: Any = reduce(or_, named)
    command, more = tyro.cli(
        union, prog="python -m benchmarks", description=__doc__, return_unknown_args=True
    )
    try:
        if isinstance(command, Run):
            run(replace(command, options=(*command.options, *more)))
        elif more:
            raise ValueError(f"unknown: {shlex.join(more)}")
        elif isinstance(command, Check):
            print("\n".join(check()))
        elif isinstance(command, Report):
            write_pages()
        else:
            print("\n".join(list_all()))
    except ValueError as error:
        sys.exit(f"benchmarks: {visible(str(error))}")


if __name__ == "__main__":
    main()
