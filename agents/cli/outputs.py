"""Files that a command writes: named by patterns, and never an input."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from agents.cli.batch import STREAM, PhotoFiles
from agents.cli.pictures import stem_of
from agents.painting.photo import Photo
from paint_gym.painting import check_ending
from paint_gym.utils.errors import check_one_of
from paint_gym.utils.files import check_writable

NAME, STROKES = "{name}", "{strokes}"  # in the name of an output: name of the photo, number of strokes


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


def check_distinct(items: Sequence[PhotoFiles]) -> None:
    """Refuse one file for two paintings."""
    makers: dict[Path, list[str]] = {}
    for item in items:
        for _, files in item.budgets:
            for file in files:
                makers.setdefault(file, []).append(str(item.photo))
    for file, names in makers.items():
        if len(names) > 1:
            raise ValueError(
                f"pictures of the same name would overwrite each other: {file} (of {' and '.join(names)}); "
                "paint them with separate commands, into different folders"
            )


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path], overwrite: bool) -> None:
    """Refuse outputs that cannot be written, that are inputs, or, without `overwrite`, that exist."""
    identities = {_identity(file) for file in inputs if os.path.isfile(file)}
    for output in outputs:
        if output == STREAM:
            continue
        real = Path(os.path.realpath(output))  # also through folders that do not exist yet
        if real.exists():
            if _identity(real) in identities:
                raise ValueError(f"{output} is an input; choose another file")
            if not overwrite:
                raise ValueError(f"{output} is there already; --overwrite writes over it")
        check_writable(output)


def check_outside(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Refuse files in folders that are painted: the next command would paint the paintings."""
    folders = {path.resolve() for path in inputs if path.is_dir()}
    for place in {output.parent for output in outputs}:
        resolved = place.resolve()
        for folder in folders & {resolved, *resolved.parents}:
            raise ValueError(
                f"{place} is in {folder}, which is painted: started again, the command, or another shard, "
                "would paint the paintings; choose a folder outside"
            )


def _identity(file: Path) -> tuple[int, int]:
    """Device and number of a file, the same for all its names and links."""
    status = file.stat()
    return status.st_dev, status.st_ino
