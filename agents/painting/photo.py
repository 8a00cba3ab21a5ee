"""From a photo to a painting: read, fit to a canvas, find faces, choose a palette, paint, refine, score."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from agents.checkpoint import load
from agents.painting.options import CANVAS, QUALITIES, Background, OnL2, OnStrokes, PaintOptions
from agents.painting.paint import fit_to_canvas, paint
from agents.painting.palette import choose_palette
from agents.painting.policy import PaintingPolicy
from agents.painting.refinement import layers_of, needs_pruning, prune, refine
from agents.painting.saliency import face_weight, mask_weight
from paint_gym.datasets.images import MAX_PIXELS, picture_size, read_image
from paint_gym.metrics import mean_squared_error
from paint_gym.painting import MAX_SIDE, Painting, Paper
from paint_gym.renderers import Renderer, make_renderer
from paint_gym.strokes import MAX_RADIUS, MIN_RADIUS
from paint_gym.utils.device import float32_default
from paint_gym.utils.errors import as_int, check_one_of, named_file
from paint_gym.utils.images import scaled_sides

logger = logging.getLogger(__name__)
NORMAL = QUALITIES["normal"]
CLEAR = 0.99  # least opacity of a picture without transparent parts


@dataclass(frozen=True)
class Photo:
    """A photo to be painted: a file, its bytes, or an array ``(H, W, 3)`` uint8; `name` is for messages."""

    source: Path | bytes | NDArray[np.uint8] = field(repr=False)
    name: str = ""
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        array = self.source
        if isinstance(array, np.ndarray) and (array.dtype != np.uint8 or array.shape[2:] != (3,)):
            raise ValueError(f"a photo is an array (H, W, 3) of uint8, not {array.shape} of {array.dtype}")

    def __str__(self) -> str:
        return self.name or (str(self.source) if isinstance(self.source, Path) else "the picture")

    def size(self) -> tuple[int, int]:
        """Height and width, from the header of the file."""
        if isinstance(self.source, np.ndarray):
            return self.source.shape[0], self.source.shape[1]
        return picture_size(self.source, str(self))

    def has_alpha(self) -> bool:
        """True if it can have transparent parts, by the header of the file."""
        if isinstance(self.source, np.ndarray):
            return False
        file = io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source
        with contextlib.suppress(OSError, SyntaxError), Image.open(file) as image:
            return image.has_transparency_data
        return True

    def read(self, at_least: int, behind: int = 255) -> NDArray[np.uint8]:
        """Pixels ``(H, W, 3)``: `at_least` a side if the file has as many, on the grey level `behind`."""
        if isinstance(self.source, np.ndarray):
            return self.source
        limit = self.max_pixels
        return read_image(self.source, str(self), max_pixels=limit, at_least=at_least, behind=behind)


@dataclass(frozen=True)
class PaintJob:
    """A photo that is ready to be painted.

    `target` is the photo at the size of the canvas, ``(1, 3, H, W)`` in [0, 1].
    """

    photo_size: tuple[int, int]
    target: Tensor
    options: PaintOptions


@dataclass(frozen=True)
class PhotoPainter:
    """Settings that paint any number of photos.

    Attributes:
        policy: the painter; it paints with the analytic renderer, whichever it learned with.
        iterations: iterations of refinement; 0 for none.
        until: l2 on the canvas at which refinement ends.
        colour_steps: see `PaintOptions`.
        canvas: shorter side in pixels of the canvas; above 256 at most that of the photo.
        background: see `PaintOptions`; "photo" is black, or a transparent layer for a photo with
            transparent parts.
        palette: colours ``(K, 3)``, or the number of colours to choose from each photo; None for any.
        detail: "auto" looks for faces, where errors count more, and "faces" also warns if there are none; or
            a mask, which is white where errors count more; None for equal weights.
        init: a painting to go on with.
        canvas_image: a photo of the canvas before the first stroke.
        paper: paper of a plotter, whose thinnest pen limits the radii of strokes.
    """

    policy: PaintingPolicy
    iterations: int = NORMAL.refine
    until: float = 0.0
    colour_steps: int = 0
    canvas: int = CANVAS
    background: Background | Literal["photo"] = "photo"
    palette: int | Tensor | None = None
    detail: Photo | Literal["auto", "faces"] | None = "auto"
    init: Painting | None = None
    canvas_image: Photo | None = None
    paper: Paper | None = None

    def __post_init__(self) -> None:
        as_int("canvas", self.canvas, 1, MAX_SIDE)
        learned_with = self.policy.renderer
        if learned_with.name != "analytic":  # the neural renderer has one size only
            renderer = make_renderer("analytic", learned_with.design, learned_with.opacity)
            object.__setattr__(self, "policy", replace(self.policy, renderer=renderer))

    @float32_default()
    def prepare(self, photo: Photo) -> PaintJob:
        """Read a photo, no larger than needed, and choose the options of its paintings.

        Raises:
            ValueError: no picture, too long, or the canvas image has another aspect; names the file.
            OSError: the file cannot be read.
        """
        photo_size = photo.size()
        side = min(self.canvas, max(CANVAS, min(photo_size)))
        pixels = photo.read(2 * side)
        target = _fit(photo, pixels, side)
        size = (target.shape[2], target.shape[3])
        alpha = canvas_image = None
        background = self.background if self.init is None else self.init.background
        if background == "photo":
            background = None if photo.has_alpha() else (0.0, 0.0, 0.0)
        if background is None and self.canvas_image is None:
            on_black = _fit(photo, photo.read(2 * side, behind=0), side)
            alpha = (1 - (target - on_black).mean(1)).clamp(0, 1)[0]
            if self.init is None and self.background == "photo" and alpha.min() > CLEAR:
                background, alpha = (0.0, 0.0, 0.0), None
        if self.canvas_image is not None:
            canvas_image = _fit(self.canvas_image, self.canvas_image.read(2 * side), side)
            if canvas_image.shape != target.shape:
                raise ValueError(f"{self.canvas_image} has another aspect than the picture")
        options = PaintOptions(
            background=background,
            palette=choose_palette(target, self.palette) if isinstance(self.palette, int) else self.palette,
            radii=None if self.paper is None else _pen_radii(self.paper, self.policy.renderer, size),
            weight=self._weight(photo, pixels, size),
            init=None if self.init is None else [self.init],
            canvas_image=canvas_image,
            alpha=alpha,
            until=self.until,
            colour_steps=self.colour_steps,
        )
        return PaintJob(photo_size, target, options)

    def paint(
        self, job: PaintJob, strokes: int, on_bundle: OnL2 = None, on_strokes: OnStrokes = None
    ) -> Painting:
        """Paint a photo with the policy alone; see `agents.paint`."""
        (painting,) = paint(self.policy, job.target, strokes, job.options, on_bundle, on_strokes)
        return painting

    @float32_default()
    def refine(
        self,
        jobs: Sequence[PaintJob],
        paintings: Sequence[Painting],
        on_iteration: OnL2 = None,
        on_strokes: OnStrokes = None,
    ) -> list[Painting]:
        """Refine paintings of one number of strokes together; see `agents.refine`.

        The photos have one size, and all a weight or none. Where paint is opaque, colours are few or parts
        transparent, strokes that do not help are removed.
        """
        targets = torch.cat([job.target for job in jobs])
        weight = _stack([job.options.weight for job in jobs])
        alpha = _stack([job.options.alpha for job in jobs])
        options = replace(jobs[0].options, weight=weight, alpha=alpha)
        calls = (on_iteration, on_strokes, self.policy.device)
        refined = refine(list(paintings), targets, self.iterations, options, *calls)
        if self.init is not None and not self.iterations:
            return refined  # its strokes stay
        return [
            prune(painting, job.target, job.options) if needs_pruning(painting, job.options) else painting
            for painting, job in zip(refined, jobs, strict=True)
        ]

    @float32_default()
    def l2(self, job: PaintJob, painting: Painting) -> float:
        """Mean squared error of a painting on its canvas, by the analytic renderer."""
        renderer, strokes = make_renderer("analytic", painting.design, painting.opacity), painting.strokes
        errors = [
            mean_squared_error(renderer.paint(canvas, torch.tensor(strokes)[None]), target)
            for canvas, target in layers_of([painting], job.target, job.options)
        ]
        return torch.cat(errors).mean().item()

    def _weight(self, photo: Photo, pixels: NDArray[np.uint8], size: tuple[int, int]) -> Tensor | None:
        """Weight of each pixel's error, ``(H, W)``; None for equal weights."""
        if self.detail is None:
            return None
        if isinstance(self.detail, Photo):
            with named_file(self.detail):
                return mask_weight(self.detail.read(min(size), behind=0), size)
        weight = face_weight(pixels, size)
        if weight is None and self.detail == "faces":
            logger.warning("%s: no face is seen, all of it counts the same", photo)
        return weight


