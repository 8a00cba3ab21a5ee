"""Scores of paintings by the ground truth renderer: l2, PSNR, SSIM, and confidence intervals of their means.

>>> mean_interval([0.25, 0.25]).low.item()
0.25
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
import tyro
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from agents.common.config import COUNT, POSITIVE, STROKES, check_ranges
from agents.painting.paint import paint
from agents.painting.policy import Policy
from agents.painting.refinement import refine
from paint_gym.datasets import Dataset, load_dataset
from paint_gym.metrics import check_ssim_size, mean_squared_error, psnr, ssim
from paint_gym.painting import Painting
from paint_gym.renderers import make_renderer

Progress = Callable[[Iterable["PaintingScores"]], Iterable["PaintingScores"]]
POINTS = 20  # points of a curve at most, beside that of the empty canvas


class PaintingScores(NamedTuple):
    """Scores of one painting.

    Attributes:
        l2: ``(n,)`` mean squared error in [0, 1] during the painting; the last is that of the finished one.
        psnr: PSNR of the finished painting, in dB.
        ssim: SSIM of the finished painting, in [-1, 1].
    """

    l2: NDArray[np.float64]
    psnr: float
    ssim: float


@dataclass(frozen=True)
class EvaluationSettings:
    """Settings of an evaluation."""

    dataset: str = "photos"
    """Name of a data set, or a folder of images."""
    split: str = "test"
    """Part of the data set: train, val or test."""
    images: int = 500
    """Number of pictures, from the first on; all if there are fewer."""
    max_strokes: Annotated[int, tyro.conf.arg(name="strokes")] = 200
    """Strokes per painting."""
    size: int = 128
    """Side of the canvas in pixels."""
    batch: int = 32
    """Pictures painted at once."""
    refine: int = 0
    """Iterations of refinement of each finished painting; scores with and without it are not comparable."""
    seed: int = 0
    """Random seed of the intervals' bootstrap."""
    data_root: Path | None = None
    """Folder that holds the publishers' data sets."""

    def __post_init__(self) -> None:
        check_ranges(self, images=POSITIVE, max_strokes=STROKES, batch=POSITIVE, refine=COUNT, seed=COUNT)
        check_ssim_size(self.size, self.size)


