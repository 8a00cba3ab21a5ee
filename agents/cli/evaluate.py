"""``paint-gym evaluate``: paint pictures of a data set, and score the paintings with the ground truth."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from agents.checkpoint import load
from agents.cli.command import Command
from agents.cli.plots import plot_l2
from agents.painting.evaluation import EvaluationSettings, PaintingScores, evaluate
from paint_gym.utils.errors import unknown_name
from paint_gym.utils.files import write_text
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)
PLOTS = (".pdf", ".png", ".svg")
SCORES = ("l2", "psnr", "ssim")


@dataclass(frozen=True, kw_only=True)
class Evaluate(Command):
    """Score an agent: l2, PSNR and SSIM of its paintings, with 95% confidence intervals.

    Paintings are scored as the renderer `raster` draws them, whichever the agent learned with.
    """

    agent: tyro.conf.Positional[str] = "pretrained"
    """Agent to score: a file, a run's folder, or an agent of the package."""
    settings: Annotated[EvaluationSettings, tyro.conf.arg(name="")] = field(
        default_factory=EvaluationSettings
    )
    json: Path | None = None
    """File to write the scores to."""
    curve: Path | None = None
    """File for a plot of l2 against strokes: .png .svg .pdf."""
    lookahead: int | None = None
    """Candidates of each window size tried before each step; by default the agent's own number."""
    plan: int | None = None
    """Gradient steps that improve each bundle before it is painted; by default the agent's own number."""

    def __post_init__(self) -> None:
        if self.curve is not None and self.curve.suffix.lower() not in PLOTS:
            raise unknown_name("ending of a plot's file", self.curve.suffix, PLOTS)


def evaluate_agent(command: Evaluate) -> dict[str, Any]:
    """Paint and score; returns the report that `--json` writes, see `agents.evaluate`."""
    policy = load(command.agent, lookahead=command.lookahead, plan=command.plan)

    def bar(scores: Iterable[PaintingScores], total: int) -> Iterable[PaintingScores]:
        return progress(scores, total=total, desc="painting and scoring", unit="image")

    report = {
        "agent": command.agent, "lookahead": policy.lookahead, "plan": policy.plan,
        **evaluate(policy, bar, **asdict(command.settings)),
    }  # fmt: skip
    if report["images"] < command.settings.images:
        logger.info("%s has only %d pictures for %s", report["dataset"], report["images"], report["split"])
    for line in _table(report):
        logger.info("%s", line)
    if command.json is not None:
        write_text(command.json, json.dumps(report, indent=2) + "\n")
    if command.curve is not None:
        curve = report["curve"]
        label = f"mean of {report['images']} pictures, with its 95% interval"
        title, band = f"{report['dataset']}, {report['split']}", (curve["low"], curve["high"])
        plot_l2(command.curve, "strokes", curve["strokes"], curve["mean"], label, title, band)
    return report


def _table(report: dict[str, Any]) -> list[str]:
    """The scores in Markdown."""
    title = (
        "{agent}: {images} pictures of {dataset} ({split}) at {size} px, {strokes} strokes, "
        "lookahead {lookahead}, plan {plan}, {refine} iterations of refinement, by {renderer}"
    )
    head = ["| score | mean | 95% from | to |", "| --- | --- | --- | --- |"]
    row = "| {name} | {mean:.5g} | {low:.5g} | {high:.5g} |"
    return [title.format(**report), "", *head, *(row.format(name=name, **report[name]) for name in SCORES)]
