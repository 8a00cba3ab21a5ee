"""The base class of trainers: one loop of updates, and the interface that a run needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from os import PathLike
from typing import Any, Self

import numpy as np

Callback = Callable[[Any, dict[str, float]], bool | None]
"""Called after each update with the trainer and its metrics; True ends the training."""


class BaseTrainer(ABC):
    """Runs the training loop: update, callback, repeat."""

    config: Any
    """With ``updates``, updates in all, and ``eval_every``, updates from one evaluation to the next."""
    updates: int = 0
    """Updates completed."""
    log_every: int = 20
    """Updates from one line of metrics to the next."""
    picture: str = "paintings"
    """Name of the picture that `eval_metrics` returns."""

    @property
    def progress(self) -> float:
        """Fraction of updates completed, in [0, 1]; learning rates follow it."""
        return 1.0 if self.updates >= self.config.updates else self.updates / self.config.updates

    @abstractmethod
    def update(self) -> dict[str, float]:
        """One update; metrics by name."""

    @abstractmethod
    def eval_metrics(self) -> tuple[dict[str, float], np.ndarray]:
        """Metrics of an evaluation, and a picture ``(H, W, 3)`` uint8 to look at."""

    @abstractmethod
    def save(self, folder: str | PathLike[str]) -> None:
        """Write all that is needed to go on, each file whole or not at all."""

    def fit(self, callback: Callback | None = None) -> Self:
        """Update until all updates are completed, or the callback returns True; returns itself."""
        while self.progress < 1:
            metrics = self.update()
            if callback is not None and callback(self, metrics):
                break
        return self
