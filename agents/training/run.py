"""A run: a trainer at work in a folder, with metrics, pictures, checkpoints, and signals that stop it."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import torch

from agents.checkpoint import CHECKPOINT
from agents.common.optim import TrainingDivergedError
from agents.common.signals import StopSignals
from agents.training.base_trainer import BaseTrainer
from agents.training.logger import MetricsLogger
from paint_gym.utils.distributed import any_process, is_main_process
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)


class Run:
    """Trains to the end, or to a signal; of several processes, only the first writes metrics and pictures.

    Args:
        trainer: who learns.
        folder: of the run; made if it is missing.
        checkpoint_minutes: minutes between checkpoints; one is also written at the end.
        device: of the trainer, for what processes tell each other.
    """

    def __init__(
        self, trainer: BaseTrainer, folder: Path, checkpoint_minutes: float, device: torch.device
    ) -> None:
        self.trainer, self.folder, self.device = trainer, folder, device
        self.checkpoint_seconds = checkpoint_minutes * 60
        self.last: dict[str, float] = {}

    def fit(self) -> dict[str, float]:
        """Train; returns the metrics of the last evaluation.

        Raises:
            SystemExit: a signal has stopped the run, after a checkpoint; the status is 128 and its number.
            TrainingDivergedError: a loss is not finite; the last checkpoint stays as it was, and the message
                says at which update.
        """
        trainer = self.trainer
        self.folder.mkdir(parents=True, exist_ok=True)
        self.saved, self.logger = time.monotonic(), MetricsLogger(self.folder)
        total, start = trainer.config.updates, trainer.updates
        if start and start >= total:
            logger.info("%s is finished: all of its %d updates are made", self.folder, total)
            return self.last
        self.bar = progress(
            total=total, initial=start, desc="training", unit="update", disable=not is_main_process()
        )
        with self.bar, StopSignals() as self.signals, self.logger.open(start):
            try:
                trainer.fit(self._after_update)
            except FloatingPointError as error:
                saved = (self.folder / CHECKPOINT).exists()
                kept = f"{self.folder} holds the last good checkpoint" if saved else "nothing had been saved"
                raise TrainingDivergedError(f"update {trainer.updates + 1}: {error}; {kept}") from error
            trainer.save(self.folder)
        if self.signals.received is not None and trainer.updates < total:
            logger.info("stopped at update %d of %d; --resume goes on", trainer.updates, total)
            sys.exit(128 + self.signals.received)
        return self.last

    def _after_update(self, trainer: BaseTrainer, metrics: dict[str, float]) -> bool:
        self.bar.update()
        due = time.monotonic() - self.saved > self.checkpoint_seconds
        stop, save = any_process([self.signals.received is not None, due], self.device)
        if is_main_process():
            update = trainer.updates
            if update % trainer.log_every == 0:
                self.logger.log(update, metrics)
            if update % trainer.config.eval_every == 0 or update == trainer.config.updates:
                self.last, picture = trainer.eval_metrics()
                self.logger.log(update, self.last)
                self.logger.show(trainer.picture, picture, update)
                self.bar.set_postfix(
                    {name.split("/")[-1]: f"{value:.3g}" for name, value in self.last.items()},
                    refresh=False,
                )
        if save:
            trainer.save(self.folder)
            self.saved = time.monotonic()
        return stop
