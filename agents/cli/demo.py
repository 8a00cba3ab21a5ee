"""``paint-gym demo``: train on photos that need no download, then paint pictures never seen before."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from agents.checkpoint import save_agent
from agents.painter import l2_by_raster, paint
from agents.training.trainer import PRESETS, Trainer, run_to_the_end
from paint_gym.datasets import load_dataset
from paint_gym.painting import Painting
from paint_gym.utils.files import replace_when_done

logger = logging.getLogger(__name__)
SHOWN = 8  # held-out crops that are painted


@dataclass(frozen=True)
class Demo:
    """Train a small agent offline, on photos of scikit-image, and paint crops of others it never saw."""

    out: Path = Path("out")
    """Folder for pictures, paintings, the learning curve and the agent."""
    updates: int = 700
    """Steps of gradient; about three a second on two cores without bfloat16."""
    size: int = 128
    """Side of the canvas in pixels."""
    strokes: int = 200
    """Strokes per painting."""
    stroke: str = "bezier"
    """Stroke design: bezier, straight, circle or triangle."""
    seed: int = 0
    """Of everything random."""


def run(demo: Demo) -> dict[str, float]:
    """Run the demo; returns what it writes to ``demo.json``: l2 on held-out crops, by `raster`."""
    began = time.monotonic()
    demo.out.mkdir(parents=True, exist_ok=True)
    spec = replace(PRESETS["cpu"].agent, stroke=demo.stroke, max_strokes=demo.strokes)
    config = replace(
        PRESETS["cpu"], agent=spec, size=demo.size, updates=demo.updates, seed=demo.seed, eval_images=8
    )
    trainer = Trainer(replace(config, eval_split="val"))
    agent = trainer.agent
    test = load_dataset("photos", split="test", size=demo.size)
    shown = test[np.linspace(0, len(test) - 1, SHOWN).astype(int)]  # (SHOWN, 3, size, size)
    untrained = paint(agent, torch.from_numpy(shown), demo.strokes)
    curve = _learn(trainer)
    paintings = paint(agent, torch.from_numpy(shown), demo.strokes)
    before, after = (l2_by_raster(one, shown) for one in (untrained, paintings))
    _write(demo, shown, untrained, paintings)
    _plot(demo.out / "learning_curve.png", curve)
    save_agent(demo.out / "agent.safetensors", agent, spec)
    scores = {
        "l2_untrained": float(before.mean()),
        "l2": float(after.mean()),
        "images": SHOWN,
        "strokes": demo.strokes,
        "seconds": time.monotonic() - began,
    }
    with replace_when_done(demo.out / "demo.json") as file:
        file.write_text(json.dumps(scores, indent=2) + "\n")
    return scores


def _learn(trainer: Trainer) -> list[tuple[int, float, float]]:
    """Train, showing progress; returns (updates, seconds, l2 on the validation crops)."""
    watched = trainer.watched()
    curve, began = [(0, 0.0, trainer.evaluate(watched)[0])], time.monotonic()
    last = trainer.config.updates
    with tqdm(total=last, desc="learning to paint", unit="update") as bar:

        def on_update(update: int, metrics: dict[str, float]) -> None:
            bar.update()
            if update % 100 == 0 or update == last:
                l2, _ = trainer.evaluate(watched)
                curve.append((update, time.monotonic() - began, l2))
                bar.set_postfix(l2=f"{l2:.4f}")

        run_to_the_end(trainer, on_update)
    return curve


def _write(demo: Demo, shown: np.ndarray, untrained: list[Painting], paintings: list[Painting]) -> None:
    """Each target and painting on its own, and all in one picture: targets, untrained, trained."""
    pictures = shown.transpose(0, 2, 3, 1)
    for i, painting in enumerate(tqdm(paintings, desc="writing paintings", unit="painting")):
        _save_picture(demo.out / f"target_{i}.png", pictures[i])
        for ending in ("png", "svg", "json", "mp4"):
            painting.save(demo.out / f"painting_{i}.{ending}")
    rows = [list(pictures), [one.render() for one in untrained], [one.render() for one in paintings]]
    _save_picture(demo.out / "overview.png", np.concatenate([np.concatenate(row, 1) for row in rows], 0))


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
