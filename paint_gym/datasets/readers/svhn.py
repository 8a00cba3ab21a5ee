"""The `svhn` data set: Stanford's Street View House Numbers, cropped digits, from their MATLAB files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paint_gym.datasets.sources import Source, array_source, missing

READER = """
import sys
import numpy as np
from scipy.io import loadmat
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
except ImportError:  # not on Windows
    pass
found = loadmat(sys.argv[1], variable_names=["X"]).get("X", np.float64(0))
np.save(sys.argv[2], found, allow_pickle=False)
"""
"""A process of its own: on damaged bytes scipy may crash the one that it runs in, or ask for all memory."""


def svhn_source(split: str, size: int, data_root: Path) -> Source:
    """Digits in colour from `svhn/train_32x32.mat` and `test_32x32.mat`; "val" is the last tenth of train."""
    path = data_root / "svhn" / ("test_32x32.mat" if split == "test" else "train_32x32.mat")
    if not path.is_file():
        get = f"{path.name} (format 2, cropped digits) from http://ufldl.stanford.edu/housenumbers/"
        raise missing("svhn", [path], get, f"svhn/{path.name}")
    chosen = {
        "train": lambda count: range(count - count // 10),
        "val": lambda count: range(count - count // 10, count),
        "test": range,
    }[split]
    return array_source(path, size, lambda: _read_mat(path), chosen, f"svhn {split}: val is the last tenth")


def _read_mat(path: Path) -> NDArray[np.uint8]:
    """The pictures of a file, (N, 32, 32, 3) uint8; `ValueError` that names the file if it is not sound."""
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder, "X.npy")
        command = [sys.executable, "-c", READER, str(path.absolute()), str(unpacked)]
        searched = os.pathsep.join(filter(None, sys.path))  # where this process finds its libraries
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": searched}, capture_output=True)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            reason = said[-1] if said else f"the reader ended with {done.returncode}"
            raise ValueError(f"{path}: cannot be read as a MATLAB file: {reason}")
        images = np.load(unpacked, allow_pickle=False)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[:3] != (32, 32, 3):
        shape = images.shape or None
        raise ValueError(f"{path}: needed is a uint8 variable X of shape (32, 32, 3, N), found {shape}")
    return np.ascontiguousarray(images.transpose(3, 0, 1, 2))  # (32, 32, 3, N) -> (N, 32, 32, 3)
