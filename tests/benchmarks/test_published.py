"""The published figures, recomputed from the committed scores of each seed by code of this file's own."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

ROOT = Path(__file__).parents[2]
METHODS = {  # from a row of a table to the name of its method
    "fig7": "{painted by}", "fig8a": "{algorithm}, {actor}", "fig8b": "{bundle} a bundle, {agent}",
    "fig8c": "{strokes} strokes, {actor}", "fig9": "{data set}", "scoreboard": "{method}, resnet",
}  # fmt: skip


def tables_of(heading: str) -> Iterator[dict[str, str]]:
    """Rows of all tables of a section of a page; the first of docs/paper.md has no heading."""
    page = ROOT / "docs" / ("benchmarks.md" if heading == "scoreboard" else "paper.md")
    sections = re.split(r"^## (\w+)$", page.read_text(), flags=re.MULTILINE)
    text = dict(zip(["", *sections[1::2]], sections[::2], strict=True))[heading]
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()]
        yield from (dict(zip(head, row, strict=True)) for row in rows)


def scores_of(figure: str) -> dict[str, np.ndarray]:
    rows = json.loads((ROOT / "benchmarks" / "results" / f"{figure}.json").read_text())["tables"]["finals"]
    return {row["method"]: np.array([r["l2"] for r in rows if r["method"] == row["method"]]) for row in rows}


def flat_colour(figure: str) -> float:
    tables = json.loads((ROOT / "benchmarks" / "results" / f"{figure}.json").read_text())["tables"]
    return tables["l2 of canvases without an agent"][0]["mean colour"]


def welch(above: np.ndarray, below: np.ndarray, chosen_of: int = 1) -> tuple[float, float, float]:
    """Ratio of geometric means, with the interval of Welch and Satterthwaite, and Bonferroni's correction."""
    a, b = np.log(above), np.log(below)
    parts = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    freedom = parts.sum() ** 2 / (parts**2 / [len(a) - 1, len(b) - 1]).sum()
    half = t.ppf(1 - 0.025 / chosen_of, freedom) * np.sqrt(parts.sum())
    middle = a.mean() - b.mean()
    return tuple(float(np.exp(value)) for value in (middle, middle - half, middle + half))