def paint_photo(
    photo: str | Path | NDArray[np.uint8],
    strokes: int | None = None,
    refine: int | None = None,
    policy: PaintingPolicy | str = "pretrained",
    quality: str = "normal",
    **options: Any,
) -> Painting:
    """Paint a photo, as ``paint-gym paint`` does.

    Args:
        photo: a file, or an array ``(H, W, 3)`` uint8.
        strokes: number of strokes at most; None for that of the quality.
        refine: iterations of refinement; None for those of the quality.
        policy: the painter, or a name or file for `agents.load`.
        quality: "draft", "normal" or "fine"; see `QUALITIES`.
        options: further attributes of `PhotoPainter`, such as ``palette=8`` or ``detail="faces"``; masks and
            canvas images are files or arrays, too.

    Returns:
        The painting, at the size of the photo.

    Raises:
        ValueError: not a picture, or a wrong option; says which.
        OSError: the file cannot be read.
    """
    for name in ("detail", "canvas_image"):
        value = options.get(name)
        if isinstance(value, str | Path | np.ndarray) and str(value) not in ("auto", "faces"):
            options[name] = _as_photo(value)
    check_one_of("quality", quality, QUALITIES)
    numbers = QUALITIES[quality]
    options = {"canvas": numbers.canvas, "colour_steps": numbers.colour_steps} | options
    iterations = numbers.refine if refine is None else refine
    painter = PhotoPainter(load(policy) if isinstance(policy, str) else policy, iterations, **options)
    job = painter.prepare(_as_photo(photo))
    drafts = [painter.paint(job, numbers.strokes if strokes is None else strokes)]
    (painting,) = painter.refine([job], drafts)
    longer = max(job.photo_size)
    size = scaled_sides(job.photo_size, min(MAX_SIDE, longer), longer)
    return Painting(painting.strokes, painting.design, size, painting.background, painting.opacity)


def _as_photo(photo: str | Path | NDArray[np.uint8]) -> Photo:
    return Photo(photo if isinstance(photo, np.ndarray) else Path(photo))


def _stack(tensors: Sequence[Tensor | None]) -> Tensor | None:
    present = [tensor for tensor in tensors if tensor is not None]
    return torch.stack(present) if present else None


def _fit(photo: Photo, pixels: NDArray[np.uint8], side: int) -> Tensor:
    """Target ``(1, 3, H, W)`` of a photo; errors name it."""
    with named_file(photo):
        return fit_to_canvas(torch.tensor(pixels), side)


def _pen_radii(paper: Paper, renderer: Renderer, size: tuple[int, int]) -> tuple[float, float] | None:
    """Radii of strokes that the pens can draw, for designs of lines."""
    design = renderer.design
    nodes = design.nodes(torch.zeros(1, design.dim), 1).shape[-2]
    if design.primitive == "polygon" or nodes == 1:
        return None
    return min(max(paper.min_radius(size), MIN_RADIUS), MAX_RADIUS), MAX_RADIUS
