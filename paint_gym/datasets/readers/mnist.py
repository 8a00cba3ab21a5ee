"""The `mnist` data set: LeCun's handwritten digits from their idx files, plain or gzipped."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paint_gym.datasets.sources import Source, array_source, missing

_MAGIC = 0x00000803  # unsigned bytes, three dimensions
_SIDE = 28
_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"


def mnist_source(split: str, size: int, data_root: Path) -> Source:
    """Digits, grey on black as RGB. "val" is the last twelfth of the training file (5,000 of 60,000).

    Reads `mnist/train-images-idx3-ubyte` and `t10k-images-idx3-ubyte`, also spelt `.idx3-ubyte`, also `.gz`,
    or in `MNIST/raw/`, where torchvision keeps them.
    """
    stem = "t10k" if split == "test" else "train"
    spellings = [f"{stem}-images{mark}idx3-ubyte{gz}" for mark in ("-", ".") for gz in ("", ".gz")]
    folders = (data_root / "mnist", data_root / "MNIST" / "raw")
    candidates = [folder / spelling for folder in folders for spelling in spellings]
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if path is None:
        get = f"{stem}-images-idx3-ubyte.gz from {_MIRROR} (MNIST, Y. LeCun et al.; not at yann.lecun.com)"
        raise missing("mnist", candidates, get, "mnist/")
    return array_source(path, size, _read_idx, split, 12)


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """Read the pictures of an idx3 file, (N, 28, 28, 3) uint8."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: the gzip file is damaged or cut off: {error}") from error
    magic, count, *shape = struct.unpack(">4I", content[:16].ljust(16, b"\0"))
    if magic != _MAGIC or shape != [_SIDE, _SIDE] or count == 0:
        raise ValueError(f"{path}: not an idx file of images of 28 x 28, or cut off within its header")
    size, promised = len(content) - 16, count * _SIDE * _SIDE
    if size != promised:
        raise ValueError(f"{path}: the header promises {promised:,} bytes of pixels, the file has {size:,}")
    grey = np.frombuffer(content, np.uint8, offset=16).reshape(count, _SIDE, _SIDE, 1)
    return np.broadcast_to(grey, (count, _SIDE, _SIDE, 3))
