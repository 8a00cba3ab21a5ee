"""The `celeba` data set: aligned faces of CelebA, from the publisher's folder or straight from its zip."""

from __future__ import annotations

import logging
import os
import zipfile
import zlib
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from paint_gym.datasets.images import read_image, square
from paint_gym.datasets.sources import Pictures, Source, file_identity, files_source, missing

logger = logging.getLogger(__name__)

_PARTITION = "list_eval_partition.txt"
_FOLDER = "img_align_celeba/"  # in the zip
_NUMBERS = {"train": "0", "val": "1", "test": "2"}
_GET = (
    f"img_align_celeba.zip and {_PARTITION} (CelebA, Z. Liu et al.; Align&Cropped Images, and Eval, which is "
    "the official split) from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
)


def celeba_source(split: str, size: int, data_root: Path) -> Source:
    """Aligned faces by the official split; the centred 178 x 178 of the 178 x 218 pictures, resized.

    Reads `celeba/list_eval_partition.txt` and `celeba/img_align_celeba/`, or `img_align_celeba_png/`, or
    `img_align_celeba.zip` where there is no such folder. Pictures of the list that are not there are left
    out: a part of CelebA is enough.
    """
    root = data_root / "celeba"
    partition, archive = root / _PARTITION, root / "img_align_celeba.zip"
    folders = [root / "img_align_celeba", root / "img_align_celeba_png"]
    folder = next((folder for folder in folders if folder.is_dir() and any(folder.iterdir())), None)
    if not partition.is_file():
        raise missing("celeba", [partition], _GET, "celeba/")
    names = _names_of_split(partition, split)
    if folder:
        if folder.name.endswith("_png"):  # the list has the names of the JPEGs
            names = [f"{name.rpartition('.')[0]}.png" for name in names]
        present = _present(names, set(os.listdir(folder)), split, folder)
        return files_source([folder / name for name in present], folder, size)
    if archive.is_file():
        files = [file_identity(file, root) for file in (archive, partition)]
        return Source(["zip", str(archive.resolve()), *files], lambda: _open_zip(archive, names, split, size))
    raise missing("celeba", [*folders, archive], _GET, "celeba/")


def _names_of_split(partition: Path, split: str) -> list[str]:
    """Read from the official list which files belong to a split."""
    names = []
    text = partition.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 2 or fields[1] not in _NUMBERS.values():
            raise ValueError(f"{partition}, line {number}: not a '<file name> 0|1|2', but {line[:80]!r}")
        if fields[1] == _NUMBERS[split]:
            names.append(fields[0])
    if not names:
        raise ValueError(f"{partition}: lists no picture of split {split!r} ({_NUMBERS[split]})")
    return names


def _open_zip(path: Path, names: list[str], split: str, size: int) -> Pictures:
    """Pictures in the zip, which is not extracted."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ValueError(f"{path}: not a zip file, or damaged or cut off: {error}") from error
    members = {name.removeprefix(_FOLDER) for name in archive.namelist() if name.startswith(_FOLDER)}
    present = _present(names, members, split, path)
    lock = Lock()  # of the file handle; only decoding runs in parallel

    def load(index: int) -> NDArray[np.uint8]:
        name = f"{path}/{_FOLDER}{present[index]}"
        try:
            with lock:
                content = archive.read(_FOLDER + present[index])
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise ValueError(f"{name}: cannot be unpacked: {error}") from error
        return square(read_image(content, name, at_least=2 * size), size)

    return Pictures(present, load)


def _present(names: list[str], members: set[str], split: str, place: Path) -> list[str]:
    """Names of a split that are there; a part of the data set is enough."""
    present = [name for name in names if name in members]
    if not present:
        raise ValueError(f"{place} has none of the {len(names)} pictures of {split!r} in {_PARTITION}")
    if absent := len(names) - len(present):
        logger.info("celeba (%s): %d pictures of the official list are not there and left out", split, absent)
    return present
