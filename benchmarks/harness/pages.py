"""The pages under docs/ that results make: the paper's claims and figures, and all other benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.harness.curves import draw_curves
from benchmarks.harness.results import Result, all_results
from benchmarks.harness.suite import CLAIMS, JOBS, ROOT, table_lines
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

A claim *holds* if it does at the size that was run; *in part* if the direction is the paper's, its size is
not.
"""
OTHERS = """\
# Benchmarks

Written by `python -m benchmarks report` from `benchmarks/results/`; the paper's figures are in
[paper.md](paper.md). What is of older code, `python -m benchmarks list` says; `python -m benchmarks run NAME`
measures anew. Times are of the machine that is named.
"""


def of_the_paper(result: Result) -> bool:
    """Whether a result belongs to the paper's page."""
    return result.name == "cost" or result.name.startswith("fig")


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
    """A result: where it comes from, its curves as a plot, its tables but for the claims."""
    made, machine = result.provenance, result.machine
    yield from ("", f"## {result.name}", "")
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
        yield f"Every evaluation of every seed: [{result.name}.csv](../benchmarks/results/{result.name}.csv)."
    for title, rows in result.tables.items():
        if title not in (CLAIMS, JOBS):
            yield from ("", f"{title[:1].upper()}{title[1:]}:", "", *table_lines(rows))


def plot(result: Result) -> Path:
    """File of a result's curves."""
    return DOCS / f"{result.name}.png"


def pages() -> dict[Path, str]:
    """All pages and their text."""
    results = all_results()
    papers = [result for result in results if of_the_paper(result)]
    others = [result for result in results if not of_the_paper(result)]
    lines = [OTHERS.rstrip(), *(line for result in others for line in section(result))]
    return {DOCS / "paper.md": paper_page(papers), DOCS / "benchmarks.md": "\n".join(lines) + "\n"}


def write_pages() -> None:
    """Write the pages and their plots."""
    for path, text in pages().items():
        with replace_when_done(path) as temporary:
            temporary.write_text(text)
    for result in all_results():
        if result.curves:
            draw_curves(result.curves, plot(result), ["updates", "seconds"])
