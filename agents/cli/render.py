"""``paint-gym render``: paintings from their strokes, at any size, as pictures, drawings or films."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import tyro

from agents.cli.output_checks import check_distinct, check_outputs
from agents.cli.outputs import OutputOptions, endings_of, output_files
from agents.cli.paint_flags import Files
from agents.cli.pictures import find_pictures, path_of
from agents.cli.plotter import paper_of
from agents.painting.photo import Photo
from paint_gym.painting import Painting

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Render(Files):
    """Draw paintings again, from their strokes, at any size."""

    paintings: tyro.conf.Positional[tuple[Path, ...]]
    """Paintings (.json), or "-" for standard input."""


def render(command: Render) -> None:
    """Read and write; options that cannot work are refused before the work."""
    sources = find_pictures(command.paintings)
    patterns = command.output or (f"{{name}}.{command.format}",)
    output = OutputOptions(command.size, command.format, command.seconds)
    paper = paper_of(command.plotter, endings_of(patterns, command.format))
    paintings = [_load(source) for source in sources]
    items = [
        item
        for source, painting in zip(sources, paintings, strict=True)
        for item in output_files([source], patterns, command.strokes or (len(painting),), command.format)
    ]
    check_distinct(items)
    files = [file for item in items for file in item.files]
    check_outputs(files, [path_of(source) for source in sources], command.overwrite)
    writes = [
        (painting[:strokes], file, output.size_of(painting.size, file))
        for item, painting in zip(items, paintings, strict=True)
        for strokes, budget_files in item.budgets
        for file in budget_files
    ]
    for item, painting in zip(items, paintings, strict=True):
        if paper is not None and painting.opacity != (1.0, 1.0):
            logger.warning("%s: pens cannot draw transparent strokes; paint with --opaque", item.photo)
    for painting, file, size in writes:
        output.save(painting, file, size, paper)
        logger.info("%s: %d strokes, %d x %d", file, len(painting), size[1], size[0])


def _load(source: Photo) -> Painting:
    """A painting from a file, or from standard input."""
    if isinstance(source.source, Path):
        return Painting.load(source.source)
    return Painting.from_json(bytes(source.source))