class Interval(NamedTuple):
    """Mean over pictures with its confidence interval; each ``(...)`` float64."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def l2_by_raster(paintings: list[Painting], targets: np.ndarray) -> np.ndarray:
    """Mean squared errors ``(B,)`` by the ground truth renderer, of targets ``(B, 3, H, W)`` uint8."""
    floats = torch.from_numpy(targets).float() / 255
    pairs = zip(paintings, floats, strict=True)
    return np.array([l2_of(painting, target, "raster") for painting, target in pairs])


def l2_of(
    painting: Painting, target: Tensor, renderer: str = "analytic", canvas_image: Tensor | None = None
) -> float:
    """Mean squared error of a painting by a renderer.

    Args:
        painting: at the size of the target.
        target: ``(3, H, W)`` in [0, 1].
        renderer: its name.
        canvas_image: canvas before the first stroke, as the target; by default the painting's background.
    """
    ground_truth = make_renderer(renderer, painting.design, painting.opacity)
    canvas = canvas_image
    if canvas is None:
        canvas = torch.tensor(painting.backdrop).view(3, 1, 1).expand_as(target)
    canvas = ground_truth.paint(canvas[None], torch.from_numpy(np.array(painting.strokes))[None])
    return mean_squared_error(canvas, target[None]).item()


def evaluate(policy: Policy, progress: Progress = list, **settings: Any) -> dict[str, Any]:
    """Paint pictures of a data set, and score the paintings by the ground truth renderer.

    Args:
        policy: the painter; see `agents.paint`.
        progress: wraps the iterator over the scores, for example in a bar.
        settings: fields of `EvaluationSettings`, such as ``dataset="celeba"``.

    Returns:
        The settings that were scored, ``"images"`` (their number), ``"l2"``, ``"psnr"`` and ``"ssim"``, each
        with ``"mean"``, ``"low"`` and ``"high"``, and in ``"curve"`` lists of the l2 after ``"strokes"``.

    Raises:
        ValueError: a number or name that is not possible; says which.
        OSError: a data set that is missing.
    """
    config = EvaluationSettings(**settings)
    data = load_dataset(config.dataset, config.split, config.size, config.data_root)
    count = min(config.images, len(data))
    every = policy.bundle * math.ceil(config.max_strokes / policy.bundle / POINTS)
    scorer = score_policy(policy, data, count, config.max_strokes, every, config.batch, config.refine)
    scores = list(progress(scorer))
    l2 = np.stack([score.l2 for score in scores])  # (images, points)
    columns: dict[str, ArrayLike] = {
        "l2": l2[:, -1],
        "psnr": [s.psnr for s in scores],
        "ssim": [s.ssim for s in scores],
    }
    return {
        "dataset": config.dataset,
        "split": config.split,
        "images": len(scores),
        "size": config.size,
        "strokes": config.max_strokes,
        "refine": config.refine,
        "renderer": "raster",
        "seed": config.seed,
        **{name: _plain(mean_interval(values, seed=config.seed)) for name, values in columns.items()},
        "curve": {
            "strokes": [*range(0, config.max_strokes, every), config.max_strokes],
            **_plain(mean_interval(l2, seed=config.seed)),
        },
    }


def score_policy(
    policy: Policy,
    data: Dataset,
    images: int,
    strokes: int,
    every: int,
    batch: int = 32,
    iterations: int = 0,
) -> Iterator[PaintingScores]:
    """Paint the first pictures of a data set, and score each painting.

    Args:
        policy: the painter.
        data: the pictures.
        images: number of pictures.
        strokes: strokes per painting.
        every: strokes from one point of the l2 curve to the next, at least 1.
        batch: pictures painted at once.
        iterations: iterations of refinement of each finished painting.
    """
    for first in range(0, images, batch):
        targets = data[np.arange(first, min(first + batch, images))]
        paintings = paint(policy, torch.from_numpy(targets), strokes)
        paintings = refine(paintings, torch.from_numpy(targets), iterations, device=policy.device)
        for painting, target in zip(paintings, targets, strict=True):
            yield score_painting(painting, target, every)


def score_painting(painting: Painting, target: NDArray[np.uint8], every: int) -> PaintingScores:
    """All scores of one painting; each stroke is rasterised once.

    Args:
        painting: the painting to score.
        target: ``(3, H, W)`` uint8.
        every: strokes from one point of the l2 curve to the next, at least 1. The curve begins with the
            background, as `Painting.frames`.

    Raises:
        ValueError: `every` is below 1, or the target is smaller than SSIM's window.
    """
    if every < 1:
        raise ValueError(f"every must be at least 1 stroke, not {every}")
    raster = make_renderer("raster", painting.design, painting.opacity)
    strokes = torch.tensor(painting.strokes)[None]  # (1, K, stroke_dim)
    floats = torch.tensor(target)[None].float() / 255  # (1, 3, H, W)
    canvas = torch.tensor(painting.backdrop).view(1, 3, 1, 1).expand_as(floats)
    l2 = [mean_squared_error(canvas, floats).item()]
    for first in range(0, len(painting), every):
        canvas = raster.paint(canvas, strokes[:, first : first + every])
        l2.append(mean_squared_error(canvas, floats).item())
    return PaintingScores(np.array(l2), float(psnr(l2[-1])), ssim(canvas[0].numpy(), floats[0].numpy()))


def mean_interval(
    values: ArrayLike, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Mean over pictures, with a percentile bootstrap confidence interval.

    The same resamples serve all columns. The interval of a single picture has no width.

    Args:
        values: ``(N, ...)``, one row per picture, N at least 1.
        confidence: probability that the interval holds the true mean, in (0, 1).
        resamples: number of samples of N pictures, drawn with replacement.
        seed: random seed of the draws.

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


def _plain(interval: Interval) -> dict[str, Any]:
    """An interval as numbers or lists of numbers, for JSON."""
    return {name: value.tolist() for name, value in interval._asdict().items()}
