"""The published figures, recomputed from the committed scores of each seed by code of this file's own."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

ROOT = Path(__file__).parents[2]
METHODS = {  # from a row of a table to the name of its method
    "fig7": "{painted by}", "fig8a": "{algorithm}, {actor}", "fig8b": "{bundle} a bundle",
    "fig8c": "{strokes} strokes", "fig9": "{data set}",
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


def curves_of(figure: str) -> dict[str, list[np.ndarray]]:
    """Arrays ``(points, 2)`` of seconds and l2, one for each seed, by method."""
    with (ROOT / "benchmarks" / "results" / f"{figure}.csv").open() as file:
        lines = list(csv.DictReader(file))
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for line in lines:
        seeds = curves.setdefault(line["method"], {})
        seeds.setdefault(line["seed"], []).append((float(line["seconds"]), float(line["l2"])))
    return {method: [np.array(curve) for curve in seeds.values()] for method, seeds in curves.items()}


@pytest.mark.parametrize("figure", METHODS)
def test_means_and_intervals(figure: str) -> None:
    scores = scores_of(figure)
    rows = [row for row in tables_of(figure) if "seeds" in row]
    assert {METHODS[figure].format(**row) for row in rows} == set(scores)
    for row in rows:
        l2 = scores[METHODS[figure].format(**row)]
        assert (row["seeds"], row["l2"]) == (str(len(l2)), f"{l2.mean():.4g}")
        half = t.ppf(0.975, len(l2) - 1) * l2.std(ddof=1) / len(l2) ** 0.5 if len(l2) > 1 else np.nan
        bounds = [f"{value:.4g}" if len(l2) > 1 else "" for value in (l2.mean() - half, l2.mean() + half)]
        names = ("l2, low", "l2, high") if figure == "fig7" else ("low", "high")
        assert [row[name] for name in names] == bounds


def test_fig8a_at_its_best_and_at_equal_time() -> None:
    curves = curves_of("fig8a")
    for row in (row for row in tables_of("fig8a") if "seeds" in row):
        end = min(c[-1, 0] for name, seeds in curves.items() if row["actor"] in name for c in seeds)
        best, early = (
            {
                algo: np.array([value(curve) for curve in curves[f"{algo}, {row['actor']}"]])
                for algo in ("model-based", row["algorithm"])
            }
            for value in (lambda c: c[:, 1].min(), lambda c, end=end: np.interp(end, *c.T))
        )
        columns = {"l2 at its best": best, f"l2 after {end:.0f} s": early}
        for column, values in columns.items():
            assert row[column] == f"{values[row['algorithm']].mean():.4g}"
        if row["algorithm"] != "model-based":
            for column, values in {"times, each at its best": best, "times, equal time": early}.items():
                means = [np.log(values[algo]).mean() for algo in (row["algorithm"], "model-based")]
                assert row[column] == f"{np.exp(means[0] - means[1]):.4g}"


def test_prose_quotes_what_is_published() -> None:
    """The scores of README's and measured.md's sentences on the shipped agent and on model-free agents."""
    files = (ROOT / "benchmarks" / "results" / f"{name}.json" for name in ("reference_scores", "portraits"))
    reference, portraits = (next(iter(json.loads(file.read_text())["tables"].values())) for file in files)
    faces = [row for row in reference if (row["data set"], row["size"]) == ("celeba", 128)]
    (alone,) = (row["l2"] for row in faces if row["painter"] == "pretrained")
    scores = scores_of("fig8a")
    ours, *model_free = (scores[f"{algo}, glimpse"].mean() for algo in ("model-based", "patchq", "ddpg"))
    model_free.append(scores_of("sb3_ppo")["SB3 PPO"].mean())
    numbers = [f"{l2:.4f}" for l2 in (portraits[0]["l2"], alone, ours)] + [f"{l2:.3f}" for l2 in model_free]
    for page in ("README.md", "docs/measured.md"):
        text = (ROOT / page).read_text()
        assert all(number in text for number in numbers), page
