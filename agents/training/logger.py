"""What every run writes into its folder, and what stops it before its end."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch.distributed as dist

from paint_gym.utils.files import replace_when_done

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


CHECKPOINT = "checkpoint.safetensors"


def refuse_second_run(folder: Path) -> None:
    """Keep a run from writing over another.

    Raises:
        FileExistsError: there is a run in the folder already.
    """
    if (folder / CHECKPOINT).exists():
        raise FileExistsError(
            f"there is a run in {folder} already; add --resume to go on, or choose another --out"
        )


def checkpoint_of(folder: Path) -> Path:
    """The file that a run goes on from.

    Raises:
        FileNotFoundError: there is no run in this folder.
    """
    file = folder / CHECKPOINT
    if not file.is_file():
        raise FileNotFoundError(
            f"no run to resume in {folder}: {file.name} is missing; train without --resume"
        )
    return file


def writes() -> bool:
    """Whether this process is the one of its group that writes."""
    return not dist.is_initialized() or dist.get_rank() == 0


class RunFolder:
    """Metrics as lines of JSON and for TensorBoard; when a checkpoint is due; whether a signal asks to stop.

    Of several processes, only the first writes.

    Args:
        path: of the folder; must exist.
        checkpoint_minutes: between two checkpoints.
    """

    def __init__(self, path: Path, checkpoint_minutes: float) -> None:
        self.path, self.every = path, checkpoint_minutes * 60
        self.stopped = False
        self._saved = self._began = time.monotonic()
        self._board: SummaryWriter | None = None

    @contextmanager
    def open(self, update: int) -> Iterator[RunFolder]:
        """Begin to write after `update`, later lines are dropped; SIGINT and SIGTERM only set `stopped`."""
        with self._stop_signals():
            if not writes():
                yield self
                return
            from torch.utils.tensorboard import SummaryWriter

            self._forget_after(update)
            with SummaryWriter(str(self.path)) as self._board:
                yield self

    def log(self, update: int, values: dict[str, float]) -> None:
        """Write metrics, and how long the run has lasted."""
        if self._board is None:
            return
        values = values | {"charts/seconds": time.monotonic() - self._began}
        with (self.path / "metrics.jsonl").open("a") as lines:
            lines.write(json.dumps({"update": update} | values) + "\n")
        for name, value in values.items():
            self._board.add_scalar(name, value, update)

    def show(self, name: str, picture: np.ndarray, update: int) -> None:
        """Write a picture ``(H, W, 3)`` uint8."""
        if self._board is not None:
            self._board.add_image(name, picture, update, dataformats="HWC")

    def checkpoint_is_due(self) -> bool:
        """Whether the minutes are over since the start, or since this last was so."""
        due = time.monotonic() - self._saved > self.every
        if due:
            self._saved = time.monotonic()
        return due

    def _forget_after(self, update: int) -> None:
        """Drop metrics of updates that a resumed run is about to make again."""
        file = self.path / "metrics.jsonl"
        if file.exists():
            kept = [line for line in file.read_text().splitlines() if _update_of(line) <= update]
            with replace_when_done(file) as temporary:
                temporary.write_text("".join(line + "\n" for line in kept))

    @contextmanager
    def _stop_signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM end the run after the update at hand."""

        def stop(number: int, frame: object) -> None:
            self.stopped = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _update_of(line: str) -> float:
    try:
        return json.loads(line)["update"]
    except (ValueError, KeyError, TypeError):  # cut off by a crash
        return float("inf")
