"""A painting: strokes in order on a background, without a resolution.

>>> painting = Painting([[0.5, 0.5, 0.4, 1.0, 0.9, 0.2, 0.1]], stroke="circle", size=64)
>>> painting.render(256).shape
(256, 256, 3)
>>> len(painting), len(painting[:0])
(1, 0)
"""

from __future__ import annotations

import io
import os
import reprlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from paint_gym.painting import json_format
from paint_gym.painting.formats import FORMATS, WriteOptions, as_image, check_ending
from paint_gym.painting.svg import Paper
from paint_gym.painting.video import SECONDS
from paint_gym.renderers import Renderer, Size, make_renderer
from paint_gym.strokes import COLOUR, StrokeDesign, check_opacity, get_stroke
from paint_gym.utils.errors import as_int
from paint_gym.utils.files import read_capped, replace_when_done
from paint_gym.utils.images import scaled_sides, to_frames

MAX_SIDE = 32_768  # pixels
MAX_AREA = 2**27  # pixels, as 16,384 x 8,192
BAND = 2**21  # pixels that are painted at once, as floats
NOTEBOOK_SIDE = 512  # pixels of the longer side in a notebook
CHUNK = 1024  # strokes whose nodes are in memory at once


@dataclass(frozen=True, init=False, eq=False)
class Painting:
    """Strokes in order on a background of one colour or a transparent one; immutable, equal by value.

    Args:
        strokes: ``(K, stroke_dim)`` in [0, 1], of any float type, on any device; kept as read-only float32.
        stroke: a design or the name of one, kept as `design`.
        size: a side, or (height, width), in pixels; kept as (height, width).
        background: R, G, B in [0, 1]; None for a transparent layer.
        opacity: range ``(low, high)`` in [0, 1] that alphas are mapped to.

    Raises:
        ValueError: an argument has the wrong length, is out of range or not finite; says which.
    """

    strokes: np.ndarray
    design: StrokeDesign
    size: tuple[int, int]
    background: tuple[float, float, float] | None
    opacity: tuple[float, float]

    def __init__(
        self,
        strokes: ArrayLike | Tensor,
        stroke: str | StrokeDesign = "bezier",
        size: Size = 128,
        background: Sequence[float] | None = (0, 0, 0),
        opacity: Sequence[float] = (0, 1),
    ) -> None:
        design = get_stroke(stroke)
        object.__setattr__(self, "strokes", _check_strokes(strokes, design))
        object.__setattr__(self, "design", design)
        object.__setattr__(self, "size", check_size(size))
        object.__setattr__(self, "background", None if background is None else check_colour(background))
        object.__setattr__(self, "opacity", check_opacity(opacity))

    @property
    def stroke(self) -> str:
        """Name of the stroke design."""
        return self.design.name

    @property
    def backdrop(self) -> tuple[float, float, float]:
        """Colour behind the strokes: the background, or white."""
        return self.background or (1.0, 1.0, 1.0)

    def __len__(self) -> int:
        return len(self.strokes)

    def __getitem__(self, strokes: slice) -> Painting:
        """A part of the strokes: ``painting[:50]`` is the painting after 50."""
        if not isinstance(strokes, slice):
            raise TypeError("painting[:50] is a painting of 50 strokes; one stroke is painting.strokes[i]")
        return Painting(self.strokes[strokes], self.design, self.size, self.background, self.opacity)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """An array of one object: numpy would otherwise read the painting as a sequence."""
        array = np.empty((), dtype=object)
        array[()] = self
        return array

    def __eq__(self, painting: object) -> bool:
        if not isinstance(painting, Painting):
            return NotImplemented
        names = ("design", "size", "background", "opacity")
        equal = all(getattr(self, name) == getattr(painting, name) for name in names)
        return equal and np.array_equal(self.strokes, painting.strokes)

    def __repr__(self) -> str:
        height, width = self.size
        return f"Painting({len(self)} {self.stroke} strokes, {height} x {width})"

    def scaled_size(self, size: Size | None = None) -> tuple[int, int]:
        """(height, width) in pixels for a requested size.

        Args:
            size: None for the painting's own; an int for the longer side, in its aspect; or (height, width).

        Raises:
            ValueError: a side below 1 or above `MAX_SIDE`, or an area above `MAX_AREA`.
        """
        if size is None:
            return self.size
        if isinstance(size, int | np.integer):
            size = scaled_sides(self.size, as_int("size", size, 1, MAX_SIDE), max(self.size))
        return check_size(size)

    def render(self, size: Size | None = None, renderer: str = "analytic") -> np.ndarray:
        """The finished painting, ``(H, W, 3)`` uint8; a transparent background is white.

        Args:
            size: see `scaled_size`.
            renderer: the name of a renderer.
        """
        return self._render(self.scaled_size(size), renderer, self.backdrop)

    def render_rgba(self, size: Size | None = None) -> np.ndarray:
        """The finished painting as a layer, ``(H, W, 4)`` uint8, alpha last, not multiplied.

        Args:
            size: see `scaled_size`.
        """
        scaled = self.scaled_size(size)
        if self.background is not None:
            return np.dstack([self.render(scaled), np.full(scaled, 255, np.uint8)])
        on_black = self._render(scaled, "analytic", (0.0, 0.0, 0.0)).astype(np.float32)
        on_white = self._render(scaled, "analytic", (1.0, 1.0, 1.0)).astype(np.float32)
        alpha = 1 - (on_white - on_black).mean(2, keepdims=True).clip(0, 255) / 255
        colour = (on_black / np.maximum(alpha, 1 / 255)).clip(0, 255)
        return np.concatenate([colour, 255 * alpha], 2).round().astype(np.uint8)

    def _render(self, size: tuple[int, int], renderer: str, backdrop: tuple[float, ...]) -> np.ndarray:
        height, width = size
        painter = make_renderer(renderer, self.design, self.opacity)
        rows = max(1, BAND // width)
        picture = np.empty((height, width, 3), np.uint8)
        for top in range(0, height, rows):
            band = _blank(backdrop, min(rows, height - top), width)
            picture[top : top + rows] = to_frames(_paint(painter, band, self.strokes, top, height))[0]
        return picture

    def frames(self, every: int = 1, size: Size | None = None) -> Iterator[np.ndarray]:
        """The canvas over time, ``(H, W, 3)`` uint8: blank, after every `every` strokes, and at the end.

        Each stroke is painted once, so all frames cost little more than the last one.

        Args:
            every: strokes from one frame to the next, at least 1.
            size: see `scaled_size`.
        """
        if every < 1:
            raise ValueError(f"every must be at least 1 stroke, not {every}")
        return self._frames(every, self.scaled_size(size))

    def _frames(self, every: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
        painter = make_renderer("analytic", self.design, self.opacity)
        canvas = _blank(self.backdrop, *size)
        yield to_frames(canvas)[0]
        for first in range(0, len(self), every):
            canvas = _paint(painter, canvas, self.strokes[first : first + every], 0, size[0])
            yield to_frames(canvas)[0]

    def nodes(self, segments: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Nodes ``(M, 4)`` float64, as of `StrokeDesign.nodes`, and colour ``(3,)`` of each stroke in order.

        Args:
            segments: straight segments per curve.
        """
        for first in range(0, len(self), CHUNK):
            strokes = self.strokes[first : first + CHUNK]
            nodes = self.design.nodes(torch.tensor(strokes).double(), segments, self.opacity).numpy()
            yield from zip(nodes, strokes[:, -len(COLOUR) :], strict=True)

    def save(
        self,
        path: str | os.PathLike[str],
        size: Size | None = None,
        *,
        paper: Paper | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """Write a picture, a vector drawing, the strokes or a film, by the ending of the file.

        The file is written whole or not at all; missing folders are made.

        Args:
            path: ends in .png, .jpg, .jpeg, .svg, .json, .gif, .mp4 or a registered ending.
            size: see `scaled_size`. In a .json it becomes the size of the painting.
            paper: paper of a pen plotter, for an .svg of lines in mm.
            seconds: longest time in which a film shows the painting grow.

        Raises:
            ValueError: another ending, a size that the format cannot have, or no time.
            OSError: the folder cannot be made or written.
        """
        ending = check_ending(path)
        scaled = Painting(self.strokes, self.design, self.scaled_size(size), self.background, self.opacity)
        FORMATS[ending].check_size(scaled.size)
        if not seconds > 0:
            raise ValueError(f"seconds must be above 0, not {seconds}")
        with replace_when_done(path) as temporary:
            FORMATS[ending].write(scaled, temporary, WriteOptions(paper, seconds))

    def _repr_png_(self) -> bytes:
        """PNG for a notebook, at `NOTEBOOK_SIDE` pixels or less."""
        content = io.BytesIO()
        as_image(self, self.scaled_size(min(NOTEBOOK_SIDE, max(self.size)))).save(content, "PNG")
        return content.getvalue()

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Painting:
        """Read a .json of `save`, exactly.

        Raises:
            ValueError: the file is no painting; the message names the file and says what is wrong.
            OSError: the file cannot be read.
        """
        try:
            return Painting.from_json(read_capped(Path(path), json_format.MAX_JSON_BYTES))
        except ValueError as error:
            raise ValueError(f"{path} is not a painting: {error}") from None

    @staticmethod
    def from_json(data: bytes) -> Painting:
        """Read the JSON of `to_json`, which may come from a stranger.

        Raises:
            ValueError: it is no painting; the message says what is wrong.
        """
        return Painting(**json_format.loads(data))

    def to_json(self) -> str:
        """The content of a .json file."""
        return json_format.dumps(self)


def check_colour(colour: Any) -> tuple[float, float, float]:
    """R, G, B in [0, 1] as floats.

    Raises:
        ValueError: not three numbers in [0, 1].
    """
    try:
        numbers = tuple(float(value) for value in colour)
    except (TypeError, ValueError, OverflowError):
        numbers = ()
    if len(numbers) != 3 or not all(0 <= number <= 1 for number in numbers):  # NaN fails, too
        raise ValueError(f"background must be 3 numbers in [0, 1], not {reprlib.repr(colour)}")
    red, green, blue = numbers
    return red, green, blue


def check_size(size: Size) -> tuple[int, int]:
    """A side, or (height, width), as (height, width).

    Raises:
        ValueError: not one or two whole numbers from 1 to `MAX_SIDE`, or an area of more than `MAX_AREA`.
    """
    sides = (size, size) if isinstance(size, int | np.integer) else tuple(size) if np.iterable(size) else ()
    whole = all(isinstance(side, int | np.integer) and 1 <= side <= MAX_SIDE for side in sides)
    if len(sides) != 2 or not whole:
        limits = f"each from 1 to {MAX_SIDE} pixels"
        raise ValueError(f"size must be a side or (height, width), {limits}, not {reprlib.repr(size)}")
    height, width = int(sides[0]), int(sides[1])
    if height * width > MAX_AREA:
        raise ValueError(f"{height} x {width} pixels are more than {MAX_AREA:,}; choose a smaller size")
    return height, width


def _check_strokes(strokes: ArrayLike | Tensor, design: StrokeDesign) -> np.ndarray:
    if isinstance(strokes, Tensor):
        strokes = strokes.detach().double().cpu().numpy()
    try:
        values = np.asarray(strokes, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{design.name} strokes must be numbers, (K, {design.dim})") from None
    if values.shape == (0,):  # an empty list
        values = values.reshape(0, design.dim)
    if values.ndim != 2 or values.shape[1] != design.dim:
        raise ValueError(f"{design.name} strokes must be (K, {design.dim}), not {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("strokes hold NaN or inf; every number must be in [0, 1]")
    outside = np.argwhere((values < 0) | (values > 1))
    if len(outside):
        row, column = outside[0]
        value = values[row, column]
        raise ValueError(f"every number of a stroke must be in [0, 1]; stroke {row} has {value}")
    copy = values.astype(np.float32)
    copy.setflags(write=False)
    return copy


def _blank(colour: tuple[float, ...], height: int, width: int) -> Tensor:
    return torch.tensor(colour).view(1, 3, 1, 1).repeat(1, 1, height, width)


@torch.no_grad()
def _paint(renderer: Renderer, band: Tensor, strokes: np.ndarray, top: int, height: int) -> Tensor:
    """Rows ``(1, 3, h, W)`` of a canvas, from `top` on, after strokes ``(K, stroke_dim)``."""
    for first in range(0, len(strokes), CHUNK):
        chunk = torch.tensor(strokes[None, first : first + CHUNK])
        if band.shape[2] == height:
            band = renderer.paint(band, chunk)
        else:
            size = (height, band.shape[3])
            band = renderer.paint_part(band, chunk, torch.tensor([top]), torch.tensor([0]), size)
    return band
