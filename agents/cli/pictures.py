"""Photos that a command paints: files, folders, patterns, lists, and standard input."""

from __future__ import annotations

import glob
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from agents.painting.photo import Photo
from paint_gym.datasets.sources import is_special, list_images
from paint_gym.utils.errors import named_file

logger = logging.getLogger(__name__)
STREAM = Path("-")  # standard input or output


def path_of(photo: Photo) -> Path:
    """The file of a photo, or `STREAM`."""
    return photo.source if isinstance(photo.source, Path) else STREAM


def stem_of(photo: Photo) -> str:
    """Name of a photo without folder and ending."""
    return photo.source.stem if isinstance(photo.source, Path) else "picture"


def find_pictures(paths: Sequence[Path]) -> list[Photo]:
    """Files as they are, folders and patterns as the pictures in them, ``@list.txt`` as the files it names.

    A picture that is named twice is painted once.
    """
    photos = [photo for path in paths for photo in _photos_in(path)]
    if not photos:
        raise ValueError("no picture to paint; name at least one file")
    distinct = list({os.path.abspath(path_of(photo)): photo for photo in reversed(photos)}.values())[::-1]
    if len(distinct) < len(photos):
        logger.info("%d pictures are named more than once, and painted once", len(photos) - len(distinct))
    return distinct


def _photos_in(path: Path) -> list[Photo]:
    text = str(path)
    if path == STREAM:
        content = sys.stdin.buffer.read()
        if not content:
            raise ValueError("standard input is empty")
        return [Photo(content, "standard input")]
    if text.startswith(("http:/", "https:/")):
        address = text.replace(":/", "://", 1)  # a path has one slash
        raise ValueError(f"{address} is an address of the web; save the picture as a file first")
    if path.is_dir():
        images = list_images(path)
        files = [file for file in images if not re.search(r"-painted(-\d+)?$", file.stem)]
        if len(files) < len(images):
            logger.info("%s: %d earlier paintings are not painted", path, len(images) - len(files))
    elif not path.exists() and text.startswith("@"):
        file = Path(text[1:])
        with named_file(file):
            lines = file.read_text("utf-8-sig").splitlines()
        files = [Path(line) for line in lines if line.strip()]
    elif not path.exists() and any(mark in text for mark in "*?["):
        files = sorted(Path(name) for name in glob.glob(text) if not is_special(Path(name)))
    else:
        if is_special(path):
            raise ValueError(f"{path} is a pipe or a device, not a file; use - for standard input")
        return [Photo(path)]
    if not files:
        raise ValueError(f"no pictures in {path}")
    return [Photo(file) for file in files]