def at_equal(figure: str, along: str, methods: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The l2 of methods, seed by seed, at the update or second at which the first of their trainings ends."""
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {method: {} for method in methods}
    with (ROOT / "benchmarks" / "results" / f"{figure}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["method"] in curves:
                seed = curves[row["method"]].setdefault(row["seed"], [])
                seed.append((float(row[along]), float(row["l2"])))
    end = min(points[-1][0] for seeds in curves.values() for points in seeds.values())
    return {
        name: np.array([np.interp(end, *zip(*points, strict=True)) for points in seeds.values()])
        for name, seeds in curves.items()
    }


def judged(interval: tuple[float, float, float], size: float) -> str:
    """The verdict on a ratio that should be at least `size`, by its interval; over 1 it holds in part."""
    _, low, high = interval
    if low > 1:
        return "holds" if low >= size else "in part"
    return "does not hold" if high < 1 else "cannot be told"


def shown(ratio: tuple[float, float, float]) -> str:
    return "{:.3g} ({:.3g} to {:.3g})".format(*ratio)


@pytest.mark.parametrize("figure", METHODS)
def test_means_and_intervals(figure: str) -> None:
    scores = scores_of(figure)
    rows = [row for row in tables_of(figure) if {"seeds", "l2"} <= row.keys()]
    assert {METHODS[figure].format(**row) for row in rows} == set(scores)
    for row in rows:
        l2 = scores[METHODS[figure].format(**row)]
        assert (row["seeds"], row["l2"]) == (str(len(l2)), f"{l2.mean():.4g}")
        half = t.ppf(0.975, len(l2) - 1) * l2.std(ddof=1) / len(l2) ** 0.5 if len(l2) > 1 else np.nan
        bounds = [f"{value:.4g}" if len(l2) > 1 else "" for value in (l2.mean() - half, l2.mean() + half)]
        names = ("l2, low", "l2, high") if figure == "fig7" else ("low", "high")
        assert [row[name] for name in names] == bounds


def test_the_scoreboard_at_equal_environment_steps() -> None:
    scores = at_equal("scoreboard", "env_steps", tuple(scores_of("scoreboard")))
    rows = [row for row in tables_of("scoreboard") if "seeds" in row]
    (column,) = {name for row in rows for name in row if name.endswith("environment steps")}
    assert len(rows) == len(scores)
    for row in rows:
        l2 = scores[f"{row['method']}, resnet"]
        half = t.ppf(0.975, len(l2) - 1) * l2.std(ddof=1) / len(l2) ** 0.5
        assert row[column] == shown((l2.mean(), l2.mean() - half, l2.mean() + half))


def test_fig8a_in_times_of_model_based() -> None:
    scores = scores_of("fig8a")
    for row in (row for row in tables_of("fig8a") if row.get("times model-based")):
        times = welch(scores[f"{row['algorithm']}, resnet"], scores["model-based, resnet"])
        assert [row[f"times{name}"] for name in (" model-based", ", low", ", high")] == [
            f"{value:.4g}" for value in times
        ]


def test_verdicts_follow_from_the_intervals() -> None:
    claims = {row["claim"]: row for row in tables_of("")}
    a = scores_of("fig8a")
    ours, patchq, ddpg, critic = (
        a[f"{algo}, resnet"] for algo in ("model-based", "patchq", "ddpg", "no critic")
    )
    order = claims["model-based is better than PatchQ, PatchQ than DDPG (resnet)"]
    first, second = welch(patchq, ours), welch(ddpg, patchq)
    assert order["here"] == f"{shown(first)} times, {shown(second)} times"
    parts = {judged(first, 1), judged(second, 1)}
    assert order["holds?"] == (parts.pop() if len(parts) == 1 else "in part")
    for name, scores, paper in (("patchq", patchq, 5), ("ddpg", ddpg, 20)):
        row = claims[f"model-based is {paper} times better than {name} (resnet)"]
        times, mean, flat = welch(scores, ours), scores.mean(), flat_colour("fig8a")
        words = "" if mean < flat else f"; with {mean:.4f} it has not learnt: one flat colour has {flat:.4f}"
        assert row["here"] == f"{shown(times)} times{words}"
        assert row["holds?"] == ("cannot be told" if words else judged(times, paper))
    names = ("no critic, resnet", "model-based, resnet")
    late = at_equal("fig8a", "updates", names).values()
    rows = [row for text, row in claims.items() if text.startswith("the critic of model-based DDPG")]
    for row, pair in zip(rows, ((critic, ours), late), strict=True):
        times = welch(*pair)
        assert shown(times) in row["here"] and row["holds?"] == judged(times, 1)
    b = scores_of("fig8b")
    for agent in ("model-based", "no critic"):
        five = b.pop(f"5 a bundle, {agent}")
        others = {name: l2.mean() for name, l2 in b.items() if name.endswith(agent)}
        times = welch(b[min(others, key=others.__getitem__)], five, len(others))
        row = claims[f"bundles of 5 strokes are best ({agent})"]
        assert shown(times) in row["here"] and times[2] < 1 and row["holds?"] == "does not hold"
    c = scores_of("fig8c")
    for actor in {name.partition(", ")[2] for name in c}:
        budgets = [c[f"{strokes} strokes, {actor}"] for strokes in (100, 200, 400, 1000)]
        parts = [welch(*pair) for pair in itertools.pairwise(budgets)]
        row, found = claims[f"more strokes are better ({actor})"], {judged(part, 1) for part in parts}
        assert all(shown(part) in row["here"] for part in parts)
        mixed = "in part" if "holds" in found else "does not hold"
        assert row["holds?"] == (found.pop() if len(found) == 1 else mixed)
    late = at_equal("fig7", "seconds", ("l2 reward", "WGAN reward"))
    for when, rewards, expected in (
        ("equal updates", scores_of("fig7"), "cannot be told"), ("equal time", late, "does not hold"),
    ):  # fmt: skip
        lower = welch(rewards["l2 reward"], rewards["WGAN reward"])
        row = claims[f"the WGAN reward has a lower test l2 than l2 as reward, {when}"]
        assert shown(lower) in row["here"] and row["holds?"] == judged(lower, 1) == expected


def test_measured_quotes_patchq_with_the_settings_of_ddpg() -> None:
    """`docs/measured.md` compares draws of `tuning` with model-based DDPG of `fig8a`, by hand."""
    text, tuning = (ROOT / "docs" / "measured.md").read_text(), scores_of("tuning")
    patchq, ddpg = tuning["patchq, draw 2"], tuning["ddpg, draw 2"]
    times = [f"{value:.1f}" for value in welch(patchq, scores_of("fig8a")["model-based, resnet"])]
    assert f"| {len(patchq)} | {patchq.mean():.4f} (" in text
    assert f"| {times[0]} ({times[1]} to {times[2]}) |" in text
    same = [f"{value:.2f}" for value in welch(ddpg, patchq)]
    assert f"{same[0]} ({same[1]} to {same[2]}) times with the same settings" in text
