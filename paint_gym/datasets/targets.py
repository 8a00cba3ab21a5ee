"""Pictures of a data set as targets: tensors on a device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from paint_gym.datasets.dataset import Dataset
from paint_gym.utils.device import upload

PART = 4
"""The part of a GPU's free memory that a data set may take: one in so many."""


AT_ONCE = 4096  # pictures


class Targets:
    """The pictures of a data set on a device; on a GPU with room for all of them, they stay there.

    Args:
        dataset: whose pictures they are.
        device: where they are wanted.
    """

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self.dataset, self.device = dataset, device
        self._all: Tensor | None = None
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if dataset.images.nbytes <= free // PART:
                self.keep()

    def keep(self) -> None:
        """Copy all pictures to the device, some at a time."""
        count = len(self.dataset)
        kept = torch.empty(self.dataset.images.shape, dtype=torch.uint8, device=self.device)
        for first in range(0, count, AT_ONCE):
            some = np.arange(first, min(first + AT_ONCE, count))
            kept[first : first + AT_ONCE] = upload(self.dataset[some], self.device)
        self._all = kept

    def __call__(self, indices: NDArray[np.integer]) -> Tensor:
        """Pictures ``(n, 3, H, W)`` float32 in [0, 1], of indices ``(n,)``."""
        if self._all is None:
            pictures = upload(self.dataset[indices], self.device)
        else:
            pictures = self._all[upload(indices, self.device)]
        return pictures.float() / 255
