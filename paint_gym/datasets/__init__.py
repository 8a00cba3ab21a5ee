"""Data sets to paint: square uint8 RGB pictures by name, from a folder, or from an array.

>>> import numpy as np
>>> load_dataset(np.zeros((4, 3, 16, 16), np.uint8), size=8)[[0, 3]].shape
(2, 3, 8, 8)
"""

from __future__ import annotations

from paint_gym.datasets.dataset import Dataset
from paint_gym.datasets.images import picture_size, read_image, square
from paint_gym.datasets.registry import Loader, load_dataset, register_dataset
from paint_gym.datasets.sources import Pictures, Source

__all__ = [
    "Dataset",
    "Loader",
    "Pictures",
    "Source",
    "load_dataset",
    "picture_size",
    "read_image",
    "register_dataset",
    "square",
]
