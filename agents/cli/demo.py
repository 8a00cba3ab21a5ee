"""``paint-gym demo``: paint photos at once, then train a small agent, and paint pictures it never saw."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from skimage import data
from torch import Tensor

from agents.checkpoint import load, save_agent
from agents.cli.command import Command
from agents.cli.demo_page import page
from agents.common.config import SIZE, STROKES
from agents.common.settings import COUNT
from agents.painting.evaluation import l2_by_raster
from agents.painting.paint import CANVAS, fit_to_canvas, paint
from agents.painting.refinement import refine
from agents.painting.saliency import face_weight
from agents.training.presets import PRESETS
from agents.training.trainer import Trainer
from paint_gym.datasets import load_dataset
from paint_gym.painting import Painting
from paint_gym.utils.files import replace_when_done
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")  # of scikit-image, which the shipped agent never saw
PHOTO_STROKES = 400
REFINE = 60  # iterations
LEARNING_SIZE = 64  # side in pixels of the canvases that it learns on: 1.7 times as fast as on 128
SHOWN = 4  # held-out crops in the overview
SIDE = 512  # pixels of each picture in it
LABEL = 48  # pixels of the line above each row


@dataclass(frozen=True, kw_only=True)
class Demo(Command):
    """Paint four photos, then train a small agent offline, on other photos, and paint crops it never saw."""

    out: Path = Path("out")
    """Folder for pictures, paintings, the learning curve, the agent, and index.html, which shows them."""
    updates: Annotated[int, COUNT] = 400
    """Updates; about sixteen a second on two cores with bfloat16."""
    size: Annotated[int, SIZE] = 128
    """Side of the canvas in pixels that the trained agent paints on."""
    strokes: Annotated[int, STROKES] = 200
    """Strokes per painting."""
    stroke: str = "bezier"
    """Stroke design: bezier, straight, circle or triangle."""
    seed: Annotated[int, COUNT] = 0
    """Random seed."""


def demo(command: Demo) -> dict[str, float]:
    """Run the demo; returns what it writes to ``demo.json``: l2 on held-out crops by `raster`, seconds."""
    began = time.monotonic()
    out = command.out
    out.mkdir(parents=True, exist_ok=True)
    _paint_photos(out)
    photos_seconds = time.monotonic() - began
    logger.info("four photos painted by the agent that ships, in %.0f s; see %s", photos_seconds, out)
    agent_config = replace(PRESETS["cpu"].agent, stroke=command.stroke, max_strokes=command.strokes)
    config = replace(
        PRESETS["cpu"], agent=agent_config, size=min(LEARNING_SIZE, command.size), updates=command.updates,
        seed=command.seed, eval_images=8, eval_split="val",
    )  # fmt: skip
    trainer = Trainer(config)
    agent = trainer.agent
    test = load_dataset("photos", split="test", size=command.size)
    shown = test[np.linspace(0, len(test) - 1, 2 * SHOWN).astype(int)]  # (2 * SHOWN, 3, size, size)
    targets = torch.from_numpy(shown)
    untrained = paint(agent, targets, command.strokes)
    curve = _learn(trainer)
    trained = paint(agent, targets, command.strokes)
    refined = refine(trained, targets, REFINE)
    save_agent(out / "agent.safetensors", agent, agent_config)
    _plot(out / "learning_curve.png", curve)
    _save_picture(out / "overview.png", _overview(shown[:SHOWN], [untrained, trained, refined], command))
    for i, painting in enumerate(refined[:SHOWN]):
        _save_picture(out / f"target_{i}.png", shown[i].transpose(1, 2, 0))
        for ending in ("png", "svg", "json"):
            painting.save(out / f"painting_{i}.{ending}")
    before, after, best = (float(l2_by_raster(one, shown).mean()) for one in (untrained, trained, refined))
    scores = {
        "l2_untrained": before,
        "l2": after,
        "l2_refined": best,
        "images": len(shown),
        "strokes": command.strokes,
        "updates": command.updates,
        "seconds_photos": photos_seconds,
        "seconds": time.monotonic() - began,
    }
    _write_text(out / "demo.json", json.dumps(scores, indent=2) + "\n")
    _write_text(out / "index.html", page(PHOTOS, scores, str(out)))
    logger.info(
        "l2 on %d held-out crops: %.4f untrained, %.4f trained, %.4f refined, in %.0f s; %s shows it all",
        len(shown), before, after, best, scores["seconds"], out / "index.html",
    )  # fmt: skip
    return scores


def _paint_photos(out: Path) -> None:
    """Photos, painted by the agent that comes with the package, in all formats."""
    agent = load("pretrained")
    for name in progress(PHOTOS, desc="painting photos", unit="photo"):
        photo = getattr(data, name)()
        target: Tensor = fit_to_canvas(torch.from_numpy(photo), CANVAS)
        faces = face_weight(photo, (target.shape[2], target.shape[3]))
        (begun,) = paint(agent, target, PHOTO_STROKES, weight=faces)
        painting = refine(begun, target[0], REFINE, weight=faces)
        _save_picture(out / f"{name}.png", photo)
        painting.save(out / f"{name}-painted.png", size=photo.shape[:2])
        for ending in ("svg", "json", "mp4"):
            painting.save(out / f"{name}-painted.{ending}")


def _learn(trainer: Trainer) -> list[tuple[int, float, float]]:
    """Train, showing progress; returns (updates, seconds, l2 on the validation crops)."""
    curve, began = [(0, 0.0, trainer.evaluate()[0])], time.monotonic()
    last = trainer.config.updates
    with progress(total=last, desc="learning to paint", unit="update") as bar:

        def after_update(trainer: Trainer, metrics: dict[str, float]) -> None:
            bar.update()
            if trainer.updates % 50 == 0 or trainer.updates == last:
                l2, _ = trainer.evaluate()
                curve.append((trainer.updates, time.monotonic() - began, l2))
                bar.set_postfix({"validation l2": f"{l2:.4f}"}, refresh=False)

        trainer.fit(after_update)
    return curve


def _overview(pictures: np.ndarray, paintings: list[list[Painting]], command: Demo) -> np.ndarray:
    """A labelled row of pictures ``(N, 3, H, W)``, and one for each list of paintings of them."""
    labels = (
        f"{len(pictures)} crops it never saw",
        f"{command.strokes} strokes, untrained",
        f"{command.strokes} strokes after {command.updates} updates",
        f"the same strokes, refined {REFINE} times",
    )
    targets = [np.asarray(Image.fromarray(one.transpose(1, 2, 0)).resize((SIDE, SIDE))) for one in pictures]
    rows = [targets, *([one.render(SIDE) for one in some[: len(pictures)]] for some in paintings)]
    sheet = Image.new("RGB", (len(pictures) * SIDE, len(rows) * (SIDE + LABEL)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(LABEL * 0.7)
    for i, (label, row) in enumerate(zip(labels, rows, strict=True)):
        top = i * (SIDE + LABEL)
        draw.text((12, top + LABEL * 0.1), label, fill="black", font=font)
        for j, picture in enumerate(row):
            sheet.paste(Image.fromarray(picture), (j * SIDE, top + LABEL))
    return np.asarray(sheet)


def _write_text(path: Path, text: str) -> None:
    with replace_when_done(path) as file:
        file.write_text(text, encoding="utf-8")


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
