"""Paintings of pictures: variants to paint them, their scores, and pictures of them."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from agents import PaintingPolicy, PaintOptions, load, paint, refine
from agents.painting.evaluation import l2_by_raster
from agents.painting.palette import choose_palette
from agents.painting.policy import Policy
from benchmarks.harness.measure import Row
from paint_gym.datasets import load_dataset
from paint_gym.metrics import ssim
from paint_gym.painting import Painting
from paint_gym.strokes import get_stroke
from paint_gym.utils.files import replace_when_done
from paint_gym.utils.images import to_floats

BATCH = 25  # pictures painted at once
SEGMENTS = 8  # of a curve, to find the middle of a stroke


@dataclass(frozen=True)
class PaintingVariant:
    """Variant of painting.

    Args:
        agent: name of an agent that comes with the package, or a file.
        lookahead: candidates of each window size; None for as many as the agent was made for.
        plan: gradient steps on each bundle.
        refine: iterations on the finished painting.
        random: start from random strokes in place of an agent's.
        opaque: paint with opaque strokes only.
        colours: number of colours of a palette made for the pictures; 0 for any.
        device: where to paint and refine.
    """

    agent: str = "pretrained"
    lookahead: int | None = None
    plan: int = 0
    refine: int = 0
    random: bool = False
    opaque: bool = False
    colours: int = 0
    device: str = "auto"

    @property
    def curve(self) -> str:
        """Name of the curve that its points belong to in a plot."""
        if self.random:
            return "random strokes, refined"
        if self.refine:
            return "planned, refined" if self.plan else "the agent, refined"
        return "planned" if self.plan else "the agent alone"

    @property
    def effort(self) -> str:
        """Steps and iterations, or the lookahead."""
        steps = [f"{self.plan} steps"] if self.plan else []
        steps += [f"{self.refine} iterations"] if self.refine or self.random else []
        return ", ".join(steps) or ("as shipped" if self.lookahead is None else f"lookahead {self.lookahead}")

    def policy(self) -> PaintingPolicy:
        """Policy that paints, loaded once."""
        return load_agent(self.agent, self.lookahead, self.plan, self.opaque, self.device)

    def paint(self, targets: Tensor, strokes: int, start: list[Painting] | None = None) -> list[Painting]:
        """Paint pictures ``(B, 3, H, W)``, uint8 or float in [0, 1]; with `start`, only refine those."""
        palette = choose_palette(to_floats(targets), self.colours) if self.colours else None
        options = PaintOptions(palette=palette)
        if start is None and self.random:
            start = [random_start(target, strokes) for target in to_floats(targets)]
        elif start is None:
            start = paint(self.policy(), targets, strokes, options)
        return refine(start, targets, self.refine, options, device=self.device)


@functools.cache
def load_agent(name: str, lookahead: int | None, plan: int, opaque: bool, device: str) -> PaintingPolicy:
    """Load an agent that comes with the package, or a file."""
    return load(name, device, lookahead, plan, opacity=(1.0, 1.0) if opaque else None)


class Painted(NamedTuple):
    """Paintings and their scores.

    Attributes:
        paintings: n of them.
        l2: of each by `raster`, ``(n,)``.
        seconds: of painting and refining a picture.
    """

    paintings: list[Painting]
    l2: np.ndarray
    seconds: float


def paint_and_score(
    pictures: np.ndarray,
    strokes: int,
    painter: PaintingVariant | Policy,
    batch: int = BATCH,
    start: list[Painting] | None = None,
    targets: Tensor | None = None,
) -> Painted:
    """Paint and refine pictures, and score the paintings.

    Args:
        pictures: ``(n, 3, H, W)`` uint8.
        strokes: of each painting.
        painter: a variant, or a policy.
        batch: pictures at once.
        start: paintings that a variant refines, in place of new ones.
        targets: pictures to paint if they are of another size.
    """
    targets = torch.from_numpy(pictures) if targets is None else targets
    paintings: list[Painting] = []
    if isinstance(painter, PaintingVariant):
        painter.policy()  # loading takes no time of painting
    began = time.perf_counter()
    for first in range(0, len(targets), batch):
        part = slice(first, first + batch)
        if isinstance(painter, PaintingVariant):
            paintings += painter.paint(targets[part], strokes, None if start is None else start[part])
        else:
            paintings += paint(painter, targets[part], strokes)
    seconds = (time.perf_counter() - began) / max(1, len(targets))
    if targets.shape[2:] != pictures.shape[2:]:
        paintings = [Painting(painting.strokes, size=pictures.shape[2:]) for painting in paintings]
    return Painted(paintings, l2_by_raster(paintings, pictures), seconds)


def first_pictures(
    dataset: str, split: str, size: int, images: int, data_root: str | None = None
) -> np.ndarray:
    """First pictures of a split, ``(n, 3, size, size)`` uint8."""
    data = load_dataset(dataset, split, size, data_root)
    return data[np.arange(min(images, len(data)))]


def random_paintings(count: int, strokes: int, size: int) -> list[Painting]:
    """Paintings of uniformly random strokes, the same at each call."""
    values = np.random.default_rng(0).random((count, strokes, get_stroke("bezier").dim))
    return [Painting(painting, size=size) for painting in values]


def random_start(target: Tensor, strokes: int) -> Painting:
    """Random strokes, large ones first, each in the colour that ``(3, H, W)`` has under its middle."""
    (painting,) = random_paintings(1, strokes, 1)
    values = torch.tensor(painting.strokes)
    nodes = painting.design.nodes(values, SEGMENTS)  # (K, M, 4)
    largest = nodes[..., 2].mean(1).argsort(descending=True)
    values, middle = values[largest], nodes[largest, :, :2].mean(1)
    height, width = target.shape[1:]
    y = (middle[:, 1] * height).long().clamp(0, height - 1)
    x = (middle[:, 0] * width).long().clamp(0, width - 1)
    values[:, -3:] = target[:, y, x].T.cpu()
    return Painting(values.numpy(), size=(height, width))


def scores(painted: Painted, pictures: np.ndarray) -> Row:
    """Columns of scores by `raster`: l2, SSIM, texture; and the l2 of a blank canvas."""
    row: Row = {"l2": float(painted.l2.mean())}
    return row | similarity(painted.paintings, pictures) | {"blank": blank_l2(pictures)}


def similarity(paintings: Sequence[Painting], pictures: np.ndarray) -> Row:
    """SSIM, and texture: the energy of the paintings' Laplacians in that of the pictures'; by `raster`.

    Args:
        paintings: n paintings.
        pictures: ``(n, 3, H, W)`` uint8.
    """
    painted = np.stack([painting.render(renderer="raster") for painting in paintings]).transpose(0, 3, 1, 2)
    values = [ssim(*pair) for pair in zip(painted / 255, pictures / 255, strict=True)]
    return {"ssim": float(np.mean(values)), "texture": texture(painted) / texture(pictures)}


def texture(pictures: np.ndarray) -> float:
    """Mean energy of the Laplacian of pictures ``(n, 3, H, W)`` uint8, made grey."""
    greys = pictures.mean(1) / 255
    return float(np.square(ndimage.laplace(greys, axes=(1, 2))).mean())


def blank_l2(pictures: np.ndarray) -> float:
    """Mean l2 of black canvases against pictures ``(n, 3, H, W)`` uint8."""
    return float(np.square(pictures / 255).mean())


def mean_colour_l2(pictures: np.ndarray) -> float:
    """Mean l2 of canvases in each picture's mean colour against pictures ``(n, 3, H, W)`` uint8."""
    values = pictures / 255
    return float(np.square(values - values.mean((2, 3), keepdims=True)).mean())


def random_l2(pictures: np.ndarray, strokes: int) -> float:
    """Mean l2 of random strokes against pictures ``(n, 3, size, size)`` uint8."""
    paintings = random_paintings(len(pictures), strokes, pictures.shape[-1])
    return float(l2_by_raster(paintings, pictures).mean())


def picture_row(pictures: np.ndarray | Sequence[Painting]) -> np.ndarray:
    """Pictures ``(n, 3, H, W)`` uint8, or paintings, side by side: ``(H, n W, 3)`` uint8."""
    if isinstance(pictures, np.ndarray):
        return np.concatenate(list(pictures.transpose(0, 2, 3, 1)), 1)
    return np.concatenate([painting.render() for painting in pictures], 1)


def write_rows(path: Path, rows: Sequence[np.ndarray]) -> None:
    """Write rows ``(H, W, 3)`` of one width as a PNG, one below the other."""
    with replace_when_done(path) as temporary:
        Image.fromarray(np.concatenate(rows)).save(temporary)
