"""What paintings are worth beside l2: SSIM, texture; what a blank canvas and random strokes score; sheets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.metrics import structural_similarity

from benchmarks.harness.tables import Row
from paint_gym.painting import Painting
from paint_gym.strokes import get_stroke
from paint_gym.utils.files import replace_when_done


def likeness(paintings: Sequence[Painting], targets: np.ndarray) -> Row:
    """SSIM, and texture: the energy of the paintings' Laplacians in that of the pictures'.

    Args:
        paintings: n paintings.
        targets: ``(n, 3, H, W)`` uint8.
    """
    painted, originals = [painting.render() for painting in paintings], list(targets.transpose(0, 2, 3, 1))
    ssim = [_ssim(*pair) for pair in zip(painted, originals, strict=True)]
    return {"ssim": float(np.mean(ssim)), "texture": _texture(painted) / _texture(originals)}


def _ssim(one: np.ndarray, other: np.ndarray) -> float:
    return float(structural_similarity(one, other, channel_axis=2, data_range=255))


def _texture(pictures: list[np.ndarray]) -> float:
    """Mean energy of the Laplacian of grey pictures."""
    greys = [picture.astype(np.float64).mean(2) / 255 for picture in pictures]
    return float(np.mean([np.square(ndimage.laplace(grey)).mean() for grey in greys]))


def blank(pictures: np.ndarray) -> float:
    """Mean l2 of black canvases, ``(n, 3, H, W)`` uint8 being the pictures."""
    return float(np.square(pictures / 255).mean())


def mean_colour(pictures: np.ndarray) -> float:
    """Mean l2 of canvases of each picture's mean colour, ``(n, 3, H, W)`` uint8 being the pictures."""
    values = pictures / 255
    return float(np.square(values - values.mean((2, 3), keepdims=True)).mean())


def random_paintings(count: int, strokes: int, size: int, stroke: str = "bezier") -> list[Painting]:
    """Paintings of uniformly random strokes, the same at each call."""
    every = np.random.default_rng(0).random((count, strokes, get_stroke(stroke).dim))
    return [Painting(some, stroke=stroke, size=size) for some in every]


def picture_row(pictures: np.ndarray | Sequence[Painting]) -> np.ndarray:
    """Pictures ``(n, 3, H, W)`` uint8, or paintings, side by side: ``(H, n W, 3)`` uint8."""
    if isinstance(pictures, np.ndarray):
        return np.concatenate(list(pictures.transpose(0, 2, 3, 1)), 1)
    return np.concatenate([painting.render() for painting in pictures], 1)


def write_rows(path: Path, rows: Sequence[np.ndarray]) -> None:
    """Write rows ``(H, W, 3)`` of one width as a PNG, one below the other."""
    with replace_when_done(path) as temporary:
        Image.fromarray(np.concatenate(rows)).save(temporary)
