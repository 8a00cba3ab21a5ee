"""Pages under docs/ that are made of results: the paper's claims and figures, and all other benchmarks."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.harness.critic_quality import draw_critics
from benchmarks.harness.curves import LABELS, draw_curves
from benchmarks.harness.measure import ROOT, Row
from benchmarks.harness.results import all_results, module_of, origin, script_of
from benchmarks.harness.tables import CLAIMS, CRITICS, HIDDEN, Result, table_lines
from paint_gym.utils.files import write_text

DOCS = ROOT / "docs"
PAPER = """\
# The paper, reproduced at the size of two cores

Written by `python -m benchmarks report` from `benchmarks/results/`. Every figure with results of "Learning to
Paint With Model-based Deep Reinforcement Learning" (ICCV 2019) is a command, as `python -m benchmarks run
fig8a`. Figs 7, 8 and 9 train on canvases of 32 or 64 px, our agents for 90 seconds or 1,000 to 10,000
updates and PPO for up to 20 minutes, where the paper has 200,000 updates at 128 px; with `--paper` they
train by Tables 1 and 2, with our renderer. l2 is the mean squared error of pictures in [0, 1], with strokes
drawn by the renderer `raster`. Over seeds, figures are means, `low` and `high` the ends of the 95% interval
by Student's t. Seconds are of one thread.

One rule gives all verdicts (`verdict` and `joint_verdict` in `benchmarks/harness/statistics.py`). A claim
*holds* if the whole interval of what was measured, at the size that was run, is as the paper says, or more
so; it holds *in part* if only the direction is, or only some of its parts; it *does not hold* if the whole
interval is on the other side, or if that is so of one of its parts and no part holds. Else it *cannot be
told*; that is also the verdict where there is one seed only, and on how many times better than another agent
one is, if the other has not learnt: if its l2 is not below that of one flat colour. The column `by` names the
interval. Figs 3 and 10 are of the agents that ship, one for each row: their verdicts are of these agents, not
of others that would be trained alike. They and `cost` have no intervals, but bars, which the column `by`
names.
"""
OTHERS = """\
# Benchmarks

Written by `python -m benchmarks report` from `benchmarks/results/`; the paper's figures are in
[paper.md](paper.md). `python -m benchmarks run NAME` measures anew. Times are of the machine that is named.
"""
FIGURES = ("fig3", "fig7", "fig8a", "critics", "fig8b", "fig8c", "fig9", "fig10", "cost")


def conclusions(result: Result) -> dict[str, list[Row]]:
    """Tables that follow from a result, by title; none where the benchmark concludes nothing."""
    script = script_of(result.name)
    if "\ndef conclude(" not in script.read_text():
        return {}
    return dict(import_module(module_of(script)).conclude(result))


def paper_page(results: Sequence[Result]) -> str:
    """The paper's claims in one table, then each figure."""
    concluded = {result.name: conclusions(result) for result in results}
    claims = [
        {"figure": f"[{name}](#{name})"} | row
        for name, tables in concluded.items()
        for row in tables.get(CLAIMS, [])
    ]
    lines = [PAPER, *table_lines(claims, longest=len(claims))]
    for result in results:
        lines += section(result, concluded[result.name] | result.tables)
    return "\n".join(lines) + "\n"


def section(result: Result, tables: dict[str, list[Row]]) -> Iterator[str]:
    """Section of a result: its origin, its curves as a plot, its tables but for the claims."""
    machine = result.machine
    yield from ("", f"## {result.name}", "")
    yield from (_about(result.name), "")
    if result.provenance is not None:
        waiting = "OMP_WAIT_POLICY=PASSIVE " if machine.get("omp_wait_policy") == "PASSIVE" else ""
        yield f"`{waiting}python {result.provenance['command']}`,"
    yield origin(result)
    cores = f"{machine['threads']} of {machine['cores']} cores"
    yield f"{machine['cpu']}, {cores}, PyTorch {machine['torch']}."
    if result.curves:
        along = " and ".join(LABELS[name] for name in axes(result))
        yield from ("", f"![l2 of {result.name} against {along}]({plot(result).name})", "")
        last = {(point.method, point.seed): point.seconds for point in result.curves}
        took = f"Training took {sum(last.values()) / 60:.0f} minutes of one core in all."
        link = f"[{result.name}.csv](../benchmarks/results/{result.name}.csv)"
        yield f"{took} Every evaluation of every seed: {link}."
    if result.name == CRITICS:
        yield from ("", "![Cosines of the critics' gradients, and their R^2, against seconds](critics.png)")
    for title, rows in tables.items():
        if title not in (CLAIMS, *HIDDEN):
            yield from ("", f"{title[:1].upper()}{title[1:]}:", "", *table_lines(rows))


def _about(name: str) -> str:
    """Description of a benchmark, without its command."""
    text = ast.get_docstring(ast.parse(script_of(name).read_text())) or ""
    first, *paragraphs = text.split("\n\n")
    return "\n\n".join([first, *(text for text in paragraphs if not text.startswith("Run: "))])


def plot(result: Result) -> Path:
    """File of a result's curves."""
    return DOCS / f"{result.name}.png"


def axes(result: Result) -> tuple[str, str]:
    """Along which a result's curves are drawn."""
    return ("env_steps" if result.name == "scoreboard" else "updates", "seconds")


def pages() -> dict[Path, str]:
    """All pages and their text."""
    results = all_results()
    figures = [result for result in results if result.name in FIGURES]
    lines = [OTHERS.rstrip()]
    for result in results:
        if result.name not in FIGURES:
            lines += section(result, conclusions(result) | result.tables)
    return {DOCS / "paper.md": paper_page(figures), DOCS / "benchmarks.md": "\n".join(lines) + "\n"}


def write_pages() -> None:
    """Write the pages and their plots."""
    for path, text in pages().items():
        write_text(path, text)
    for result in all_results():
        if result.curves:
            draw_curves(result.curves, plot(result), axes(result))
        if result.name == CRITICS:
            draw_critics(result.tables[CRITICS], plot(result))
