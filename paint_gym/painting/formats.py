"""File formats of a painting: one registry, which `Painting.save` and the command line read."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from paint_gym.painting import video
from paint_gym.painting.svg import Paper, writer
from paint_gym.utils.registry import Registry


@dataclass(frozen=True)
class WriteOptions:
    """Settings of a file, from `Painting.save`; each writer reads its own."""

    paper: Paper | None  # None for filled shapes
    seconds: float  # of a film


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        endings: of its files, in lower case with the dot, the usual one first.
        media_type: MIME type.
        write: writes a `Painting`, which has the size of the file, to a path.
        is_film: True if it shows the painting grow.
        max_side: longest side in pixels that the encoder takes; None without a limit.
    """

    endings: tuple[str, ...]
    media_type: str
    write: Callable[[Any, Path, WriteOptions], None]
    is_film: bool = False
    max_side: int | None = None

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise a `ValueError` if a height or width in pixels is above `max_side`."""
        if self.max_side is not None and max(size) > self.max_side:
            pixels = f"{size[1]} x {size[0]} pixels are more than {self.endings[0]} takes"
            raise ValueError(f"{pixels}: choose a size of {self.max_side} or less on the longer side")


FORMATS = Registry[Format]("ending of a painting's file")


def register_format(file_format: Format, replace: bool = False) -> None:
    """Make a format known by its endings, to `Painting.save` and the command line.

    Raises:
        ValueError: an ending is taken and `replace` is False.
    """
    for ending in file_format.endings:
        FORMATS.register(ending, file_format, replace)


def check_ending(path: str | os.PathLike[str]) -> str:
    """The ending of a file that `Painting.save` can write, in lower case.

    Raises:
        ValueError: another ending; the nearest is suggested.
    """
    ending = Path(path).suffix.lower()
    FORMATS[ending]
    return ending


def as_image(painting: Any, size: tuple[int, int]) -> Image.Image:
    """Picture of a `Painting`, with its transparency if it has any."""
    return Image.fromarray(painting.render(size) if painting.background else painting.render_rgba(size))


def _write_png(painting: Any, path: Path, options: WriteOptions) -> None:
    as_image(painting, painting.size).save(path, "PNG")


def _write_jpeg(painting: Any, path: Path, options: WriteOptions) -> None:
    # Full colour resolution: strokes have sharp coloured edges.
    Image.fromarray(painting.render()).save(path, "JPEG", quality=95, subsampling=0)


def _write_svg(painting: Any, path: Path, options: WriteOptions) -> None:
    lines = writer.lines(painting)
    if options.paper is not None:
        from paint_gym.painting.svg import plotter  # of the extra [plotter]

        lines = plotter.lines(painting, options.paper)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def _write_json(painting: Any, path: Path, options: WriteOptions) -> None:
    path.write_text(painting.to_json(), encoding="utf-8")


def _write_gif(painting: Any, path: Path, options: WriteOptions) -> None:
    every, rate = video.pace(len(painting), options.seconds)
    palette_every = max(1, math.ceil(len(painting) / video.PALETTE_SAMPLES))
    small = painting.scaled_size(min(128, max(painting.size)))
    count = math.ceil(len(painting) / every) + 1
    samples = list(painting.frames(palette_every, small))
    video.write_gif(path, painting.frames(every), count, rate, samples)


def _write_mp4(painting: Any, path: Path, options: WriteOptions) -> None:
    every, rate = video.pace(len(painting), options.seconds)
    video.write_mp4(path, painting.frames(every), rate)


for built_in in (
    Format((".png",), "image/png", _write_png),
    Format((".jpg", ".jpeg"), "image/jpeg", _write_jpeg),
    Format((".svg",), "image/svg+xml", _write_svg),
    Format((".json",), "application/json", _write_json),
    Format((".gif",), "image/gif", _write_gif, is_film=True),
    Format((".mp4",), "video/mp4", _write_mp4, is_film=True, max_side=video.MP4_SIDE),
):
    register_format(built_in)
