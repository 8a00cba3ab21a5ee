"""``paint-gym demo``: paint photos at once, then train a small agent, and paint pictures it never saw."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage import data

from agents.checkpoint import load, save_agent
from agents.cli.command import Command
from agents.cli.demo_page import overview, page
from agents.cli.plots import plot_l2
from agents.common.config import COUNT, SIZE, STROKES, check_ranges
from agents.painting.evaluation import l2_by_raster
from agents.painting.paint import paint
from agents.painting.photo import Photo, PhotoPainter
from agents.painting.refinement import refine
from agents.training.presets import PRESETS
from agents.training.trainer import Trainer
from paint_gym.datasets import load_dataset
from paint_gym.utils.files import replace_when_done, write_text
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")  # of scikit-image; no training picture of the agent
PHOTO_STROKES = 400
REFINE = 60  # iterations
LEARNING_SIZE = 64  # side in pixels of the canvases in training: 1.7 times as fast as 128
SHOWN = 4  # held-out crops in the overview


@dataclass(frozen=True, kw_only=True)
class Demo(Command):
    """Paint four photos, then train a small agent offline, on other photos, and paint crops it never saw."""

    out: Path = Path("out")
    """Folder for pictures, paintings, the learning curve, the agent, and index.html, which shows them."""
    updates: int = 400
    """Updates; about sixteen a second on two cores with bfloat16."""
    size: int = 128
    """Side of the canvas in pixels that the trained agent paints on."""
    strokes: int = 200
    """Strokes per painting."""
    stroke: str = "bezier"
    """Stroke design: bezier, straight, circle or triangle."""
    seed: int = 0
    """Random seed."""

    def __post_init__(self) -> None:
        check_ranges(self, updates=COUNT, size=SIZE, strokes=STROKES, seed=COUNT)


def demo(command: Demo) -> dict[str, float]:
    """Run the demo; returns the content of ``demo.json``: l2 on held-out crops by `raster`, seconds."""
    start, out = time.monotonic(), command.out
    agent_config = replace(PRESETS["cpu"].agent, stroke=command.stroke, max_strokes=command.strokes)
    config = replace(
        PRESETS["cpu"], agent=agent_config, size=min(LEARNING_SIZE, command.size), updates=command.updates,
        seed=command.seed, eval_images=8,
    )  # fmt: skip
    trainer = Trainer(config)
    test = load_dataset("photos", split="test", size=command.size)
    crops = test[np.linspace(0, len(test) - 1, 2 * SHOWN).astype(int)]  # (2 * SHOWN, 3, size, size)
    targets = torch.from_numpy(crops)
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    _paint_photos(out)
    photos_seconds = time.monotonic() - began
    logger.info("four photos painted by the agent that ships, in %.0f s; see %s", photos_seconds, out)
    untrained = paint(trainer.policy, targets, command.strokes)
    curve = _train(trainer)
    trained = paint(trainer.policy, targets, command.strokes)
    refined = refine(trained, targets, REFINE)
    save_agent(out / "agent.safetensors", trainer.agent, agent_config)
    seconds, l2 = zip(*curve, strict=True)
    plot_l2(out / "learning_curve.png", "seconds of training", seconds, l2, "validation crops")
    labels = (
        f"{SHOWN} crops it never saw",
        f"{command.strokes} strokes, untrained",
        f"{command.strokes} strokes after {command.updates} updates",
        f"the same strokes, refined {REFINE} times",
    )
    rows = {"l2_untrained": untrained, "l2": trained, "l2_refined": refined}
    _save_picture(out / "overview.png", overview(crops[:SHOWN], list(rows.values()), labels))
    for i, painting in enumerate(refined[:SHOWN]):
        _save_picture(out / f"target_{i}.png", crops[i].transpose(1, 2, 0))
        for ending in ("png", "svg", "json"):
            painting.save(out / f"painting_{i}.{ending}")
    scores = {name: float(l2_by_raster(row, crops).mean()) for name, row in rows.items()}
    scores |= {"images": len(crops), "strokes": command.strokes, "updates": command.updates}
    scores |= {"seconds_photos": photos_seconds, "seconds": time.monotonic() - start}
    write_text(out / "demo.json", json.dumps(scores, indent=2) + "\n")
    write_text(out / "index.html", page(PHOTOS, scores, str(out)))
    text = "l2 on held-out crops: %(l2_untrained).4f untrained, %(l2).4f trained, %(l2_refined).4f refined"
    logger.info(text, scores)
    logger.info("%s shows the results", out / "index.html")
    return scores


def _paint_photos(out: Path) -> None:
    """Paint photos with the shipped agent, and write them in all formats."""
    painter = PhotoPainter(load("pretrained"), REFINE)
    for name in progress(PHOTOS, desc="painting photos", unit="photo"):
        photo = getattr(data, name)()
        job = painter.prepare(Photo(photo, name))
        (painting,) = painter.refine([job], [painter.paint(job, PHOTO_STROKES)])
        _save_picture(out / f"{name}.png", photo)
        painting.save(out / f"{name}-painted.png", size=photo.shape[:2])
        for ending in ("svg", "json", "mp4"):
            painting.save(out / f"{name}-painted.{ending}")


def _train(trainer: Trainer) -> list[tuple[float, float]]:
    """Train with a progress bar; returns (seconds, l2 on the validation crops)."""
    curve, start = [(0.0, trainer.evaluate()[0])], time.monotonic()
    total = trainer.config.updates
    with progress(total=total, desc="learning to paint", unit="update") as bar:

        def after_update(trainer: Trainer, metrics: dict[str, float]) -> None:
            bar.update()
            if trainer.updates % 50 == 0 or trainer.updates == total:
                l2, _ = trainer.evaluate()
                curve.append((time.monotonic() - start, l2))
                bar.set_postfix({"validation l2": f"{l2:.4f}"}, refresh=False)

        trainer.fit(after_update)
    return curve


def _save_picture(path: Path, picture: np.ndarray) -> None:
    with replace_when_done(path) as file:
        Image.fromarray(picture).save(file)
