"""The published figures, recomputed from the committed scores of each seed by code of this file's own."""

from __future__ import annotations

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
    "fig8c": "{strokes} strokes, {actor}", "fig9": "{data set}",
}  # fmt: skip


def tables_of(heading: str) -> Iterator[dict[str, str]]:
    """Rows of all tables of a section of docs/paper.md; the first section has no heading."""
    sections = re.split(r"^## (\w+)$", (ROOT / "docs" / "paper.md").read_text(), flags=re.MULTILINE)
    text = dict(zip(["", *sections[1::2]], sections[::2], strict=True))[heading]
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()]
        yield from (dict(zip(head, row, strict=True)) for row in rows)


def scores_of(figure: str) -> dict[str, np.ndarray]:
    rows = json.loads((ROOT / "benchmarks" / "results" / f"{figure}.json").read_text())["tables"]["finals"]
    return {row["method"]: np.array([r["l2"] for r in rows if r["method"] == row["method"]]) for row in rows}


def welch(above: np.ndarray, below: np.ndarray) -> tuple[float, float, float]:
    """Ratio of geometric means, with the interval of Welch and Satterthwaite."""
    a, b = np.log(above), np.log(below)
    parts = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    freedom = parts.sum() ** 2 / (parts**2 / [len(a) - 1, len(b) - 1]).sum()
    half = t.ppf(0.975, freedom) * np.sqrt(parts.sum())
    middle = a.mean() - b.mean()
    return tuple(float(np.exp(value)) for value in (middle, middle - half, middle + half))


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
        times = welch(scores, ours)
        assert row["here"] == f"{shown(times)} times" and row["holds?"] == judged(times, paper)
    row, times = claims["the critic of model-based DDPG lowers the l2 (resnet)"], welch(critic, ours)
    assert shown(times) in row["here"] and row["holds?"] == judged(times, 1)
    b = scores_of("fig8b")
    other = welch(b["10 a bundle"], b["5 a bundle"])
    row = claims["bundles of 5 strokes are best"]
    assert shown(other) in row["here"] and other[2] < 1 and row["holds?"] == "does not hold"
    rewards = scores_of("fig7")
    lower = welch(rewards["l2 reward"], rewards["WGAN reward"])
    row = claims["the WGAN reward has a lower test l2 than l2 as reward"]
    assert shown(lower) in row["here"] and lower[1] < 1 < lower[2] and row["holds?"] == "cannot be told"
