"""The training loop: collect, update, log, evaluate, save, stop."""

from __future__ import annotations

import logging
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from agents.checkpoint import CHECKPOINT, check_run
from agents.common.optim import TrainingDivergedError
from agents.common.signals import StopSignals
from agents.training.logger import MetricsLogger
from paint_gym.utils.distributed import any_process, is_main_process
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)
Callback = Callable[[Any, dict[str, float]], bool | None]
"""Called after each update with the trainer and its metrics; True ends the training."""


class TrainingLoop(ABC):
    """The base of trainers: a subclass says how to collect, update, evaluate and save."""

    config: Any  # with `updates`, updates in all, and `eval_every`, updates between evaluations
    device: torch.device
    updates: int = 0  # updates completed
    log_every: int = 20  # updates between two lines of metrics
    picture: str = "paintings"  # name of the picture that `evaluation` returns

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}  # of the last evaluation

    @property
    def progress(self) -> float:
        """Fraction of updates completed, in [0, 1]; learning rates follow it."""
        return 1.0 if self.updates >= self.config.updates else self.updates / self.config.updates

    @property
    def counters(self) -> dict[str, float]:
        """Numbers that stand beside all metrics, by name; by default none."""
        return {}

    def collect(self) -> None:  # noqa: B027
        """Collect the experience that is due before the next update; by default none."""

    @abstractmethod
    def update(self) -> dict[str, float]:
        """One update; metrics by name."""

    @abstractmethod
    def evaluation(self) -> tuple[dict[str, float], np.ndarray]:
        """Metrics of an evaluation, and a picture ``(H, W, 3)`` uint8."""

    @abstractmethod
    def save(self, folder: str | PathLike[str]) -> None:
        """Write everything that is needed to go on, each file whole or not at all."""

    def fit(
        self,
        callback: Callback | None = None,
        folder: str | PathLike[str] | None = None,
        checkpoint_minutes: float = 5.0,
    ) -> Self:
        """Train until all updates are completed, a signal comes, or the callback returns True.

        Args:
            callback: called after each update.
            folder: folder for metrics, pictures and checkpoints, of which only the first process writes. None
                means only updates, without files, evaluations, bar and signal handlers.
            checkpoint_minutes: minutes between checkpoints; the last one is written at the end.

        Raises:
            SystemExit: a signal has stopped the run, after a checkpoint; the status is 128 and its number.
            TrainingDivergedError: a loss is not finite; the last checkpoint stays as it was.
            FileExistsError: the training is new, and the folder has a run already.
        """
        folder = None if folder is None else Path(folder)
        total, saved, writes = self.config.updates, time.monotonic(), folder is not None and is_main_process()
        if self.updates and self.updates >= total:
            logger.info("%s is finished: all of its %d updates are made", folder or "training", total)
            return self
        if folder is not None and not self.updates:
            check_run(folder, resume=False)
        log = MetricsLogger(folder if writes else None, self.updates)
        bar = progress(total=total, initial=self.updates, desc="training", unit="update", disable=not writes)
        with StopSignals(enabled=folder is not None) as signals, log, bar:
            while self.progress < 1:
                self.collect()
                try:
                    metrics = self.update()
                except FloatingPointError as error:
                    good = folder is not None and (folder / CHECKPOINT).exists()
                    hint = f"{folder} holds the last good checkpoint" if good else "nothing had been saved"
                    raise TrainingDivergedError(f"update {self.updates + 1}: {error}; {hint}") from error
                bar.update()
                if self.updates % self.log_every == 0:
                    log.write(self.updates, metrics | self.counters)
                if writes and (self.updates % self.config.eval_every == 0 or self.updates == total):
                    self.metrics, picture = self.evaluation()
                    log.write(self.updates, self.metrics | self.counters)
                    log.show(self.picture, picture, self.updates)
                    short = {name.split("/")[-1]: f"{value:.3g}" for name, value in self.metrics.items()}
                    bar.set_postfix(short, refresh=False)
                stop = bool(callback is not None and callback(self, metrics))
                if folder is not None:
                    due = time.monotonic() - saved > 60 * checkpoint_minutes
                    signalled, due = any_process([signals.received is not None, due], self.device)
                    stop |= signalled
                    if due:
                        self.save(folder)
                        saved = time.monotonic()
                if stop:
                    break
            if folder is not None:
                self.save(folder)
        if signals.received is not None and self.updates < total:
            logger.info("stopped at update %d of %d; --resume goes on", self.updates, total)
            sys.exit(128 + signals.received)
        return self
