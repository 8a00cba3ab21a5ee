"""``paint-gym evaluate``: paint pictures of a data set, and score the paintings with the ground truth."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from agents.checkpoint import load
from agents.cli.command import Command
from agents.common.config import COUNT, POSITIVE, STROKES, check_ranges
from agents.painting.evaluation import Interval, PaintingScores, mean_interval, score_policy
from agents.painting.policy import Policy
from paint_gym.datasets import load_dataset
from paint_gym.metrics import check_ssim_size
from paint_gym.utils.errors import unknown_name
from paint_gym.utils.files import replace_when_done
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)
POINTS = 20  # of the curve of l2 against strokes, at most, besides that of the blank canvas
PLOTS = (".pdf", ".png", ".svg")
SCORES = ("l2", "psnr", "ssim")


@dataclass(frozen=True, kw_only=True)
class Evaluate(Command):
    """Score an agent: l2, PSNR and SSIM of its paintings, with 95% confidence intervals.

    Paintings are scored as the renderer `raster` draws them, whichever the agent learned with.
    """

    agent: tyro.conf.Positional[str] = "pretrained"
    """Agent to score: a file, a run's folder, or an agent of the package."""
    dataset: str = "photos"
    """Name of a data set, or a folder of images."""
    split: str = "test"
    """Part of the data set: train, val or test."""
    images: int = 500
    """Number of pictures, from the first on; all if there are fewer."""
    strokes: int = 200
    """Strokes per painting."""
    size: int = 128
    """Side of the canvas in pixels."""
    batch: int = 32
    """Pictures painted at once."""
    json: Path | None = None
    """File to write the scores to."""
    curve: Path | None = None
    """File for a plot of l2 against strokes: .png .svg .pdf."""
    lookahead: int | None = None
    """Candidates of each window size that are tried before each step: more are better and slower. By default
    the agent's own number."""
    plan: int | None = None
    """Gradient steps that improve each bundle before it is painted: more are better and slower. By default
    the agent's own number."""
    refine: int = 0
    """Iterations of refinement of each finished painting; scores with and without it are not comparable."""
    seed: int = 0
    """Random seed of the intervals' bootstrap."""
    data_root: Path | None = None
    """Folder that holds the publishers' data sets."""

    def __post_init__(self) -> None:
        check_ranges(
            self, images=POSITIVE, strokes=STROKES, batch=POSITIVE, lookahead=(0, 256), plan=(0, 100_000),
            refine=COUNT, seed=COUNT,
        )  # fmt: skip


def evaluate(command: Evaluate) -> dict[str, Any]:
    """Paint and score.

    Returns:
        What `--json` writes: what was scored, ``"images"`` (how many), ``"l2"``, ``"psnr"`` and ``"ssim"``,
        each with ``"mean"``, ``"low"`` and ``"high"``, and the same as lists in ``"curve"``, the l2 after
        ``"strokes"``.

    Raises:
        ValueError: a number or name that is not possible; says which.
        OSError: a file that is missing or cannot be written.
    """
    _check(command)
    policy = load(command.agent, lookahead=command.lookahead, plan=command.plan)
    every = policy.bundle * math.ceil(command.strokes / policy.bundle / POINTS)
    scores = _score(policy, command, every)
    l2 = np.stack([score.l2 for score in scores])  # (images, points)
    report = {
        "agent": command.agent,
        "dataset": command.dataset,
        "split": command.split,
        "images": len(scores),
        "size": command.size,
        "strokes": command.strokes,
        "lookahead": policy.lookahead,
        "plan": policy.plan,
        "refine": command.refine,
        "renderer": "raster",
        "seed": command.seed,
        "l2": _plain(mean_interval(l2[:, -1], seed=command.seed)),
        "psnr": _plain(mean_interval([score.psnr for score in scores], seed=command.seed)),
        "ssim": _plain(mean_interval([score.ssim for score in scores], seed=command.seed)),
        "curve": {
            "strokes": [*range(0, command.strokes, every), command.strokes],
            **_plain(mean_interval(l2, seed=command.seed)),
        },
    }
    for line in _table(report):
        logger.info("%s", line)
    if command.json is not None:
        with replace_when_done(command.json) as file:
            file.write_text(json.dumps(report, indent=2) + "\n")
    if command.curve is not None:
        _plot(command.curve, report)
    return report


def _check(command: Evaluate) -> None:
    """Refuse wrong options before the work."""
    check_ssim_size(command.size, command.size)
    if command.curve is not None and command.curve.suffix.lower() not in PLOTS:
        raise unknown_name("ending of a plot's file", command.curve.suffix, PLOTS)


def _score(policy: Policy, command: Evaluate, every: int) -> list[PaintingScores]:
    """Paint and score, showing progress."""
    data = load_dataset(command.dataset, command.split, command.size, command.data_root)
    count = min(command.images, len(data))
    if count < command.images:
        logger.info("%s has only %d pictures for %s", command.dataset, count, command.split)
    scores = score_policy(policy, data, count, command.strokes, every, command.batch, command.refine)
    return list(progress(scores, total=count, desc="painting and scoring", unit="image"))


def _plain(interval: Interval) -> dict[str, Any]:
    """Numbers or lists of numbers, as JSON has them."""
    return {name: value.tolist() for name, value in interval._asdict().items()}


def _table(report: dict[str, Any]) -> list[str]:
    """The scores in Markdown."""
    title = (
        "{agent}: {images} pictures of {dataset} ({split}), {strokes} strokes, "
        "{refine} iterations of refinement, by {renderer}"
    )
    rows = [
        f"| {name} | {score['mean']:.5g} | {score['low']:.5g} | {score['high']:.5g} |"
        for name, score in ((name, report[name]) for name in SCORES)
    ]
    head = ["| score | mean | 95% from | to |", "| --- | --- | --- | --- |"]
    return [title.format(**report), "", *head, *rows]


def _plot(path: Path, report: dict[str, Any]) -> None:
    """The mean l2 against strokes, in the band of its confidence interval."""
    from matplotlib.figure import Figure  # no pyplot: no window, no global state

    figure, curve = Figure(figsize=(6, 4), layout="constrained"), report["curve"]
    axes = figure.add_subplot()
    label = f"mean of {report['images']} pictures, with its 95% interval"
    axes.plot(curve["strokes"], curve["mean"], marker=".", label=label)
    axes.fill_between(curve["strokes"], curve["low"], curve["high"], alpha=0.3)
    title = f"{report['dataset']}, {report['split']}"
    axes.set(xlabel="strokes", ylabel="l2 (mean squared error, by raster)", yscale="log", title=title)
    axes.legend()
    with replace_when_done(path) as file:
        figure.savefig(file, dpi=120)
