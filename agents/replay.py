"""Replay memory: states once, as bytes, the target as an index into the data set."""

from __future__ import annotations

import torch
from torch import Tensor

from paint_gym.canvas import CanvasState, to_bytes
from paint_gym.datasets import Dataset


class Replay:
    """The latest states of training, of which batches are drawn at random.

    A canvas is kept as uint8; the episode itself goes on from the float canvas, so rounding never adds up.

    Args:
        capacity: states; the oldest are overwritten.
        dataset: whose pictures the targets are.
        device: where the canvases are kept and batches are made.
    """

    def __init__(self, capacity: int, dataset: Dataset, device: torch.device) -> None:
        side = dataset.size
        self.capacity, self.dataset, self.device = capacity, dataset, device
        self.canvas = torch.zeros(capacity, 3, side, side, dtype=torch.uint8, device=device)
        self.index = torch.zeros(capacity, dtype=torch.long)
        self.step = torch.zeros(capacity, dtype=torch.long, device=device)
        self.added = 0

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, canvas: Tensor, index: Tensor, step: Tensor) -> None:
        """Keep states.

        Args:
            canvas: ``(B, 3, H, W)`` float in [0, 1].
            index: ``(B,)`` int64, pictures of the data set.
            step: ``(B,)`` int64.
        """
        place = torch.arange(self.added, self.added + len(canvas)) % self.capacity
        self.canvas[place.to(self.device)] = to_bytes(canvas)
        self.index[place] = index.cpu()
        self.step[place.to(self.device)] = step
        self.added += len(canvas)

    def sample(self, batch: int, generator: torch.Generator) -> CanvasState:
        """`batch` states drawn with replacement.

        Raises:
            ValueError: the replay is empty.
        """
        if not len(self):
            raise ValueError("the replay is empty; paint some steps before the first update")
        place = torch.randint(len(self), (batch,), generator=generator)
        target = torch.from_numpy(self.dataset[self.index[place].numpy()]).to(self.device)
        at = place.to(self.device)
        return CanvasState(self.canvas[at].float() / 255, target.float() / 255, self.step[at])


def mirrored(state: CanvasState, generator: torch.Generator) -> CanvasState:
    """The batch seen through a symmetry of the task: turned, mirrored, and its colours exchanged.

    Each state's canvas and target are changed alike, so any reward that compares the two stays what it was.
    """
    pair = torch.cat([state.canvas, state.target], 1)  # (B, 6, H, W)
    if torch.rand((), generator=generator) < 0.5:
        pair = pair.flip(3)
    if pair.shape[2] == pair.shape[3]:
        pair = pair.rot90(int(torch.randint(4, (), generator=generator)), (2, 3))
    order = torch.rand(len(pair), 3, generator=generator).argsort(1).to(pair.device)  # (B, 3)
    images = torch.arange(len(pair), device=pair.device).view(-1, 1)
    return CanvasState(pair[images, order], pair[images, order + 3], state.step)
