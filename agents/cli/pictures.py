"""Which pictures a command reads, and which files it writes of them."""

from __future__ import annotations

import glob
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paint_gym.datasets import picture_size, read_image
from paint_gym.datasets.sources import is_special, list_images
from paint_gym.painting import check_ending
from paint_gym.utils.errors import named_file
from paint_gym.utils.files import check_writable, read_capped

logger = logging.getLogger(__name__)
NAME, STROKES = "{name}", "{strokes}"  # in the name of an output: the picture's own, and how many
STREAM = Path("-")  # standard input or output
MAX_BYTES = 500_000_000  # of standard input, or of a file that is sent
MAX_LIST = 50_000_000  # bytes of a list of files
NAMED = 5  # files in an error


@dataclass(frozen=True)
class Picture:
    """A picture to be painted.

    Attributes:
        path: where it is, or `STREAM`.
        content: what came by standard input, or is sent.
    """

    path: Path
    content: bytes = field(default=b"", repr=False)

    def __str__(self) -> str:
        return "standard input" if self.path == STREAM else str(self.path)

    @property
    def stem(self) -> str:
        """Its name without folder and ending."""
        return "picture" if self.path == STREAM else self.path.stem

    def with_content(self) -> Picture:
        """The same, for a machine that does not see the file; as it is if that cannot be read."""
        if self.content:
            return self
        try:
            return replace(self, content=read_capped(self.path, MAX_BYTES))
        except (ValueError, OSError):
            return self

    def size(self) -> tuple[int, int]:
        """Height and width, from its header."""
        return picture_size(self.content or self.path, str(self))

    def read(self, at_least: int, behind: int = 255) -> NDArray[np.uint8]:
        """``(H, W, 3)``, reduced as long as both sides keep so many pixels; `behind` it is a grey."""
        return read_image(self.content or self.path, str(self), at_least=at_least, behind=behind)


def find_pictures(given: Sequence[Path]) -> list[Picture]:
    """Files as they are, folders and patterns as the pictures in them, ``@list.txt`` as the files it names.

    What is named twice is found once.

    Raises:
        ValueError: none there, or a list that names none.
        OSError: a list that cannot be read.
    """
    found = [picture for path in given for picture in _found(path)]
    if not found:
        raise ValueError("no picture to paint; name at least one file")
    once = list({os.path.abspath(picture.path): picture for picture in reversed(found)}.values())[::-1]
    if len(once) < len(found):
        logger.info("%d pictures are named more than once, and painted once", len(found) - len(once))
    return once


def _found(path: Path) -> list[Picture]:
    text = str(path)
    if path == STREAM:
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"standard input has more than {MAX_BYTES:,} bytes")
        if not content:
            raise ValueError("standard input is empty")
        return [Picture(path, content)]
    if path.is_dir():
        inside = list_images(path)
    elif not path.exists() and text.startswith("@"):
        file = Path(text[1:])
        with named_file(file):
            lines = read_capped(file, MAX_LIST).decode("utf-8-sig").splitlines()
        inside = [Path(line) for line in lines if line.strip()]
    elif not path.exists() and any(mark in text for mark in "*?["):
        inside = sorted(Path(name) for name in glob.glob(text) if not is_special(Path(name)))
    else:
        if is_special(path):
            raise ValueError(f"{path} is a pipe or a device, not a file; use - for standard input")
        return [Picture(path)]
    if not inside:
        raise ValueError(f"no pictures in {path}")
    return [Picture(one) for one in inside]


def output_files(
    pictures: Sequence[Picture], patterns: Sequence[Path], budgets: Sequence[int], ending: str
) -> list[list[list[Path]]]:
    """The files of each picture and each number of strokes.

    Args:
        pictures: what is painted.
        patterns: names with {name} and {strokes} where these go, folders, or `STREAM`.
        budgets: numbers of strokes.
        ending: of files in folders, and of what goes to standard output.

    Raises:
        ValueError: a name without what would tell its files apart, an unknown ending, or several paintings
            for standard output.
    """
    files = [_pattern(pattern, len(budgets), ending) for pattern in patterns]
    several = len(pictures) > 1, len(budgets) > 1
    for file in files:
        if file == STREAM:
            if any(several) or len(files) > 1:
                raise ValueError("only one painting can be written to standard output")
            continue
        check_ending(file)
        for many, mark, what in zip(several, (NAME, STROKES), ("pictures", "paintings"), strict=True):
            if many and mark not in str(file):
                count = len(pictures) if mark == NAME else len(budgets)
                example = file.with_stem(f"{file.stem}-{mark}") if mark == STROKES else file.with_stem(mark)
                raise ValueError(
                    f"{count} {what} cannot all be written to {file}; write {mark} where their "
                    f"{'names' if mark == NAME else 'numbers of strokes'} go, as in {example}"
                )
    return [
        [
            [Path(str(file).replace(STROKES, str(count)).replace(NAME, picture.stem)) for file in files]
            for count in budgets
        ]
        for picture in pictures
    ]


def _pattern(pattern: Path, budgets: int, ending: str) -> Path:
    """A folder as a pattern of files in it."""
    if pattern == STREAM or (pattern.suffix and not pattern.is_dir()):
        return pattern
    return pattern / f"{NAME}{f'-{STROKES}' if budgets > 1 else ''}.{ending}"


def check_distinct(pictures: Sequence[Picture], outputs: Sequence[Sequence[Sequence[Path]]]) -> None:
    """Refuse files that are one and the same; `outputs` as `output_files` gives them."""
    makers: dict[Path, list[str]] = {}
    for picture, budgets in zip(pictures, outputs, strict=True):
        for file in (file for files in budgets for file in files):
            makers.setdefault(file, []).append(str(picture))
    twice = [f"{file} (of {' and '.join(names)})" for file, names in makers.items() if len(names) > 1]
    if twice:
        more = f", and {len(twice) - NAMED} more" if len(twice) > NAMED else ""
        raise ValueError(
            f"pictures of the same name would overwrite each other: {', '.join(twice[:NAMED])}{more}; paint "
            "them by commands of their own, into other folders"
        )


def check_outputs(outputs: Sequence[Path], kept: Sequence[Path], overwrite: bool) -> None:
    """Refuse files that cannot be written, that are there, or that are to be kept.

    Args:
        outputs: what will be written.
        kept: what must not be written over, even so.
        overwrite: whether others may be.
    """
    inputs = {_identity(file) for file in kept if os.path.isfile(file)}
    for output in outputs:
        if output == STREAM:
            continue
        if output.exists():
            if _identity(output) in inputs:
                raise ValueError(f"{output} is a picture to be painted, or its mask; choose another file")
            if not overwrite:
                raise ValueError(f"{output} is there already; --overwrite writes over it")
        check_writable(output)


def check_outside(given: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Refuse files in folders that are painted: the next to look there would paint the paintings."""
    folders = [os.path.realpath(path) for path in given if path.is_dir()]
    for place in {output.parent for output in outputs}:
        parents = {os.path.realpath(place), *map(str, Path(os.path.realpath(place)).parents)}
        for folder in folders:
            if folder in parents:
                raise ValueError(
                    f"{place} is in {folder}, which is painted: started again, the command, or another "
                    "shard, would paint the paintings; choose a folder outside"
                )


def _identity(file: Path) -> tuple[int, int]:
    """The same for all names of a file, links too."""
    status = file.stat()
    return status.st_dev, status.st_ino
