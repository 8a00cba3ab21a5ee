"""The cache of decoded pictures: each source is decoded once to a file, which is mapped into memory.

An entry is two files in the cache folder (`datasets/` in `PAINT_GYM_CACHE`, else in the user's cache folder
for paint_gym): `<name>-<split>-<size>-<key>.npy`, the pictures, and `.json` beside it, written last. An entry
without it, or whose pictures have another length, is not complete and is made again. Entries may be deleted.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from paint_gym.datasets.dataset import Dataset
from paint_gym.datasets.sources import Pictures, Source
from paint_gym.utils.files import cache_folder, replace_when_done
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)

RECIPE = 5
"""To be counted up when the same source would be decoded to other pixels."""

_CHUNK = 256  # pictures decoded before they are written: bounds the memory at any size of data set


def load_cached(source: Source, name: str, split: str, size: int, on_error: str) -> Dataset:
    """The pictures of a source as an `np.memmap`, from the cache, or decoded into it first.

    Raises:
        ValueError: a picture cannot be read and `on_error` is "raise", or none can, or the split is empty.
        OSError: the cache folder cannot be written, or the disk is full.
    """
    key = hashlib.sha256(json.dumps([RECIPE, name, split, size, source.identity]).encode()).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", Path(name).name)[:40]
    path = cache_folder("datasets") / f"{readable}-{split}-{size}-{key[:24]}.npy"
    if path.exists():
        try:
            dataset = _read(path, name, split, size)
            if on_error == "skip" or not dataset.skipped:
                return dataset
        except Exception as error:  # numpy and json raise anything on damaged bytes: EOFError, ...
            logger.warning("the cached pictures in %s are damaged and decoded again: %s", path, error)
    _build(path, source, f"{name} ({split})", size, on_error)
    return _read(path, name, split, size)


def _read(path: Path, name: str, split: str, size: int) -> Dataset:
    entry = json.loads(path.with_suffix(".json").read_bytes())
    images = np.load(path, mmap_mode="r", allow_pickle=False)
    return Dataset(name, split, size, images, tuple(entry["names"]), entry["skipped"], path.absolute())


def _build(path: Path, source: Source, label: str, size: int, on_error: str) -> None:
    """Decode a source to a new entry."""
    names: list[str] = []
    failures: list[str] = []
    with source.open() as pictures:
        if not pictures.names:
            raise ValueError(f"data set {label} has no pictures")
        try:
            with replace_when_done(path) as temporary, temporary.open("wb") as file:
                _write_header(file, len(pictures.names), size)
                for position, decoded in _decode(pictures, size, label):
                    if not isinstance(decoded, str):
                        file.write(decoded.transpose(2, 0, 1).tobytes())  # (size, size, 3) -> (3, size, size)
                        names.append(pictures.names[position])
                    elif on_error == "raise":
                        raise ValueError(f'{decoded} (on_error="skip" leaves such pictures out)')
                    else:
                        failures.append(decoded)
                if not names:
                    reason = f"none of the {len(failures)} pictures can be read; {failures[0]}"
                    raise ValueError(f"data set {label}: {reason}")
                _write_header(file, len(names), size)
            with replace_when_done(path.with_suffix(".json")) as temporary:
                temporary.write_text(json.dumps({"names": names, "skipped": len(failures)}), encoding="utf-8")
        except OSError as error:  # never a picture's: `_decode` has put those into words
            reason = error.strerror or str(error)
            message = f"cannot keep the decoded pictures in {path.parent}: {reason}; set PAINT_GYM_CACHE to"
            raise OSError(error.errno, f"{message} a folder that can be written and has room") from error
    if failures:
        examples = "; ".join(failures[:3])
        logger.warning("data set %s: skipped %d broken pictures: %s", label, len(failures), examples)


def _write_header(file: BinaryIO, count: int, size: int) -> None:
    """Write the head of a .npy file of `count` pictures; numpy leaves room to correct the count later."""
    # Plain writes, not a writable memory map: on a full disk they raise, where the map kills the process.
    file.seek(0)
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, 3, size, size)}
    np.lib.format.write_array_header_1_0(file, header)


def _decode(pictures: Pictures, size: int, label: str) -> Iterator[tuple[int, NDArray[np.uint8] | str]]:
    """Positions and pixels of the pictures in order, decoded in parallel; or why they cannot be read."""

    def load(position: int) -> NDArray[np.uint8] | str:
        try:
            picture = pictures.load(position)
        except (ValueError, OSError) as error:
            name, reason = pictures.names[position], str(error)
            return reason if name in reason else f"{name}: {reason}"
        if picture.shape != (size, size, 3) or picture.dtype != np.uint8:
            return f"{pictures.names[position]}: not decoded to ({size}, {size}, 3) uint8"
        return picture

    positions = iter(range(len(pictures.names)))
    bar = progress(total=len(pictures.names), desc=f"decoding {label}", unit=" pictures", delay=1)
    with bar, ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        while chunk := list(islice(positions, _CHUNK)):
            yield from zip(chunk, pool.map(load, chunk), strict=True)
            bar.update(len(chunk))
