"""``paint-gym train-renderer``: train a network that paints strokes, in a folder."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from agents.checkpoint import check_run
from agents.cli.command import Command
from agents.common.config import check_ranges
from agents.training.renderer_trainer import RendererConfig, RendererTrainer
from paint_gym.utils.files import lock_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TrainRenderer(Command):
    """Train a network that paints strokes, for renderer="neural"; it learns from the analytic renderer."""

    out: Path = Path("runs/renderer")
    """Folder of the run; renderer.safetensors in it is what "neural:FILE" takes."""
    resume: bool = False
    """Continue the run in --out, with its own settings."""
    init: Path | None = None
    """A renderer.safetensors to start from, of the same stroke design and network."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints; one is also written at the end and on SIGINT or SIGTERM."""
    device: str = "auto"
    """Device to train on."""
    config: Annotated[RendererConfig, tyro.conf.arg(name="")] = field(default_factory=RendererConfig)

    def __post_init__(self) -> None:
        check_ranges(self, checkpoint_minutes=(0.0, 1e6))


def train_renderer(command: TrainRenderer) -> dict[str, float]:
    """Train; returns the metrics of the last evaluation."""
    check_run(command.out, command.resume)
    with lock_folder(command.out):
        if command.resume:
            trainer = RendererTrainer.resume(command.out, command.device)
        else:
            trainer = RendererTrainer(command.config, command.device)
            if command.init is not None:
                trainer.warm_start(command.init)
        trainer.fit(folder=command.out, checkpoint_minutes=command.checkpoint_minutes)
    if trainer.metrics:
        error = trainer.metrics["eval/mse"]
        logger.info("%s: mean squared error %.2e to the ground truth", command.out, error)
    return trainer.metrics
