"""Palettes: chosen from pictures, read from files, and matched to colours in the perceptual space OKLab."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from PIL import ImageColor
from torch import Tensor

from paint_gym.utils.errors import as_int, named_file
from paint_gym.utils.files import read_capped
from paint_gym.utils.images import load_opencv

MAX_COLOURS = 256
# Distances without a matrix product, which would round differently for another number of colours.
EXACT = "donot_use_mm_for_euclid_dist"
SAMPLES = 20_000  # pixels that colours are chosen from
SATURATED = 0.15  # chroma in OKLab of an accent
ACCENTS = 5.0  # additional weight of a pixel of that chroma, so that small accents have a colour
MAX_PALETTE_BYTES = 1_000_000
# Björn Ottosson, "A perceptual color space for image processing", 2020.
CONES = torch.tensor([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
OPPONENTS = torch.tensor([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip


def to_oklab(colours: Tensor) -> Tensor:
    """OKLab of sRGB colours ``(..., 3)`` in [0, 1]."""
    linear = torch.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return (linear @ CONES.T.to(colours)).clamp(min=0) ** (1 / 3) @ OPPONENTS.T.to(colours)


def from_oklab(colours: Tensor) -> Tensor:
    """The inverse of `to_oklab`, clipped to sRGB."""
    cones = (colours @ torch.linalg.inv(OPPONENTS.T.to(colours))) ** 3
    linear = (cones @ torch.linalg.inv(CONES.T.to(colours))).clamp(0, 1)
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def nearest_colours(colours: Tensor, palette: Tensor) -> Tensor:
    """Nearest colours of a palette ``(K, 3)`` to colours ``(..., 3)``."""
    distance = torch.cdist(to_oklab(colours).reshape(-1, 3), to_oklab(palette), compute_mode=EXACT)
    return palette[distance.argmin(-1)].view(colours.shape)


def choose_palette(pictures: Tensor, count: int) -> Tensor:
    """Representative colours of pictures ``(B, 3, H, W)`` in [0, 1], by k-means in OKLab.

    Saturated pixels count more, by the cube of their chroma.

    Returns:
        ``(count, 3)`` in [0, 1], multiples of 1/255, darkest first; fewer if the pictures have no more.
    """
    count = as_int("palette", count, 1, MAX_COLOURS)
    pixels = pictures.detach().cpu().float().permute(0, 2, 3, 1).reshape(-1, 3)
    pixels = (pixels[:: max(1, len(pixels) // SAMPLES)] * 255).round() / 255
    distinct = to_oklab(torch.unique(pixels, dim=0))
    if len(distinct) > count:
        samples = to_oklab(pixels)
        chroma = samples[:, 1:].norm(dim=1)
        copies = 1 + ACCENTS * (chroma / SATURATED) ** 3
        samples = samples.repeat_interleave(copies.round().int(), 0)
        cv2 = load_opencv()
        cv2.setRNGSeed(0)
        rule = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-4)
        _, _, centres = cv2.kmeans(samples.numpy(), count, None, rule, 3, cv2.KMEANS_PP_CENTERS)
        distinct = torch.from_numpy(np.asarray(centres))
    darkest_first = distinct[distinct[:, 0].argsort(stable=True)]
    return (from_oklab(darkest_first) * 255).round() / 255


def read_palette(file: Path) -> Tensor:
    """Colours ``(K, 3)`` in [0, 1] of a text file: lines of hex digits, or a palette of GIMP (.gpl)."""
    with named_file(file):
        lines = read_capped(file, MAX_PALETTE_BYTES).decode("utf-8-sig", "replace").splitlines()
    if lines and lines[0].strip() == "GIMP Palette":
        numbers = (re.match(r"\s*(\d+)\s+(\d+)\s+(\d+)(\s|$)", line) for line in lines)
        colours = [tuple(map(int, match.groups()[:3])) for match in numbers if match]
        return as_palette(torch.tensor(colours).view(-1, 3) / 255, str(file))
    return parse_palette([line.strip() for line in lines if line.strip() and line[0] != ";"], str(file))


def parse_palette(texts: list[str], source: str = "palette") -> Tensor:
    """Colours ``(K, 3)`` in [0, 1] of hex digits, ``#rrggbb`` or ``#rgb``, or names of HTML."""
    colours = []
    for text in texts:
        name = text.strip().lower()
        if name not in ImageColor.colormap:
            name = f"#{name.removeprefix('#')}"
            if not re.fullmatch(r"#([0-9a-f]{3}){1,2}", name):
                raise ValueError(
                    f"{source}: {text[:20]!r} is no colour; write '#rrggbb', or a name such as navy"
                )
        colours.append(ImageColor.getrgb(name))
    return as_palette(torch.tensor(colours).view(-1, 3) / 255, source)


def hex_colours(palette: Tensor) -> list[str]:
    """Colours ``(K, 3)`` in [0, 1] as ``#rrggbb``."""
    return ["#" + bytes(colour).hex() for colour in (palette * 255).round().int().tolist()]


def as_palette(palette: Tensor, source: str = "palette") -> Tensor:
    """Check a palette ``(K, 3)``, and leave out repeated colours."""
    colours = torch.as_tensor(palette, dtype=torch.float32)
    if colours.ndim != 2 or colours.shape[1] != 3 or not 1 <= len(colours) <= MAX_COLOURS:
        raise ValueError(f"{source} must be (K, 3), 1 to {MAX_COLOURS} colours, not {tuple(colours.shape)}")
    if not bool(((colours >= 0) & (colours <= 1)).all()):
        raise ValueError(f"{source}: R, G and B must be in [0, 1], in a palette of GIMP from 0 to 255")
    distinct = [i for i in range(len(colours)) if not any(colours[i].equal(colours[j]) for j in range(i))]
    return colours[distinct]
