"""What `paint` paints with, and how: a picture is looked at, painted, and refined."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from agents.cli.pictures import Picture
from agents.common.agent import Agent
from agents.common.signals import StopSignals
from agents.detail import face_weight, mask_weight
from agents.painter import CANVAS, fit_to_canvas, paint
from agents.palette import choose_palette
from agents.refinement import refine
from paint_gym.datasets import read_image
from paint_gym.painting import Painting, Paper
from paint_gym.strokes import MAX_RADIUS, MIN_RADIUS
from paint_gym.utils.errors import named_file
from paint_gym.utils.progress import progress

logger = logging.getLogger(__name__)


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
    """All that is the same for the pictures of a command; see the options of `Paint`."""

    agent: Agent
    refine: int
    until: float
    canvas: int
    background: tuple[float, ...] | Literal["auto"] | None
    palette: int | Tensor | None
    paper: Paper | None
    detail: str | None
    begun: Painting | None
    easel: Path | None

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
            there = Picture(self.easel)
            easel = _target(torch.tensor(there.read(2 * side)), there, side)
            _check_aspect(easel, target, self.easel)
        palette = choose_palette(target, self.palette) if isinstance(self.palette, int) else self.palette
        radii = _radii(self.paper, self.agent, size) if self.paper else None
        return Work(own, target, _weight(seen, picture, size, self.detail), palette, radii, alpha, easel)

    def paint(self, work: Work, strokes: int, signals: StopSignals) -> Painting:
        """A painting; a signal that comes while it is refined ends the refinement."""
        there = 0 if self.begun is None else len(self.begun)
        with progress(total=max(0, strokes - there), desc="painting", unit="stroke") as bar:

            def on_bundle(l2: float) -> None:
                bar.update(self.agent.bundle)
                bar.set_postfix(l2=f"{l2:.4f}", refresh=False)

            (painting,) = paint(
                self.agent, work.target, strokes, on_bundle, work.weight, palette=work.palette,
                radii=work.radii, background=self.background,
                begun=None if self.begun is None else [self.begun], easel=work.easel,
            )  # fmt: skip
        if not self.refine:
            return painting
        with signals, progress(total=self.refine, desc="refining", unit="iteration") as bar:

            def on_iteration(l2: float) -> bool:
                bar.update()
                bar.set_postfix(l2=f"{l2:.4f}", refresh=False)
                return signals.received is not None

            return refine(
                painting, work.target[0], self.refine, self.agent.device, on_iteration, self.until,
                work.weight, work.palette, work.radii, alpha=work.alpha,
                easel=None if work.easel is None else work.easel[0],
            )  # fmt: skip


def _target(picture: Tensor, image: Picture, side: int) -> Tensor:
    try:
        return fit_to_canvas(picture, side)
    except ValueError as error:
        raise error if str(image) in str(error) else ValueError(f"{image}: {error}") from None


def _check_aspect(easel: Tensor, target: Tensor, file: Path) -> None:
    """Refuse a photo of the easel that is not of the picture's aspect."""
    if easel.shape != target.shape:
        raise ValueError(
            f"{file} has another aspect than the picture: {easel.shape[3]} x {easel.shape[2]} and "
            f"{target.shape[3]} x {target.shape[2]} pixels, where their shorter sides are the same"
        )


def _weight(picture: Tensor, image: Picture, size: tuple[int, int], detail: str | None) -> Tensor | None:
    """How much the error of each pixel of a canvas counts, ``(H, W)``; None where all count the same."""
    if detail is None:
        return None
    if detail != "faces":
        with named_file(detail):
            return mask_weight(read_image(detail, behind=0, at_least=min(size)), size)
    weight = face_weight(picture.numpy(), size)
    if weight is None:
        logger.warning("%s: no face is seen, all of it counts the same", image)
    else:
        logger.info("%s: faces are seen, on %.0f%% of it", image, 100 * (weight > 1).float().mean().item())
    return weight


def _radii(paper: Paper, agent: Agent, size: tuple[int, int]) -> tuple[float, float] | None:
    """What the pens allow strokes that are lines, as far as strokes can be so thin."""
    design = agent.renderer.design
    nodes = design.outline(torch.zeros(1, design.dim), 1).shape[-2]
    if design.primitive == "polygon" or nodes == 1:
        return None
    low, high = paper.radii(size)
    if high < MIN_RADIUS:
        logger.warning(
            "the thinnest strokes are %.2f mm wide on this paper, and painted so; the pens leave gaps",
            MIN_RADIUS * paper.pen[1] / high,
        )
    return min(max(low, MIN_RADIUS), MAX_RADIUS), min(max(high, MIN_RADIUS), MAX_RADIUS)
