"""Colours of pictures: ICC profiles, also those of PNG's chunks and CICP codes, and the way to sRGB."""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageCms

_SRGB_LEVELS = 2  # a profile that moves no level by more is sRGB's, but for rounding, and not applied
_D65 = (0.3127, 0.3290)
SRGB_PRIMARIES = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_PRIMARIES = {
    1: SRGB_PRIMARIES,
    2: SRGB_PRIMARIES,  # not specified
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),  # BT.601, 625 lines
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),  # BT.601, 525 lines
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),  # SMPTE 240M
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),  # BT.2020
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # DCI P3
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
}
"""x and y of white, red, green and blue, by CICP code."""

# Browsers show the curves of video (BT.709, 601, 2020) as sRGB's, and so do we.
_GAMMAS = {1: None, 2: None, 4: 2.2, 5: 2.8, 6: None, 8: 1.0, 13: None, 14: None, 15: None}
"""Exponent of the curve to linear light by CICP code; None is sRGB's curve."""

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])


class NotRead(ValueError):
    """A sound picture of a kind that is not read."""


def to_srgb(image: Image.Image, mode: str, profile: bytes | None) -> Image.Image:
    """Convert a picture to "RGB" in sRGB by the profile of a mode; a bad profile changes nothing."""
    if image.mode != mode:
        image = image.convert(mode)
    if profile and (transform := _transform(profile, mode)):
        return ImageCms.applyTransform(image, transform) or image
    return image if mode == "RGB" else image.convert("RGB")


def cicp_profile(primaries: int, transfer: int, grey: bool = False) -> bytes | None:
    """Profile of colours by the codes of CICP (ITU-T H.273), as in AVIF; None for sRGB.

    Raises:
        NotRead: HDR (PQ or HLG), or a rare code.
    """
    if transfer not in _GAMMAS or primaries not in _PRIMARIES:
        kind = {16: "HDR (PQ)", 18: "HDR (HLG)"}.get(transfer, f"of CICP {primaries}/{transfer}")
        raise NotRead(f"colours that are {kind} are not read; convert it to sRGB")
    return matrix_profile(_PRIMARIES[primaries], _GAMMAS[transfer], grey)


def is_srgb(primaries: Sequence[float]) -> bool:
    """Compare x and y of white, red, green and blue with sRGB's."""
    return np.allclose(primaries, SRGB_PRIMARIES, atol=1e-3)


def matrix_profile(primaries: Sequence[float], gamma: float | None, grey: bool = False) -> bytes | None:
    """ICC profile of primaries (see `SRGB_PRIMARIES`) and of the curve's exponent to linear light.

    A gamma of None is sRGB's curve; the profile of sRGB itself is None.
    """
    colorants = None if is_srgb(primaries) else _colorants(primaries)
    if colorants is None and gamma is None:
        return None
    icc = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())

    def offset(tag: bytes) -> int:  # tag, offset, size; the three curves are the same
        return int.from_bytes(icc[icc.index(tag) + 4 :][:4], "big")

    if colorants is not None:
        for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants.T, strict=True):
            struct.pack_into(">3i", icc, offset(tag) + 8, *(round(65536 * value) for value in column))
    if gamma is not None:  # "para", function 3: (a x + b) ** gamma from x = d on
        struct.pack_into(">5i", icc, offset(b"rTRC") + 12, round(65536 * gamma), 65536, 0, 65536, 0)
    if grey:
        icc = icc.replace(b"rTRC", b"kTRC").replace(b"RGB XYZ", b"GRAYXYZ", 1)
    return bytes(icc)


def _colorants(primaries: Sequence[float]) -> np.ndarray | None:
    """XYZ of red, green and blue, the columns, adapted to the white D50; None if they make no colours."""
    xy = np.array(primaries, np.float64).reshape(4, 2)
    if (xy[:, 1] <= 0).any():
        return None
    white, *colours = np.stack([xy[:, 0], xy[:, 1], 1 - xy.sum(1)], 1) / xy[:, 1:]
    matrix = np.stack(colours, 1)
    if abs(np.linalg.det(matrix)) < 1e-6:
        return None
    matrix = matrix * np.linalg.solve(matrix, white)
    adapted = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.asarray(np.linalg.solve(_BRADFORD, adapted[:, None] * _BRADFORD) @ matrix)


@functools.lru_cache(maxsize=4)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Transform of pictures of a mode; None for sRGB itself, and for a profile that does not fit."""
    try:
        source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        if source.profile.xcolor_space.strip() != {"L": "GRAY"}.get(mode, mode):
            return None
        transform = ImageCms.buildTransform(source, srgb, mode, "RGB")
        if mode == "RGB":
            moved = np.asarray(ImageCms.applyTransform(_ramps(), transform)).astype(int) - _ramps()
            if np.abs(moved).max() <= _SRGB_LEVELS:
                return None  # without the rounding of a transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):  # viewers show such pictures without it
        return None
    return transform


@functools.cache
def _ramps() -> Image.Image:
    """Picture of all greys, reds, greens and blues."""
    levels = np.arange(256, dtype=np.uint8)
    masks = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.uint8)
    return Image.fromarray(masks[:, None] * levels[None, :, None])
