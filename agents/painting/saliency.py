"""Saliency: weights of pixels from a mask, or from the faces in a picture."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage import data
from skimage.feature import Cascade
from torch import Tensor

from paint_gym.utils.images import resize

DETAIL = 8.0  # additional weight of an error where the mask is white
FACES = 0.25  # additional weight of all faces together, of that of the picture: small ones need more
MAX_FACE = 64.0  # additional weight of a face
SEARCH_SIDE = 256  # shorter side in pixels of the picture in which faces are looked for
MIN_FACE = 24  # side of the smallest face in those pixels; the detector's own
NEIGHBOURS = 6  # detections of a face next to each other: with 4, every third landscape has a face


def mask_weight(mask: NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
    """Weights ``(H, W)`` from a mask ``(h, w, 3)`` uint8: 1 where it is black, 1 + `DETAIL` where white."""
    grey = torch.from_numpy(mask).float().mean(-1)[None, None] / 255
    if grey.min() == grey.max():
        raise ValueError("the mask is the same everywhere; paint white where errors shall count more")
    return 1 + DETAIL * resize(grey, size)[0, 0]


def find_faces(picture: NDArray[np.uint8]) -> list[tuple[float, float, float]]:
    """Middle (y, x) and side in pixels of the frontal faces in ``(h, w, 3)`` uint8."""
    scale = min(1.0, SEARCH_SIDE / min(picture.shape[:2]))
    shape = [max(1, round(side * scale)) for side in picture.shape[:2]]
    if min(shape) <= MIN_FACE:
        return []
    floats = torch.tensor(picture).permute(2, 0, 1)[None].float()
    small = resize(floats, (shape[0], shape[1]))
    faces: list[dict[str, Any]] = _detector().detect_multi_scale(
        img=np.ascontiguousarray(small[0].byte().permute(1, 2, 0).numpy()), scale_factor=1.1, step_ratio=1,
        min_size=(MIN_FACE, MIN_FACE), max_size=shape, min_neighbor_number=NEIGHBOURS,
    )  # fmt: skip
    places = [
        (face["r"] + face["height"] / 2, face["c"] + face["width"] / 2, face["height"]) for face in faces
    ]
    return [(y / scale, x / scale, side / scale) for y, x, side in places]


def face_weight(picture: NDArray[np.uint8], size: tuple[int, int]) -> Tensor | None:
    """Weights ``(H, W)`` that are greatest on frontal faces in ``(h, w, 3)`` uint8; None without any."""
    rows = ((torch.arange(size[0]) + 0.5) / size[0] * picture.shape[0]).view(-1, 1)
    columns = (torch.arange(size[1]) + 0.5) / size[1] * picture.shape[1]
    mask, faces = torch.zeros(size), find_faces(picture)
    for y, x, side in faces:  # a disc around each, fading outwards
        distance = ((rows - y).square() + (columns - x).square()).sqrt() / side
        mask = torch.maximum(mask, (2.2 - 2.2 * distance / 0.6).clamp(0, 1))
    return 1 + mask * (FACES / max(mask.mean().item(), FACES / MAX_FACE)) if faces else None


@functools.cache
def _detector() -> Cascade:
    return Cascade(data.lbp_frontal_face_cascade_filename())
