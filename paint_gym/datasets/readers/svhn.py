"""The `svhn` data set: Stanford's Street View House Numbers, cropped digits, from their MATLAB files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paint_gym.datasets.sources import Source, array_source, missing


def svhn_source(split: str, size: int, data_root: Path) -> Source:
    """Digits in colour from `svhn/train_32x32.mat` and `test_32x32.mat`; "val" is the last tenth of train."""
    path = data_root / "svhn" / ("test_32x32.mat" if split == "test" else "train_32x32.mat")
    if not path.is_file():
        get = f"{path.name} (format 2, cropped digits) from http://ufldl.stanford.edu/housenumbers/"
        raise missing("svhn", [path], get, f"svhn/{path.name}")
    return array_source(path, size, _read_mat, split, 10)


def _read_mat(path: Path) -> NDArray[np.uint8]:
    """Read the pictures of a file, (N, 32, 32, 3) uint8."""
    from scipy.io import loadmat

    try:
        images = loadmat(path, variable_names=["X"]).get("X")
    except Exception as error:  # scipy raises anything on damaged bytes: TypeError, MatReadError, ...
        raise ValueError(f"{path}: cannot be read as a MATLAB file: {error}") from error
    if images is None or images.dtype != np.uint8 or images.ndim != 4 or images.shape[:3] != (32, 32, 3):
        raise ValueError(f"{path}: needed is a uint8 variable X of shape (32, 32, 3, N)")
    return np.ascontiguousarray(images.transpose(3, 0, 1, 2))  # (32, 32, 3, N) -> (N, 32, 32, 3)
