"""What the agents that come with the package paint on test pictures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from agents import load, paint
from agents.painting.evaluation import l2_by_raster
from benchmarks.harness.scores import blank, likeness
from benchmarks.harness.tables import Row
from paint_gym.datasets import load_dataset
from paint_gym.painting import Painting

BATCH = 25  # pictures painted at once


class Task(NamedTuple):
    """What to paint.

    Attributes:
        dataset: a name.
        strokes: of each painting.
        size: side of the canvas in pixels.
        images: how many, the first of the test split.
    """

    dataset: str
    strokes: int
    size: int
    images: int

    def targets(self) -> np.ndarray:
        """The pictures, ``(n, 3, size, size)`` uint8."""
        data = load_dataset(self.dataset, "test", self.size)
        return data[np.arange(min(self.images, len(data)))]


def paint_with(agent: str, task: Task, lookahead: int | None = None) -> list[Painting]:
    """What an agent of the package paints.

    Args:
        agent: its name, or a file.
        task: what.
        lookahead: in place of the agent's own.
    """
    painter, targets = load(agent, lookahead=lookahead), torch.from_numpy(task.targets())
    return [one for some in targets.split(BATCH) for one in paint(painter, some, task.strokes)]


def scores(paintings: list[Painting], targets: np.ndarray) -> Row:
    """L2 by `raster`, SSIM, texture, and the l2 of a blank canvas."""
    found: Row = {"l2": float(l2_by_raster(paintings, targets).mean())}
    return found | likeness(paintings, targets) | {"blank": blank(targets)}
