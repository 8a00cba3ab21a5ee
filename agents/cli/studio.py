"""What `paint` paints with, and how: a picture is looked at, painted, and refined."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from agents.cli.pictures import STREAM, Picture
from agents.common.agent import Agent
from agents.common.signals import StopSignals
from agents.painting.paint import CANVAS, fit_to_canvas, paint
from agents.painting.palette import choose_palette
from agents.painting.refinement import refine
from agents.painting.saliency import face_weight, mask_weight
from paint_gym.painting import MAX_SIDE, Painting, Paper, check_film, check_size
from paint_gym.strokes import MAX_RADIUS, MIN_RADIUS
from paint_gym.utils.errors import named_file
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)
FILMS = (".gif", ".mp4")


@dataclass(frozen=True)
class Work:
    """A picture, ``(1, 3, H, W)`` in [0, 1], and what is asked of its paintings; see `agents.paint`.

    Attributes:
        own: height and width of the picture's file.
    """

    own: tuple[int, int]
    target: Tensor
    weight: Tensor | None = None
    palette: Tensor | None = None
    radii: tuple[float, float] | None = None
    alpha: Tensor | None = None
    easel: Tensor | None = None


@dataclass(frozen=True)
class Studio:
    """All that is the same for the pictures of a command; see the options of `Paint`.

    Attributes:
        several: whether there are several pictures, and so a bar over all.
    """

    agent: Agent
    iterations: int
    until: float
    canvas: int
    background: tuple[float, ...] | Literal["auto"] | None
    palette: int | Tensor | None
    paper: Paper | None
    detail: Picture | Literal["faces"] | None
    begun: Painting | None
    easel: Picture | None
    size: int | None
    format: str
    seconds: float
    several: bool

    def with_content(self) -> Studio:
        """The same, for a machine that does not see the files."""
        mask = self.detail.with_content() if isinstance(self.detail, Picture) else self.detail
        return replace(self, detail=mask, easel=None if self.easel is None else self.easel.with_content())

    @property
    def refines_alone(self) -> bool:
        """Whether a painting is refined otherwise than it would be with others."""
        return self.until > 0 or isinstance(self.palette, int)

    def look_at(self, picture: Picture) -> Work:
        """Read a picture, no larger than is needed.

        Raises:
            ValueError: it is no picture, or too long, or the easel has another aspect; names the file.
            OSError: it cannot be read.
        """
        own = picture.size()
        side = min(self.canvas, max(CANVAS, min(own)))  # no more than there is to see
        seen = torch.tensor(picture.read(2 * side))
        target = _target(seen, picture, side)
        size = (target.shape[2], target.shape[3])
        alpha = easel = None
        if self.background is None:
            on_black = _target(torch.tensor(picture.read(2 * side, behind=0)), picture, side)
            alpha = (1 - (target - on_black).mean(1)).clamp(0, 1)[0]
        if self.easel is not None:
            easel = _target(torch.tensor(self.easel.read(2 * side)), self.easel, side)
            _check_aspect(easel, target, self.easel)
        palette = choose_palette(target, self.palette) if isinstance(self.palette, int) else self.palette
        radii = _radii(self.paper, self.agent, size) if self.paper else None
        return Work(own, target, _weight(seen, picture, size, self.detail), palette, radii, alpha, easel)

    def paint(self, work: Work, strokes: int) -> Painting:
        """What the agent paints."""
        there = 0 if self.begun is None else len(self.begun)
        total = max(0, strokes - there)
        with progress(total=total, desc="painting", unit="stroke", within=self.several) as bar:

            def on_bundle(l2: float) -> None:
                bar.update(self.agent.bundle)
                bar.set_postfix(l2=f"{l2:.4f}", refresh=False)

            (painting,) = paint(
                self.agent, work.target, strokes, on_bundle, work.weight, palette=work.palette,
                radii=work.radii, background=self.background,
                begun=None if self.begun is None else [self.begun], easel=work.easel,
            )  # fmt: skip
        return painting

    def refine(
        self, works: Sequence[Work], paintings: Sequence[Painting], signals: StopSignals
    ) -> list[Painting]:
        """Refine paintings together; a signal that comes meanwhile ends it.

        Args:
            works: of pictures of one size, all with a weight or all without.
            paintings: of one number of strokes.
            signals: what is received.
        """
        if not self.iterations:
            return list(paintings)

        def together(tensors: Sequence[Tensor | None]) -> Tensor | None:
            there = [one for one in tensors if one is not None]
            return torch.stack(there) if there else None

        bar = progress(total=self.iterations, desc="refining", unit="iteration", within=self.several)
        with signals, bar:

            def on_iteration(l2: float) -> bool:
                bar.update()
                bar.set_postfix(l2=f"{l2:.4f}", refresh=False)
                return signals.received is not None

            return refine(
                list(paintings), torch.cat([one.target for one in works]), self.iterations, self.agent.device,
                on_iteration, self.until, together([one.weight for one in works]), works[0].palette,
                works[0].radii, alpha=together([one.alpha for one in works]), easel=works[0].easel,
            )  # fmt: skip

    def output_size(self, work: Work, output: Path) -> tuple[int, int]:
        """Size of a file, in the picture's aspect: as large as that; films are as large as the canvas.

        Raises:
            ValueError: larger than such a file can be.
        """
        height, width = work.own
        longer = self.size
        ending = f".{self.format}" if output == STREAM else output.suffix.lower()
        if longer is None:
            longer = max(work.target.shape[2:]) if ending in FILMS else min(MAX_SIDE, max(height, width))
        scale = longer / max(height, width)
        size = check_size((max(1, round(height * scale)), max(1, round(width * scale))))
        if ending in FILMS:
            check_film(size, ending)
        return size

    def save(self, painting: Painting, output: Path, size: tuple[int, int]) -> None:
        """Write a painting to a file, or to standard output."""
        if output != STREAM:
            painting.save(output, size=size, paper=self.paper, seconds=self.seconds)
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"painting.{self.format}"
            painting.save(file, size=size, paper=self.paper, seconds=self.seconds)
            sys.stdout.buffer.write(file.read_bytes())
            sys.stdout.buffer.flush()


def _target(picture: Tensor, image: Picture, side: int) -> Tensor:
    try:
        return fit_to_canvas(picture, side)
    except ValueError as error:
        raise error if str(image) in str(error) else ValueError(f"{image}: {error}") from None


def _check_aspect(easel: Tensor, target: Tensor, file: Picture) -> None:
    """Refuse a photo of the easel that is not of the picture's aspect."""
    if easel.shape != target.shape:
        raise ValueError(
            f"{file} has another aspect than the picture: {easel.shape[3]} x {easel.shape[2]} and "
            f"{target.shape[3]} x {target.shape[2]} pixels, where their shorter sides are the same"
        )


