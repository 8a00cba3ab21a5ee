"""Scores of paintings by the ground truth renderer, and confidence intervals of their means."""

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

from agents.common.config import COUNT, POSITIVE, STROKES, check_ranges
from agents.painting.options import PaintOptions
from agents.painting.paint import paint
from agents.painting.policy import Policy, check_policy
from agents.painting.refinement import refine
from paint_gym.datasets import load_dataset
from paint_gym.metrics import check_ssim_size, mean_squared_error, psnr, ssim
from paint_gym.painting import Painting
from paint_gym.renderers import make_renderer
from paint_gym.utils.device import float32_default
from paint_gym.utils.errors import check_arguments

Progress = Callable[[Iterable["PaintingScores"], int], Iterable["PaintingScores"]]
CONFIDENCE = 0.95  # of intervals
POINTS = 20  # points of a curve at most, beside that of the empty canvas


class PaintingScores(NamedTuple):
    """L2 during a painting, ``(n,)`` in [0, 1]; PSNR in dB and SSIM in [-1, 1] of the finished one."""

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


@float32_default()
def l2_by_raster(paintings: list[Painting], targets: np.ndarray) -> np.ndarray:
    """Mean squared errors ``(B,)`` by the ground truth renderer, of targets ``(B, 3, H, W)`` uint8."""
    pairs = zip(paintings, targets, strict=True)
    return np.array(
        [_rasterise(painting, target, max(1, len(painting)))[0][-1] for painting, target in pairs]
    )


def evaluate(
    policy: Policy, progress: Progress = lambda scores, total: scores, **settings: Any
) -> dict[str, Any]:
    """Paint pictures of a data set, and score the paintings by the ground truth renderer.

    Args:
        policy: the painter; see `agents.paint`.
        progress: wraps the iterator over the scores, of which it gets the number, too; for example a bar.
        settings: fields of `EvaluationSettings`, such as ``dataset="celeba"``.

    Returns:
        The settings that were scored, ``"images"`` (their number), ``"l2"``, ``"psnr"`` and ``"ssim"``, each
        with ``"mean"``, ``"low"`` and ``"high"``, and in ``"curve"`` lists of the l2 after ``"strokes"``.

    Raises:
        TypeError: a policy that is no painter, or an unknown setting; suggests the nearest.
        ValueError: a number or name that is not possible, or actions of another shape; says which.
        OSError: a data set that is missing.
    """
    check_policy(policy)
    check_arguments(settings, EvaluationSettings.__dataclass_fields__)
    config = EvaluationSettings(**settings)
    data = load_dataset(config.dataset, config.split, config.size, config.data_root)
    count = min(config.images, len(data))
    strokes = config.max_strokes
    every = policy.bundle * math.ceil(strokes / policy.bundle / POINTS)

    def score() -> Iterator[PaintingScores]:
        for first in range(0, count, config.batch):
            pictures = data[np.arange(first, min(first + config.batch, count))]
            targets = torch.from_numpy(pictures)
            paintings = paint(policy, targets, strokes, PaintOptions(canvas=None))
            paintings = refine(paintings, targets, config.refine, device=policy.device)
            for painting, picture in zip(paintings, pictures, strict=True):
                yield score_painting(painting, picture, every)

    scores = list(progress(score(), count))
    l2 = np.stack([score.l2 for score in scores])  # (images, points)

    def interval(values: ArrayLike) -> dict[str, Any]:
        numbers = zip(("mean", "low", "high"), mean_interval(values, seed=config.seed), strict=True)
        return {name: number.tolist() for name, number in numbers}

    return {
        "dataset": config.dataset, "split": config.split, "images": count, "size": config.size,
        "strokes": strokes, "refine": config.refine, "renderer": "raster", "seed": config.seed,
        "l2": interval(l2[:, -1]), "psnr": interval([score.psnr for score in scores]),
        "ssim": interval([score.ssim for score in scores]),
        "curve": {"strokes": [*range(0, strokes, every), strokes], **interval(l2)},
    }  # fmt: skip


@float32_default()
def score_painting(painting: Painting, target: NDArray[np.uint8], every: int) -> PaintingScores:
    """All scores of one painting by a target ``(3, H, W)`` uint8; each stroke is rasterised once.

    The points of the l2 curve are `every` strokes apart; the first is that of the background.
    """
    l2, canvas = _rasterise(painting, target, every)
    return PaintingScores(np.array(l2), float(psnr(l2[-1])), ssim(canvas, target / np.float32(255)))


def _rasterise(
    painting: Painting, target: NDArray[np.uint8], every: int
) -> tuple[list[float], NDArray[np.float32]]:
    """L2 by `raster` after each `every` strokes, from the background on, and the canvas ``(3, H, W)``."""
    raster = make_renderer("raster", painting.design, painting.opacity)
    strokes = torch.tensor(painting.strokes)[None]  # (1, K, stroke_dim)
    floats = torch.tensor(target)[None].float() / 255  # (1, 3, H, W)
    canvas = torch.tensor(painting.backdrop).view(1, 3, 1, 1).expand_as(floats)
    l2 = [mean_squared_error(canvas, floats).item()]
    for first in range(0, len(painting), every):
        canvas = raster.paint(canvas, strokes[:, first : first + every])
        l2.append(mean_squared_error(canvas, floats).item())
    return l2, canvas[0].numpy()


def mean_interval(values: ArrayLike, resamples: int = 2000, seed: int = 0) -> tuple[NDArray[np.float64], ...]:
    """Mean over pictures, and the ends of its percentile bootstrap 95% confidence interval.

    Args:
        values: ``(N, ...)``, one row per picture, N at least 1.
        resamples: number of samples of N pictures, drawn with replacement, the same for all columns.
        seed: random seed of the draws.
    """
    rows = np.asarray(values, np.float64)
    count = len(rows)
    samples = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    means = np.tensordot(samples / count, rows, axes=1)  # (resamples, ...)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return np.asarray(rows.mean(0)), np.asarray(low), np.asarray(high)
