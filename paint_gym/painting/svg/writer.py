"""Paintings as SVG: one path per stroke, sharp at any size, in browsers and in drawing programs.

The paths are made from the nodes of `StrokeDesign.nodes`, so any design works. A *polygon* is a path; a
*sweep* is the contour of a moving disc, with a gradient where its alpha changes.

Names of gradients begin with a checksum of the painting, so that several paintings can share a page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from paint_gym.painting import json_format
from paint_gym.painting.svg.contour import polygon_path, sweep_path
from paint_gym.painting.svg.gradient import Gradient, fit_gradient

SEGMENTS = 64  # of a curve
UNITS = 2000  # of the shorter side, at least: coordinates are whole numbers
TOLERANCE = 1 / 1500  # of the shorter side: largest error of contours


def lines(painting: Any) -> Iterator[str]:
    """The lines of the SVG: a head, one per stroke, and an end; nothing is drawn beyond the page."""
    size, background = painting.size, painting.background
    head = json_format.head(painting.design, size, background, painting.opacity)
    about = json.dumps({"title": title(painting), **head, "strokes": len(painting)})
    checksum = hashlib.sha256(about.encode() + painting.strokes.tobytes()).hexdigest()
    scale = -(-UNITS // min(size))  # rounded up
    height, width = size[0] * scale, size[1] * scale
    box = f'width="{size[1]}" height="{size[0]}" viewBox="0 0 {width} {height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    yield f"<title>{escape(title(painting), quote=False)}</title>"
    yield f"<metadata>{escape(about, quote=False)}</metadata>"
    if background is not None:
        yield f'<path fill="{hex_colour(np.array(background))}" d="M0 0h{width}v{height}H0z"/>'
    name = f"p{checksum[:6]}-"
    yield f'<clipPath id="{name}page"><path d="M0 0h{width}v{height}H0z"/></clipPath>'
    yield f'<g clip-path="url(#{name}page)">'  # for programs that draw and cut what lies beyond the page
    units = np.array([width, height, min(height, width), 1])
    for i, (nodes, colour) in enumerate(painting.nodes(SEGMENTS)):
        scaled = nodes * units
        if painting.design.primitive == "polygon":
            yield _path(polygon_path(scaled[:, :2]), hex_colour(colour), float(scaled[0, 3]))
        else:
            yield _sweep(scaled, hex_colour(colour), (width, height), f"{name}{i:x}")
    yield "</g>"
    yield "</svg>"


def title(painting: Any) -> str:
    """Title of a drawing."""
    return f"A painting of {len(painting)} {painting.stroke} strokes"


def _sweep(nodes: np.ndarray, colour: str, canvas: tuple[int, int], name: str) -> str:
    """Line of a swept disc; canvas (width, height) in units."""
    nodes = np.concatenate([nodes[:, :2], nodes[:, 2:3].clip(0), nodes[:, 3:]], 1)
    path = sweep_path(nodes[:, :3], TOLERANCE * min(canvas))
    alpha = fit_gradient(nodes, canvas)
    if isinstance(alpha, float):
        return _path(path, colour, alpha)
    return f'{_gradient(alpha, colour, name)}<path fill="url(#{name})" d="{path}"/>'


def _path(path: str, colour: str, alpha: float) -> str:
    return f'<path fill="{colour}"{_opacity("fill", alpha)} d="{path}"/>'


def _gradient(gradient: Gradient, colour: str, name: str) -> str:
    stops = "".join(
        f'<stop{_offset(offset)} stop-color="{colour}"{_opacity("stop", alpha)}/>'
        for offset, alpha in zip(gradient.offsets.tolist(), gradient.alphas.tolist(), strict=True)
    )
    head = f'id="{name}" gradientUnits="userSpaceOnUse"'
    (x1, y1), (x2, y2) = gradient.start.round().astype(int), gradient.end.round().astype(int)
    if gradient.radius is None:
        line = f'x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"'
        return f"<linearGradient {head} {line}>{stops}</linearGradient>"
    circle = f'cx="{x2}" cy="{y2}" r="{round(gradient.radius)}" fx="{x1}" fy="{y1}"'
    return f"<radialGradient {head} {circle}>{stops}</radialGradient>"


def _offset(offset: float) -> str:
    return f' offset="{_share(offset)}"' if offset > 0 else ""


def _opacity(kind: str, alpha: float) -> str:
    text = _share(alpha)
    return "" if text == "1" else f' {kind}-opacity="{text}"'


def _share(value: float) -> str:
    """A number in [0, 1] with at most two decimals, without the zero before the point."""
    return f"{value:.2f}".rstrip("0").rstrip(".").removeprefix("0") or "0"


def hex_colour(colour: np.ndarray) -> str:
    """Colour ``(3,)`` in [0, 1] as ``#rrggbb``, or as ``#rgb`` if that is equal."""
    digits = "".join(f"{round(float(value) * 255):02x}" for value in colour)
    return f"#{digits[::2]}" if digits[::2] == digits[1::2] else f"#{digits}"
