"""The cache of decoded pictures: each source is decoded once to a file, which is mapped into memory.

An entry is two files in the cache folder (`datasets/` in `PAINT_GYM_CACHE`, else in the user's cache folder
for paint_gym): `<name>-<split>-<size>-<key>.pixels`, and `.json` beside it, written last. An entry without
the second, or of another length than it says, is made again. Entries may be deleted.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paint_gym.datasets.dataset import Dataset, map_pixels
from paint_gym.datasets.sources import Pictures, Source
from paint_gym.utils.errors import visible
from paint_gym.utils.files import cache_folder, replace_when_done, write_text
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)

RECIPE = 6
"""To be counted up when the same source would be decoded to other pixels."""

_CHUNK = 256  # pictures decoded before they are written: bounds the memory at any size of data set


def load_cached(source: Source, name: str, split: str, size: int, on_error: str) -> Dataset:
    """The pictures of a source as an `np.memmap`, from the cache, or decoded into it first.

    Processes that need the same pictures at once wait for the first of them.

    Raises:
        ValueError: a picture cannot be read and `on_error` is "raise", or none can, or the split is empty.
        OSError: the cache folder cannot be written, or the disk is full.
    """
    key = hashlib.sha256(json.dumps([RECIPE, name, split, size, source.identity]).encode()).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", Path(name).name)[:40]
    path = cache_folder("datasets") / f"{readable}-{split}-{size}-{key[:24]}.pixels"

    label = f"{name} ({split})"
    if (dataset := _read(path, name, split, size, on_error)) is None:
        pictures = source.open()
        with _locked(path, label):
            if (dataset := _read(path, name, split, size, on_error)) is None:
                names, skipped = _build(path, pictures, label, size, on_error)
                dataset = Dataset(name, split, size, map_pixels(path, size), names, skipped, path.absolute())
    return dataset


def _read(path: Path, name: str, split: str, size: int, on_error: str) -> Dataset | None:
    """An entry of the cache; None if it is not complete, or lacks a picture that must not be skipped."""
    try:
        entry = json.loads(path.with_suffix(".json").read_bytes())
        pixels, names = map_pixels(path, size), tuple(entry["names"])
        dataset = Dataset(name, split, size, pixels, names, entry["skipped"], path.absolute())
    except FileNotFoundError:
        return None
    except Exception as error:  # numpy and json raise anything on damaged bytes
        logger.warning("the cached pictures in %s are damaged and decoded again: %s", path, error)
        return None
    return dataset if on_error == "skip" or not dataset.skipped else None


@contextmanager
def _locked(path: Path, label: str) -> Iterator[None]:
    """Let one process at a time write an entry; an `OSError` says what to do if it cannot be written."""
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            logger.info("another process decodes %s; waiting for it", label)
            lock.acquire()
        yield
    except OSError as error:  # never a picture's: `_decode` has put those into words
        message = f"cannot keep the decoded pictures in {path.parent}: {error.strerror or error}; set"
        advice = "PAINT_GYM_CACHE to a folder that can be written and has room"
        raise OSError(error.errno, f"{message} {advice}") from error
    finally:
        lock.release()


def _build(
    path: Path, pictures: Pictures, label: str, size: int, on_error: str
) -> tuple[tuple[str, ...], int]:
    """Decode pictures to a new entry: the names of those in it, and the number of those left out."""
    names: list[str] = []
    failures: list[str] = []
    if not pictures.names:
        raise ValueError(f"data set {label} has no pictures")
    # Plain writes, not a writable memory map: on a full disk they raise, where the map kills the process.
    with replace_when_done(path) as temporary, temporary.open("wb") as file:
        for name, decoded in _decode(pictures, size, label):
            if not isinstance(decoded, str):
                file.write(decoded.transpose(2, 0, 1).tobytes())  # (size, size, 3) -> (3, size, size)
                names.append(name)
            elif on_error == "raise":
                raise ValueError(f'{decoded} (load_dataset(..., on_error="skip") leaves such pictures out)')
            else:
                failures.append(decoded)
        if not names:
            reason = f"none of the {len(failures)} pictures can be read; {failures[0]}"
            raise ValueError(f"data set {label}: {reason}")
    write_text(path.with_suffix(".json"), json.dumps({"names": names, "skipped": len(failures)}))
    if failures:
        examples = "; ".join(failures[:3])
        logger.warning("data set %s: skipped %d broken pictures: %s", label, len(failures), examples)
    return tuple(names), len(failures)


def _decode(pictures: Pictures, size: int, label: str) -> Iterator[tuple[str, NDArray[np.uint8] | str]]:
    """Names and pixels of the pictures in order, decoded in parallel; or why they cannot be read."""

    def load(position: int) -> tuple[str, NDArray[np.uint8] | str]:
        name = pictures.names[position]
        try:
            picture = pictures.load(position)
        except (ValueError, OSError) as error:
            reason = visible(str(error))
            return name, reason if name in reason else f"{name}: {reason}"
        if picture.shape != (size, size, 3) or picture.dtype != np.uint8:
            return name, f"{name}: not decoded to ({size}, {size}, 3) uint8"
        return name, picture

    positions = iter(range(len(pictures.names)))
    bar = progress(total=len(pictures.names), desc=f"decoding {label}", unit=" pictures", delay=1)
    with bar, ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        while chunk := list(islice(positions, _CHUNK)):
            yield from pool.map(load, chunk)
            bar.update(len(chunk))