def _weight(
    picture: Tensor, image: Picture, size: tuple[int, int], detail: Picture | Literal["faces"] | None
) -> Tensor | None:
    """How much the error of each pixel of a canvas counts, ``(H, W)``; None where all count the same."""
    if detail is None:
        return None
    if isinstance(detail, Picture):
        with named_file(detail):
            return mask_weight(detail.read(min(size), behind=0), size)
    weight = face_weight(picture.numpy(), size)
    if weight is None:
        logger.warning("%s: no face is seen, all of it counts the same", image)
    else:
        logger.info("%s: faces are seen, on %.0f%% of it", image, 100 * (weight > 1).float().mean().item())
    return weight


def _radii(paper: Paper, agent: Agent, size: tuple[int, int]) -> tuple[float, float] | None:
    """What the pens allow strokes that are lines, as far as strokes can be so thin."""
    design = agent.renderer.design
    nodes = design.nodes(torch.zeros(1, design.dim), 1).shape[-2]
    if design.primitive == "polygon" or nodes == 1:
        return None
    low, high = paper.radii(size)
    if high < MIN_RADIUS:
        logger.warning(
            "the thinnest strokes are %.2f mm wide on this paper, and painted so; the pens leave gaps",
            MIN_RADIUS * paper.pen[1] / high,
        )
    return min(max(low, MIN_RADIUS), MAX_RADIUS), min(max(high, MIN_RADIUS), MAX_RADIUS)
