"""``paint-gym demo``: train on photos that need no download, then paint pictures never seen before."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from PIL import Image

from agents.checkpoint import save_agent
from agents.cli.command import Command
from agents.common.config import SIZE, STROKES
from agents.common.settings import COUNT
from agents.evaluation import l2_by_raster
from agents.painter import paint
from agents.training.presets import PRESETS
from agents.training.trainer import Trainer
from paint_gym.datasets import load_dataset
from paint_gym.painting import Painting
from paint_gym.utils.files import replace_when_done
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)
SHOWN = 8  # held-out crops that are painted


@dataclass(frozen=True, kw_only=True)
class Demo(Command):
    """Train a small agent offline, on photos of scikit-image, and paint crops of others it never saw."""

    out: Path = Path("out")
    """Folder for pictures, paintings, the learning curve and the agent."""
    updates: Annotated[int, COUNT] = 700
    """Updates; about three a second on two cores without bfloat16."""
    size: Annotated[int, SIZE] = 128
    """Side of the canvas in pixels."""
    strokes: Annotated[int, STROKES] = 200
    """Strokes per painting."""
    stroke: str = "bezier"
    """Stroke design: bezier, straight, circle or triangle."""
    seed: Annotated[int, COUNT] = 0
    """Random seed."""


def demo(command: Demo) -> dict[str, float]:
    """Run the demo; returns what it writes to ``demo.json``: l2 on held-out crops, by `raster`."""
    began = time.monotonic()
    command.out.mkdir(parents=True, exist_ok=True)
    agent_config = replace(PRESETS["cpu"].agent, stroke=command.stroke, max_strokes=command.strokes)
    config = replace(
        PRESETS["cpu"], agent=agent_config, size=command.size, updates=command.updates, seed=command.seed,
        eval_images=8, eval_split="val",
    )  # fmt: skip
    trainer = Trainer(config)
    agent = trainer.agent
    test = load_dataset("photos", split="test", size=command.size)
    shown = test[np.linspace(0, len(test) - 1, SHOWN).astype(int)]  # (SHOWN, 3, size, size)
    untrained = paint(agent, torch.from_numpy(shown), command.strokes)
    curve = _learn(trainer)
    paintings = paint(agent, torch.from_numpy(shown), command.strokes)
    before, after = (l2_by_raster(one, shown) for one in (untrained, paintings))
    _write(command.out, shown, untrained, paintings)
    _plot(command.out / "learning_curve.png", curve)
    save_agent(command.out / "agent.safetensors", agent, agent_config)
    scores = {
        "l2_untrained": float(before.mean()),
        "l2": float(after.mean()),
        "images": SHOWN,
        "strokes": command.strokes,
        "seconds": time.monotonic() - began,
    }
    with replace_when_done(command.out / "demo.json") as file:
        file.write_text(json.dumps(scores, indent=2) + "\n")
    logger.info(
        "l2 on %d held-out crops: %.4f untrained, %.4f after %.0f s; see %s",
        SHOWN, scores["l2_untrained"], scores["l2"], scores["seconds"], command.out / "overview.png",
    )  # fmt: skip
    return scores


def _learn(trainer: Trainer) -> list[tuple[int, float, float]]:
    """Train, showing progress; returns (updates, seconds, l2 on the validation crops)."""
    curve, began = [(0, 0.0, trainer.evaluate()[0])], time.monotonic()
    last = trainer.config.updates
    with progress(total=last, desc="learning to paint", unit="update") as bar:

        def after_update(trainer: Trainer, metrics: dict[str, float]) -> None:
            bar.update()
            if trainer.updates % 100 == 0 or trainer.updates == last:
                l2, _ = trainer.evaluate()
                curve.append((trainer.updates, time.monotonic() - began, l2))
                bar.set_postfix(l2=f"{l2:.4f}", refresh=False)

        trainer.fit(after_update)
    return curve


def _write(out: Path, shown: np.ndarray, untrained: list[Painting], paintings: list[Painting]) -> None:
    """Each target and painting on its own, and all in one picture: targets, untrained, trained."""
    pictures = shown.transpose(0, 2, 3, 1)
    for i, painting in enumerate(progress(paintings, desc="writing paintings", unit="painting")):
        _save_picture(out / f"target_{i}.png", pictures[i])
        for ending in ("png", "svg", "json", "mp4"):
            painting.save(out / f"painting_{i}.{ending}")
    rows = [list(pictures), [one.render() for one in untrained], [one.render() for one in paintings]]
    _save_picture(out / "overview.png", np.concatenate([np.concatenate(row, 1) for row in rows], 0))


def _save_picture(path: Path, picture: np.ndarray) -> None:
    with replace_when_done(path) as file:
        Image.fromarray(picture).save(file)


def _plot(path: Path, curve: list[tuple[int, float, float]]) -> None:
    from matplotlib.figure import Figure  # no pyplot: no window, no global state

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    _, seconds, l2 = zip(*curve, strict=True)
    axes.plot(seconds, l2, marker=".", label="validation crops")
    axes.set(xlabel="seconds of training", ylabel="l2 (mean squared error, by raster)", yscale="log")
    axes.legend()
    with replace_when_done(path) as file:
        figure.savefig(file, dpi=120)
