"""Scores of paintings, measured with the ground truth renderer: l2, PSNR, SSIM, and how sure their means are.

>>> mean_interval([0.25, 0.25]).low.item()
0.25
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from agents.painting.paint import Policy, paint
from agents.painting.refinement import refine
from paint_gym.datasets import Dataset
from paint_gym.metrics import mean_squared_error, psnr, ssim
from paint_gym.painting import Painting
from paint_gym.renderers import make_renderer


class PaintingScores(NamedTuple):
    """How well one painting shows its target.

    Attributes:
        l2: ``(n,)`` mean squared error in [0, 1] while it was painted, the last of the finished painting.
        psnr: of the finished painting, in dB.
        ssim: of the finished painting, in [-1, 1].
    """

    l2: NDArray[np.float64]
    psnr: float
    ssim: float


class Interval(NamedTuple):
    """A mean over pictures, and the confidence interval it lies in; each ``(...)`` float64."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def l2_by_raster(paintings: list[Painting], targets: np.ndarray) -> np.ndarray:
    """Mean squared error of each painting, measured with the ground truth renderer; see `l2_by`."""
    return l2_by("raster", paintings, targets)


def l2_by(renderer: str, paintings: list[Painting], targets: np.ndarray) -> np.ndarray:
    """Mean squared error of each painting, as a renderer paints it.

    Args:
        renderer: its name.
        paintings: B of them.
        targets: ``(B, 3, H, W)`` uint8.

    Returns:
        ``(B,)`` in [0, 1].
    """
    floats = torch.from_numpy(targets).float() / 255
    return np.array([l2_of(one, target, renderer) for one, target in zip(paintings, floats, strict=True)])


def l2_of(
    painting: Painting, target: Tensor, renderer: str = "analytic", easel: Tensor | None = None
) -> float:
    """Mean squared error of a painting, as a renderer paints it.

    Args:
        painting: at the size of the target.
        target: ``(3, H, W)`` in [0, 1].
        renderer: its name.
        easel: what it is painted on, as the target; by default its backdrop.
    """
    truth = make_renderer(renderer, painting.design, painting.opacity)
    backdrop = torch.tensor(painting.backdrop).view(3, 1, 1).expand_as(target) if easel is None else easel
    canvas = truth.paint(backdrop[None], torch.from_numpy(np.array(painting.strokes))[None])
    return mean_squared_error(canvas, target[None]).item()


def score_policy(
    policy: Policy,
    data: Dataset,
    images: int,
    strokes: int,
    every: int,
    batch: int = 32,
    iterations: int = 0,
    on_painting: Callable[[], object] = lambda: None,
) -> list[PaintingScores]:
    """Paint the first pictures of a data set, and score each painting.

    Args:
        policy: who paints.
        data: the pictures.
        images: how many of them.
        strokes: strokes per painting.
        every: strokes from one point of the l2 curve to the next, at least 1.
        batch: pictures painted at once.
        iterations: of refinement of each finished painting.
        on_painting: called after each.
    """
    scores: list[PaintingScores] = []
    for first in range(0, images, batch):
        targets = data[np.arange(first, min(first + batch, images))]
        paintings = paint(policy, torch.from_numpy(targets), strokes)
        paintings = refine(paintings, torch.from_numpy(targets), iterations, policy.device)
        for painting, target in zip(paintings, targets, strict=True):
            scores.append(score_painting(painting, target, every))
            on_painting()
    return scores


def score_painting(painting: Painting, target: NDArray[np.uint8], every: int) -> PaintingScores:
    """All scores of one painting; each stroke is rasterised once.

    Args:
        painting: what to score.
        target: ``(3, H, W)`` uint8.
        every: strokes from one point of the l2 curve to the next, at least 1.

    Raises:
        ValueError: the target is smaller than SSIM's window.
    """
    floats, l2 = _as_canvas(target), []
    for canvas in _canvases(painting, target, every):
        l2.append(mean_squared_error(canvas, floats).item())
    return PaintingScores(np.array(l2), float(psnr(l2[-1])), ssim(canvas[0].numpy(), floats[0].numpy()))


def l2_curve(painting: Painting, target: NDArray[np.uint8], every: int) -> NDArray[np.float64]:
    """Mean squared error of the blank background, after every `every` strokes, and at the end.

    Args:
        painting: what to score; each of its strokes is rasterised once.
        target: ``(3, H, W)`` uint8.
        every: strokes from one point to the next, at least 1.

    Returns:
        ``(ceil(len(painting) / every) + 1,)`` in [0, 1], as in `Painting.frames`.
    """
    floats = _as_canvas(target)
    return np.array([mean_squared_error(one, floats).item() for one in _canvases(painting, target, every)])


def mean_interval(
    values: ArrayLike, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """The mean over pictures, with a percentile bootstrap confidence interval.

    The same resamples serve all columns. Of a single picture the interval has no width.

    Args:
        values: ``(N, ...)``, one row per picture, N at least 1.
        confidence: chance that the interval holds the true mean, in (0, 1).
        resamples: how often N pictures are drawn from the N, with replacement.
        seed: of the draws.

    Raises:
        ValueError: no values.
    """
    rows = np.asarray(values, np.float64)
    count = len(rows)
    if not count:
        raise ValueError("no values to take the mean of")
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    means = np.tensordot(drawn / count, rows, axes=1)  # (resamples, ...)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return Interval(np.asarray(rows.mean(0)), np.asarray(low), np.asarray(high))


def _canvases(painting: Painting, target: NDArray[np.uint8], every: int) -> Iterator[Tensor]:
    """``(1, 3, H, W)`` in [0, 1]: the background, the canvas after every `every` strokes, and at the end."""
    if every < 1:
        raise ValueError(f"every must be at least 1 stroke, not {every}")
    raster = make_renderer("raster", painting.design, painting.opacity)
    strokes = torch.tensor(painting.strokes)[None]  # (1, K, stroke_dim)
    canvas = torch.tensor(painting.backdrop).view(1, 3, 1, 1).expand(1, 3, *target.shape[1:])
    yield canvas
    for first in range(0, len(painting), every):
        canvas = raster.paint(canvas, strokes[:, first : first + every])
        yield canvas


def _as_canvas(target: NDArray[np.uint8]) -> Tensor:
    """``(3, H, W)`` uint8 to ``(1, 3, H, W)`` float in [0, 1]."""
    return torch.tensor(target)[None].float() / 255
