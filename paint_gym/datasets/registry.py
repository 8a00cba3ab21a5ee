"""Data sets by name, and loading them: the one registry of built-in and users' data sets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import platformdirs
from numpy.typing import NDArray

from paint_gym.datasets.cache import load_cached
from paint_gym.datasets.dataset import Dataset, check_images
from paint_gym.datasets.images import square
from paint_gym.datasets.readers.celeba import celeba_source
from paint_gym.datasets.readers.imagenet import imagenet_source
from paint_gym.datasets.readers.mnist import mnist_source
from paint_gym.datasets.readers.photos import photos_source
from paint_gym.datasets.readers.svhn import svhn_source
from paint_gym.datasets.sources import Source, folder_source
from paint_gym.utils.errors import as_int, check_one_of
from paint_gym.utils.registry import Registry

SPLITS = ("train", "val", "test")
MAX_SIZE = 65_536  # pixels

Loader: TypeAlias = Callable[[str, int, Path], Source | Dataset | NDArray[np.uint8]]
"""(split, size, data root) -> a `Source`, decoded once and cached; or a `Dataset`; or (N, 3, H, W) uint8."""

DATASETS = Registry[Loader](
    "data set",
    {
        "photos": photos_source,
        "mnist": mnist_source,
        "svhn": svhn_source,
        "celeba": celeba_source,
        "imagenet": imagenet_source,
    },
)


def register_dataset(name: str, loader: Loader, *, replace: bool = False) -> None:
    """Make a data set known by a name, for `load_dataset` and the environments.

    The loader is called with the split, the size and the data root. An array is resized if it must be; a
    `Source` is decoded once and cached.

    Raises:
        ValueError: the name is taken, empty, or would read as a path.

    >>> black = np.zeros((2, 3, 16, 16), np.uint8)
    >>> register_dataset("black", lambda split, size, data_root: black, replace=True)
    >>> load_dataset("black", size=16).images.shape
    (2, 3, 16, 16)
    """
    if not name or "+" in name or _is_path(name):
        raise ValueError(f"a data set cannot be called {name!r}: it is empty, has a + or reads as a path")
    DATASETS.register(name, loader, replace)


def load_dataset(
    dataset: str | os.PathLike[str] | NDArray[np.uint8] = "photos",
    split: str = "train",
    size: int = 128,
    data_root: str | os.PathLike[str] | None = None,
    on_error: str = "raise",
) -> Dataset:
    """Load a data set as square RGB pictures of one size.

    Pictures from files are decoded once (see `paint_gym.datasets.cache`) and then mapped into memory.

    Args:
        dataset: a registered name, or several joined by "+", as in "celeba+imagenet", which are copied into
            memory; a folder of images (see `folder_source` for its splits); or an (N, 3, H, W) uint8 array,
            the same for every split, not copied if it has the size already. A registered name goes before a
            folder of that name; write "./name" for the folder.
        split: "train", "val" or "test"; cut from train where the publisher has no "val".
        size: the side of the pictures in pixels.
        data_root: the folder that holds the publishers' data sets, each in a folder of its name; by default
            the environment variable `PAINT_GYM_DATA`, else `data/` in the user's cache folder.
        on_error: what to do with a picture that cannot be read: "raise", or "skip" with one warning.

    Raises:
        ValueError: an unknown name, an array of another shape or dtype, or a picture that cannot be read.
        FileNotFoundError: the data set is not there; the message says what to download, and where to put it.
        OSError: the cache folder cannot be written.
    """
    check_one_of("split", split, SPLITS)
    check_one_of("on_error", on_error, ("raise", "skip"))
    size = as_int("size", size, 1, MAX_SIZE)
    if isinstance(dataset, np.ndarray):
        return _from_array(dataset, "array", split, size)
    if not isinstance(dataset, str | os.PathLike):
        raise TypeError(f"a data set is a name, a folder or a numpy array, not {type(dataset).__name__}")
    name = dataset if isinstance(dataset, str) and not _is_path(dataset) else None
    if name is not None and "+" in name:
        parts = [load_dataset(part, split, size, data_root, on_error) for part in name.split("+")]
        images = np.concatenate([part.images for part in parts])
        return Dataset(name, split, size, images, skipped=sum(part.skipped for part in parts))
    if name is not None and (name in DATASETS or not os.path.isdir(name)):
        try:
            loader = DATASETS[name]
        except ValueError as error:
            raise ValueError(f"{error}; the path of a folder of images may be given too") from None
        default = os.environ.get("PAINT_GYM_DATA") or Path(platformdirs.user_cache_dir("paint_gym"), "data")
        loaded = loader(split, size, Path(data_root or default).expanduser())
    else:
        name = os.path.realpath(Path(dataset).expanduser())  # of a circle of links, too
        loaded = folder_source(Path(name), split, size)
    if isinstance(loaded, Source):
        return load_cached(loaded, name, split, size, on_error)
    if not isinstance(loaded, Dataset):
        return _from_array(loaded, name, split, size)
    if loaded.size != size:
        raise ValueError(f"data set {name!r}: asked for size {size}, its loader gave size {loaded.size}")
    return loaded


def _is_path(name: str) -> bool:
    """Recognise a string that can only be meant as a path."""
    return name in (".", "..", "~") or any(mark in name for mark in (os.sep, os.altsep) if mark)


def _from_array(images: NDArray[np.uint8], name: str, split: str, size: int) -> Dataset:
    """A data set of given pictures, resized if they are of another size."""
    check_images(images, f"data set {name!r}")
    if images.shape[2:] != (size, size):
        squares = [square(np.ascontiguousarray(image.transpose(1, 2, 0)), size) for image in images]
        images = np.stack(squares).transpose(0, 3, 1, 2).copy()
    return Dataset(name, split, size, images)
