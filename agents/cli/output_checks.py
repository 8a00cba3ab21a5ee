"""Checks of the files that a command writes, before the work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from agents.cli.outputs import PhotoFiles
from agents.cli.pictures import STREAM
from paint_gym.utils.files import check_writable


def check_distinct(items: Sequence[PhotoFiles]) -> None:
    """Refuse one file for two paintings."""
    makers: dict[Path, list[str]] = {}
    for item in items:
        for file in item.files:
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
