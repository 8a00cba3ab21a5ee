"""Metrics of a run, as lines of JSON and for TensorBoard."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from paint_gym.utils.files import write_text, writing

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class MetricsLogger:
    """Writes ``metrics.jsonl``, and TensorBoard's events where the extra [tensorboard] is installed.

    Args:
        folder: folder of the run, which is made; None to write nothing.
        update: updates completed; lines of later updates, which will be made again, are dropped.
    """

    def __init__(self, folder: Path | None, update: int = 0) -> None:
        self.folder, self.update = folder, update
        self.start = time.monotonic()
        self.board: SummaryWriter | None = None

    def __enter__(self) -> Self:
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.start -= _drop_later_lines(self.folder / "metrics.jsonl", self.update)
            with writing(self.folder):
                self.board = _summary_writer(self.folder, self.update + 1)
        return self

    def __exit__(self, *error: object) -> None:
        if self.board is not None and self.folder is not None:
            with writing(self.folder):
                self.board.close()

    def write(self, update: int, values: dict[str, float]) -> None:
        """Write metrics, and the seconds that the run has taken, those before it was resumed included."""
        if self.folder is None:
            return
        values = values | {"charts/seconds": time.monotonic() - self.start}
        with writing(self.folder), (self.folder / "metrics.jsonl").open("a") as lines:
            lines.write(json.dumps({"update": update} | values) + "\n")
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(name, value, update)

    def show(self, name: str, picture: np.ndarray, update: int) -> None:
        """Write a picture ``(H, W, 3)`` uint8."""
        if self.board is not None:
            self.board.add_image(name, picture, update, dataformats="HWC")


def _summary_writer(folder: Path, purge_step: int) -> SummaryWriter | None:
    """Writer of TensorBoard; None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=purge_step)


def _drop_later_lines(file: Path, update: int) -> float:
    """Drop the lines of later updates; the seconds of the last line that stays."""
    text, seconds = "", 0.0
    if file.exists():
        with suppress(ValueError):  # a crash may have cut off the last line
            for line in file.read_text().splitlines():
                values = json.loads(line)
                if values["update"] <= update:
                    text, seconds = f"{text}{line}\n", values.get("charts/seconds", seconds)
        write_text(file, text)
    return seconds
