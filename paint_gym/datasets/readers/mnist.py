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
    chosen = {
        "train": lambda count: range(count - count // 12),
        "val": lambda count: range(count - count // 12, count),
        "test": range,
    }[split]
    return array_source(
        path, size, lambda: _read_idx(path), chosen, f"mnist {split}: val is the last twelfth"
    )


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """Read the pictures of an idx3 file, (N, 28, 28, 3) uint8; a `ValueError` names a damaged one."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: the gzip file is damaged or cut off: {error}") from error
    if len(content) < 16:
        raise ValueError(f"{path}: cut off within the header")
    magic, count, rows, columns = struct.unpack(">4I", content[:16])
    if magic != _MAGIC:
        raise ValueError(f"{path}: not an idx file of images (starts with {magic:#010x}, not {_MAGIC:#010x})")
    if (rows, columns) != (_SIDE, _SIDE) or count == 0:
        raise ValueError(f"{path}: the header says {count} images of {rows} x {columns}, MNIST has 28 x 28")
    size, promised = len(content) - 16, count * rows * columns
    if size != promised:
        relation = "more" if size > promised else f"only {size:,}"
        raise ValueError(f"{path}: the header promises {promised:,} bytes of pixels, the file has {relation}")
    grey = np.frombuffer(content, np.uint8, offset=16).reshape(count, rows, columns, 1)
    return np.broadcast_to(grey, (count, rows, columns, 3))
