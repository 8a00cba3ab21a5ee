"""Scores of paintings, measured with the ground truth renderer: l2, PSNR, SSIM, and how sure their means are.

>>> round(float(psnr(0.01)), 6)
20.0
>>> mean_interval([0.25, 0.25]).low.item()
0.25
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from paint_gym.canvas import mean_squared_error
from paint_gym.painting import Painting
from paint_gym.renderers import make_renderer

BEST_PSNR = 100.0  # dB; that of a perfect copy would be infinite, and so would every mean over it
SSIM_WINDOW = 11  # pixels


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


def score_painting(painting: Painting, target: NDArray[np.uint8], every: int) -> PaintingScores:
    """All scores of one painting; each stroke is rasterised once.

    Args:
        painting: what to score.
        target: ``(3, H, W)`` uint8.
        every: strokes from one point of the l2 curve to the next, at least 1.

    Raises:
        ValueError: the target is smaller than SSIM's window.
    """
    wanted, l2 = _as_canvas(target), []
    for canvas in _canvases(painting, target, every):
        l2.append(mean_squared_error(canvas, wanted).item())
    return PaintingScores(np.array(l2), float(psnr(l2[-1])), ssim(canvas[0].numpy(), wanted[0].numpy()))


def l2_curve(painting: Painting, target: NDArray[np.uint8], every: int) -> NDArray[np.float64]:
    """Mean squared error of the blank background, after every `every` strokes, and at the end.

    Args:
        painting: what to score; each of its strokes is rasterised once.
        target: ``(3, H, W)`` uint8.
        every: strokes from one point to the next, at least 1.

    Returns:
        ``(ceil(len(painting) / every) + 1,)`` in [0, 1], as in `Painting.frames`.
    """
    wanted = _as_canvas(target)
    return np.array([mean_squared_error(one, wanted).item() for one in _canvases(painting, target, every)])


def psnr(l2: ArrayLike) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1], at most `BEST_PSNR`.

    Args:
        l2: ``(...)`` mean squared errors in [0, 1].
    """
    return 10 * np.log10(1 / np.maximum(l2, 10 ** (-BEST_PSNR / 10)))


def ssim(canvas: NDArray[np.floating], target: NDArray[np.floating]) -> float:
    """Structural similarity in [-1, 1], with the Gaussian window of Wang et al. (2004); mean over channels.

    Args:
        canvas: ``(3, H, W)`` in [0, 1].
        target: the same.

    Raises:
        ValueError: a side is shorter than the window of 11 pixels.
    """
    from skimage.metrics import structural_similarity

    check_ssim_size(*target.shape[1:])
    return float(
        structural_similarity(
            canvas.astype(np.float64),
            target.astype(np.float64),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
            channel_axis=0,
        )
    )


def check_ssim_size(height: int, width: int) -> None:
    """Raise a `ValueError` if pictures of this size are too small for SSIM."""
    if min(height, width) < SSIM_WINDOW:
        raise ValueError(
            f"SSIM looks through a window of {SSIM_WINDOW} pixels a side; {height} x {width} is too small"
        )


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
    canvas = torch.tensor(painting.background).view(1, 3, 1, 1).expand(1, 3, *target.shape[1:])
    yield canvas
    for first in range(0, len(painting), every):
        canvas = raster.paint(canvas, strokes[:, first : first + every])
        yield canvas


def _as_canvas(target: NDArray[np.uint8]) -> Tensor:
    """``(3, H, W)`` uint8 to ``(1, 3, H, W)`` float in [0, 1]."""
    return torch.tensor(target)[None].float() / 255
