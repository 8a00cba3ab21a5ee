"""``paint-gym train-renderer``: train a network that paints strokes, in a folder."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from agents.checkpoint import check_run
from agents.cli.command import Command
from agents.common.settings import Between
from agents.training.renderer_trainer import RendererConfig, RendererTrainer
from agents.training.run import Run
from paint_gym.utils.files import lock_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TrainRenderer(Command):
    """Train a network that paints strokes, for renderer="neural"; it learns from the analytic renderer."""

    out: Path = Path("runs/renderer")
    """Folder of the run; renderer.safetensors in it is what "neural:FILE" takes."""
    resume: bool = False
    """Go on with the run in --out, with the settings it was begun with."""
    init: Path | None = None
    """A renderer.safetensors to begin with, of the same stroke design and network."""
    checkpoint_minutes: Annotated[float, Between(0, 1_000_000)] = 5.0
    """Minutes between checkpoints; one is also written at the end and on SIGINT or SIGTERM."""
    device: str = "auto"
    """Device to train on."""
    config: Annotated[RendererConfig, tyro.conf.arg(name="")] = field(default_factory=RendererConfig)


def train_renderer(command: TrainRenderer) -> dict[str, float]:
    """Train; returns the metrics of the last evaluation.

    Raises:
        TrainingDivergedError: the loss is not finite; the last checkpoint stays as it was.
        FileExistsError: there is a run in the folder already, and it is not resumed.
        BlockingIOError: another process trains in it.
        FileNotFoundError: there is none to resume.
    """
    check_run(command.out, command.resume)
    with lock_folder(command.out):
        if command.resume:
            trainer = RendererTrainer.resume(command.out, command.device)
        else:
            trainer = RendererTrainer(command.config, command.device)
            if command.init is not None:
                trainer.warm_start(command.init)
        last = Run(trainer, command.out, command.checkpoint_minutes, trainer.device).fit()
    if last:
        logger.info("%s: mean squared error %.2e to the ground truth", command.out, last["eval/mse"])
    return last
