"""Metrics of a run, as lines of JSON and for TensorBoard."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from paint_gym.utils.distributed import is_main_process
from paint_gym.utils.files import replace_when_done, writing

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class MetricsLogger:
    """Metrics as lines of JSON and for TensorBoard. Of several processes, only the first writes.

    Args:
        folder: must exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._began = time.monotonic()
        self._board: SummaryWriter | None = None

    @contextmanager
    def open(self, update: int) -> Iterator[Self]:
        """Begin to write after `update`; lines of later updates, which will be made again, are dropped."""
        if not is_main_process():
            yield self
            return
        from torch.utils.tensorboard import SummaryWriter

        self._forget_after(update)
        with writing(self.folder), SummaryWriter(str(self.folder)) as self._board:
            yield self

    def log(self, update: int, values: dict[str, float]) -> None:
        """Write metrics, and how long the run has lasted."""
        if self._board is None:
            return
        values = values | {"charts/seconds": time.monotonic() - self._began}
        with (self.folder / "metrics.jsonl").open("a") as lines:
            lines.write(json.dumps({"update": update} | values) + "\n")
        for name, value in values.items():
            self._board.add_scalar(name, value, update)

    def show(self, name: str, picture: np.ndarray, update: int) -> None:
        """Write a picture ``(H, W, 3)`` uint8."""
        if self._board is not None:
            self._board.add_image(name, picture, update, dataformats="HWC")

    def _forget_after(self, update: int) -> None:
        file = self.folder / "metrics.jsonl"
        if file.exists():
            kept = [line for line in file.read_text().splitlines() if _update_of(line) <= update]
            with replace_when_done(file) as temporary:
                temporary.write_text("".join(line + "\n" for line in kept))


def _update_of(line: str) -> float:
    try:
        return json.loads(line)["update"]
    except (ValueError, KeyError, TypeError):  # cut off by a crash
        return float("inf")
