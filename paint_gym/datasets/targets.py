"""Pictures of a data set as targets: tensors on a device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from paint_gym.datasets.dataset import Dataset
from paint_gym.utils.device import upload

GPU_SHARE = 0.25  # of a GPU's free memory, the most that a data set takes
CHUNK = 4096  # pictures that are uploaded together


class Targets:
    """The pictures of a data set on a device; on a GPU with room for all of them, they stay there."""

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self.dataset, self.device = dataset, device
        self._all: Tensor | None = None
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if dataset.images.nbytes <= GPU_SHARE * free:
                self.keep()

    def keep(self) -> None:
        """Copy all pictures to the device, in chunks."""
        pictures = torch.empty(self.dataset.images.shape, dtype=torch.uint8, device=self.device)
        for first in range(0, len(pictures), CHUNK):
            chunk = np.array(self.dataset.images[first : first + CHUNK])
            pictures[first : first + CHUNK] = upload(chunk, self.device)
        self._all = pictures

    def __call__(self, indices: NDArray[np.integer]) -> Tensor:
        """Pictures ``(n, 3, H, W)`` float32 in [0, 1], of indices ``(n,)``."""
        if self._all is None:
            pictures = upload(self.dataset[indices], self.device)
        else:
            pictures = self._all[upload(indices, self.device)]
        return pictures.float() / 255
