"""Files that a command writes: their names, from patterns, their sizes, and the shard that writes them."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.cli.pictures import STREAM, stem_of
from agents.painting.photo import Photo
from paint_gym.painting import FORMATS, MAX_SIDE, Painting, Paper, check_ending, check_size
from paint_gym.painting.video import SECONDS
from paint_gym.utils.errors import check_one_of
from paint_gym.utils.images import scaled_sides

logger = logging.getLogger(__name__)
FILM_SIDE = 1080  # pixels of the longer side of a film by default
KEEPS_ALPHA = (".png", ".svg", ".json")
NAME, STROKES = "{name}", "{strokes}"  # in the name of an output: name of the photo, number of strokes


@dataclass(frozen=True)
class PhotoFiles:
    """A photo, and the files to write: of each number of strokes one painting in several formats."""

    photo: Photo
    budgets: tuple[tuple[int, tuple[Path, ...]], ...]

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [file for _, files in self.budgets for file in files]


@dataclass(frozen=True)
class OutputOptions:
    """Options of the files that are written.

    Attributes:
        size: longer side in pixels; None for that of the photo.
        format: ending of standard output.
        seconds: longest duration of a film.
        bars: show a progress bar for each painting; False beside a bar for all of them.
    """

    size: int | None = None
    format: str = "png"
    seconds: float = SECONDS
    bars: bool = True

    def size_of(self, sides: tuple[int, int], output: Path) -> tuple[int, int]:
        """Size of a file, as the photo's height and width; a film at most `FILM_SIDE` by default."""
        ending = f".{self.format}" if output == STREAM else output.suffix.lower()
        limit = FILM_SIDE if FORMATS[ending].is_film else MAX_SIDE
        size = check_size(scaled_sides(sides, self.size or min(limit, max(sides)), max(sides)))
        FORMATS[ending].check_size(size)
        return size

    def save(self, painting: Painting, file: Path, size: tuple[int, int], paper: Paper | None) -> None:
        """Write a painting to a file, or to standard output."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"painting.{self.format}" if file == STREAM else file
            painting.save(path, size=size, paper=paper, seconds=self.seconds)
            if file == STREAM:
                sys.stdout.buffer.write(path.read_bytes())
                sys.stdout.buffer.flush()
        if painting.background is None and path.suffix.lower() not in KEEPS_ALPHA:
            logger.info("%s: transparent parts are white", file)


def output_files(
    photos: Sequence[Photo], patterns: Sequence[str], budgets: Sequence[int], ending: str
) -> list[PhotoFiles]:
    """Files to write of each photo.

    Args:
        photos: the photos to paint.
        patterns: names with {name} and {strokes} in the place of these, folders, or `STREAM`.
        budgets: numbers of strokes.
        ending: ending of files in folders, and of standard output.
    """
    files = [_pattern(pattern, len(budgets), ending) for pattern in patterns]
    if STREAM in files and max(len(photos), len(budgets), len(files)) > 1:
        raise ValueError("only one painting can be written to standard output")
    counts = ((NAME, "pictures", len(photos)), (STROKES, "paintings", len(budgets)))
    for file in files:
        if file != STREAM:
            check_ending(file)
        for mark, what, count in counts:
            if count > 1 and mark not in str(file):
                example = file.with_stem(mark if mark == NAME else f"{file.stem}-{mark}")
                raise ValueError(
                    f"{count} {what} cannot all be written to {file}; write {mark} where their names differ, "
                    f"as in {example}"
                )
    names = [[str(file).replace(STROKES, str(count)) for file in files] for count in budgets]
    items = []
    for photo in photos:
        stem = stem_of(photo)
        outputs = [tuple(Path(name.replace(NAME, stem)) for name in row) for row in names]
        items.append(PhotoFiles(photo, tuple(zip(budgets, outputs, strict=True))))
    return items


def _pattern(pattern: str, budgets: int, ending: str) -> Path:
    """A folder as a pattern of files in it; one with a dot in its name by the slash behind it."""
    for mark in re.findall(r"\{\w*\}", pattern):
        check_one_of("part of a name", mark, (NAME, STROKES))
    path = Path(pattern)
    if path == STREAM or (path.suffix and not path.is_dir() and not pattern.endswith(("/", os.sep))):
        return path
    return path / f"{NAME}{f'-{STROKES}' if budgets > 1 else ''}.{ending}"


def endings_of(patterns: Sequence[str], ending: str) -> set[str]:
    """Endings of the files to write; that of folders and of standard output is `ending`."""
    return {_pattern(pattern, 1, ending).suffix.lower() or f".{ending}" for pattern in patterns}


def shard_of(items: Sequence[PhotoFiles], shard: str) -> list[PhotoFiles]:
    """The part of the photos that a shard such as ``3/16`` has, in whatever order they are."""
    parts = re.fullmatch(r"(\d{1,7})/(\d{1,7})", shard)
    if parts is None or not 1 <= int(parts[1]) <= int(parts[2]):
        raise ValueError(f"shard is which of how many, as in 3/16, not {shard!r}")
    if int(parts[1]) > len(items):
        logger.info("nothing to paint: shard %s of %d pictures is empty", shard, len(items))
    return sorted(items, key=lambda item: str(item.photo))[int(parts[1]) - 1 :: int(parts[2])]
