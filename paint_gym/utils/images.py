"""Pictures as tensors: bytes, floats, frames and crops; checks of values; and OpenCV."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

ROUNDING = 1e-3  # how far beyond [0, 1] numbers pass as rounding errors


def crop(image: Tensor, top: Tensor, left: Tensor, size: tuple[int, int]) -> Tensor:
    """Crops ``(..., B, C, height, width)`` of pictures ``(B, C, H, W)``, copied.

    Args:
        image: the pictures.
        top: ``(..., B)`` int64, first row of the crops of each picture, in pixels.
        left: ``(..., B)`` int64, first column.
        size: height and width of the crops, in pixels.
    """
    crops = image.unfold(2, size[0], 1).unfold(3, size[1], 1)  # a view: (B, C, every top, every left, h, w)
    return crops[torch.arange(len(image), device=image.device), :, top, left]


def resize(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize pictures ``(B, C, H, W)`` to a height and width, with antialiasing."""
    return interpolate(pictures, size, mode="bilinear", antialias=True, align_corners=False)


def scaled_sides(sides: Sequence[int], side: int, reference: int) -> tuple[int, int]:
    """Height and width in the same aspect, with `side` for a side of `reference` pixels."""
    return max(1, round(sides[0] * side / reference)), max(1, round(sides[1] * side / reference))


def to_floats(image: Tensor) -> Tensor:
    """Convert pictures, uint8 or floats in [0, 1], to float32 in [0, 1]; others raise a `ValueError`."""
    if image.dtype == torch.uint8:
        return image.float() / 255
    floats = image.float()
    if not image.is_floating_point() or not bool(((floats > -ROUNDING) & (floats < 1 + ROUNDING)).all()):
        raise ValueError("pictures are uint8, or floats in [0, 1] without NaN; divide those up to 255 by 255")
    return floats.clamp(0, 1)


def to_bytes(image: Tensor) -> Tensor:
    """Floats in [0, 1] to uint8, rounded."""
    return (image * 255).round_().clamp_(0, 255).to(torch.uint8)


def to_frames(canvas: Tensor) -> np.ndarray:
    """Canvases ``(B, 3, H, W)`` in [0, 1] as pictures, ``(B, H, W, 3)`` uint8."""
    return to_bytes(canvas).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def is_concrete(*tensors: Tensor) -> bool:
    """True if tensors have values in memory: not under torch.func, fake tensor modes or compilation."""
    if torch.compiler.is_compiling():
        return False
    try:
        return all(tensor.data_ptr() or not tensor.numel() for tensor in tensors)
    except RuntimeError:
        return False


def check_finite(tensor: Tensor, message: str) -> None:
    """Raise a `ValueError` with this message if a number is NaN or inf; tensors without values pass."""
    if tensor.numel() and is_concrete(tensor) and not bool(tensor.detach().abs().amax() < torch.inf):
        raise ValueError(message)


@functools.cache
def load_opencv() -> ModuleType:
    """Import cv2, which needs libraries of the system that servers often lack."""
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"needed is OpenCV, which does not load here ({error}); without a screen, "
            "run `pip uninstall opencv-python` and `pip install opencv-python-headless`"
        ) from error
    return cv2
