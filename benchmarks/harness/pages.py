"""Pages under docs/ that are made of results: the paper's claims and figures, and all other benchmarks."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.harness.curves import draw_curves
from benchmarks.harness.measure import ROOT
from benchmarks.harness.results import Result, all_results
from benchmarks.harness.tables import CLAIMS, JOBS, table_lines
from paint_gym.utils.files import replace_when_done

DOCS = ROOT / "docs"
PAPER = """\
# The paper, reproduced

Written by `python -m benchmarks report` from `benchmarks/results/`. Every figure of "Learning to Paint With
Model-based Deep Reinforcement Learning" (ICCV 2019) is a command, as `python -m benchmarks run fig8a`, at a
size that two cores can do; with `--options=--paper` it trains as the paper did. l2 is the mean squared
error of pictures in [0, 1], with strokes drawn by the renderer `raster`. Over seeds, figures are
interquartile means, `low` and `high` the ends of the 95% bootstrap interval; of three seeds that is little
more than what they span. Seconds are of one thread.

A claim *holds* if what was measured, at the size that was run, is as the paper says, or more so; it holds
*in part* if the direction is the paper's and its size is not, or not in every seed.
"""
OTHERS = """\
# Benchmarks

Written by `python -m benchmarks report` from `benchmarks/results/`; the paper's figures are in
[paper.md](paper.md). What is of older code, `python -m benchmarks list` says; `python -m benchmarks run NAME`
measures anew. Times are of the machine that is named.
"""
REMOVED = (
    "actors", "adapter", "gpu_on_paper", "kernel_levels", "learning_speed", "learning_speed_avx2",
    "learning_speed_compiled", "levers", "palette", "through",
)  # fmt: skip
"""Results of benchmarks that decided a design and are gone."""
MOVED = {"accuracy": "renderers", "cold_start": "photo"}
"""Results that another benchmark measures now."""
FIGURES = ("fig3", "fig7", "fig8a", "fig8b", "fig8c", "fig9", "fig10", "cost")


def paper_page(results: Sequence[Result]) -> str:
    """The paper's claims in one table, then each figure."""
    claims = [
        {"figure": f"[{result.name}](#{result.name})"} | row
        for result in results
        for row in result.tables.get(CLAIMS, [])
    ]
    lines = [PAPER, *table_lines(claims, longest=len(claims))]
    for result in results:
        lines += section(result)
    return "\n".join(lines) + "\n"


def section(result: Result) -> Iterator[str]:
    """Section of a result: its origin, its curves as a plot, its tables but for the claims."""
    made, machine = result.provenance, result.machine
    yield from ("", f"## {result.name}", "")
    about = _about(result.name)
    yield from (about, "") if about else ()
    if result.name in REMOVED:
        yield from ("The benchmark that measured this is no longer part of the project.", "")
    if result.name in MOVED:
        yield from (f"Measured by `python -m benchmarks run {MOVED[result.name]}` now.", "")
    if made is None:
        yield "From before results said where they come from."
    else:
        yield f"`python {made['command']}`, {made['date'][:10]},"
        commits = ", ".join(commit[:9] for commit in result.commits())
        yield f"version {made['version']}, measured by commit {commits}."
    cores = f"{machine['threads']} of {machine['cores']} cores"
    yield f"{machine['cpu']}, {cores}, PyTorch {machine['torch']}."
    if result.curves:
        yield from ("", f"![l2 of {result.name} against updates and seconds]({plot(result).name})", "")
        last = {(point.method, point.seed): point.seconds for point in result.curves}
        took = f"Training took {sum(last.values()) / 60:.0f} minutes of one core in all."
        link = f"[{result.name}.csv](../benchmarks/results/{result.name}.csv)"
        yield f"{took} Every evaluation of every seed: {link}."
    for title, rows in result.tables.items():
        if title not in (CLAIMS, JOBS):
            yield from ("", f"{title[:1].upper()}{title[1:]}:", "", *table_lines(rows))


def _about(name: str) -> str:
    """Description of a benchmark, without its command; empty for results of another name."""
    path = next((ROOT / "benchmarks").rglob(f"{name}.py"), None)
    if path is None:
        return ""
    first, *paragraphs = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")
    return "\n\n".join([first, *(text for text in paragraphs if not text.startswith("Run: "))])


def plot(result: Result) -> Path:
    """File of a result's curves."""
    return DOCS / f"{result.name}.png"


def pages() -> dict[Path, str]:
    """All pages and their text."""
    results = all_results()
    figures = [result for result in results if result.name in FIGURES]
    lines = [OTHERS.rstrip()]
    for result in results:
        lines += section(result) if result.name not in FIGURES else []
    return {DOCS / "paper.md": paper_page(figures), DOCS / "benchmarks.md": "\n".join(lines) + "\n"}


def write_pages() -> None:
    """Write the pages and their plots."""
    for path, text in pages().items():
        with replace_when_done(path) as temporary:
            temporary.write_text(text)
    for result in all_results():
        if result.curves:
            draw_curves(result.curves, plot(result), ["updates", "seconds"])
