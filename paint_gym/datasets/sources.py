"""Sources: splits of data sets on disk, which the cache decodes once; and helpers of the built-in loaders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paint_gym.datasets.images import read_image, square

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff")


@dataclass(frozen=True)
class Pictures:
    """An opened source: pictures that are decoded one by one, from several threads at once.

    Attributes:
        names: a name per picture, for errors and for `Dataset.names`.
        load: index -> (size, size, 3) uint8; raises a `ValueError` or `OSError` that names the picture.
    """

    names: Sequence[str]
    load: Callable[[int], NDArray[np.uint8]]


@dataclass(frozen=True)
class Source:
    """A split of a data set that is on disk but not decoded yet.

    Attributes:
        identity: JSON values, as file names, sizes and times; if they change, the source is decoded again.
        open: opens the source for decoding; only called when the cache does not have it.
    """

    identity: Sequence[object]
    open: Callable[[], AbstractContextManager[Pictures]]


def file_identity(path: Path, root: Path) -> tuple[str, int, int]:
    """Name under `root`, size and time of change of a file, by which a change is noticed."""
    try:
        status = path.stat()
    except OSError:  # a link to nowhere: whoever reads it says so
        return path.relative_to(root).as_posix(), 0, 0
    return path.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns


def list_images(root: Path) -> list[Path]:
    """Image files below `root` by their endings, sorted by path; links to folders are followed once."""
    paths: list[Path] = []
    visited: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        if (real := os.path.realpath(folder)) in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        # Hidden files include macOS's "._photo.jpg", which hold no picture.
        names = [name for name in files if not name.startswith(".") and name.lower().endswith(IMAGE_ENDINGS)]
        paths.extend(path for name in names if not is_special(path := Path(folder, name)))
    return sorted(paths, key=lambda path: path.relative_to(root).as_posix())


def is_special(path: Path) -> bool:
    """Recognise folders, pipes and devices."""
    return path.exists() and not path.is_file()


def files_source(paths: Sequence[Path], root: Path, size: int) -> Source:
    """A source of image files below `root`, by which they are named: the centred square of each, resized."""
    identity = ["files", str(root.resolve()), *(file_identity(path, root) for path in paths)]

    @contextmanager
    def open_files() -> Iterator[Pictures]:
        names = [path.relative_to(root).as_posix() for path in paths]
        yield Pictures(names, lambda index: square(read_image(paths[index], at_least=2 * size), size))

    return Source(identity, open_files)


def array_source(
    path: Path, size: int, read: Callable[[Path], NDArray[np.uint8]], split: str, fraction: int
) -> Source:
    """A source of pictures in a single file, read as (N, H, W, 3) uint8.

    The file has both "train" and "val", the last of so many equal parts, or is "test".
    """

    @contextmanager
    def open_array() -> Iterator[Pictures]:
        images = read(path)
        count, cut = len(images), len(images) - len(images) // fraction
        indices = {"train": range(cut), "val": range(cut, count), "test": range(count)}[split]
        names = [f"{path.name}#{index}" for index in indices]
        yield Pictures(names, lambda position: square(images[indices[position]], size))

    return Source(["array", str(path.resolve()), file_identity(path, path.parent), fraction], open_array)


def folder_source(root: Path, split: str, size: int) -> Source:
    """A source of the images in a user's folder, its subfolders included.

    Of every ten images in the order of their paths, the ninth is in "val", the tenth in "test", the others in
    "train"; of a folder with fewer than ten, every split has all.

    Raises:
        FileNotFoundError: there is no such folder, or no image in it.
        NotADirectoryError: it is a file.
    """
    if not root.exists():
        raise FileNotFoundError(
            f"no folder {root}: a data set is a registered name or an existing folder of images"
        )
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; a data set is a folder of images")
    paths = list_images(root)
    if not paths:
        raise FileNotFoundError(f"no images in {root}: looked there and below for {', '.join(IMAGE_ENDINGS)}")
    if len(paths) >= 10:
        places = {"train": range(8), "val": range(8, 9), "test": range(9, 10)}[split]
        paths = [path for position, path in enumerate(paths) if position % 10 in places]
    return files_source(paths, root, size)


def missing(name: str, looked_for: Sequence[Path], get: str, put: str) -> FileNotFoundError:
    """The error for a data set that is not there: what to get, from whom, and where to put it."""
    paths = " or ".join(str(path) for path in looked_for)
    return FileNotFoundError(
        f"data set {name!r} is not there: looked for {paths}. Download {get}, put it at <data root>/{put}; "
        "the data root is data_root=..., else the environment variable PAINT_GYM_DATA, else the user cache."
    )
