"""Paintings as SVG: every stroke a vector shape, so that it is sharp at any size.

Made from the nodes of `StrokeDesign.outline`, so it works for any design. A *polygon* is a path. A *sweep* is
the outline of a moving disc: a path of discs and of the quadrilaterals that join them, all turning the same
way, so that with the nonzero fill rule their overlaps count once. If its alpha changes, the outline is seen
through a mask. The mask holds the pieces of the stroke in order, each an opaque grey of its alpha: a later
piece covers the earlier, which is what the stroke means. They are half a pixel wider than the outline, so
that the mask's own soft edge never shows; and that, too, is how the analytic renderer decides a pixel's
alpha.

The text is written without an SVG library: it is three elements whose every value is a number, and plain
formatting keeps thousands of strokes a matter of seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np

SEGMENTS = 64  # pieces that curves come in, and that all others are measured against
COUNTS = (1, 2, 3, 4, 6, 8, 11, 16, 22, 32, 45)  # of pieces, from which the fewest that do are taken
TOLERANCE = 1 / 2000  # of the shorter side: how far pieces may be off the curve
ALPHA_STEP = 1 / 64  # from one piece of a mask to the next
SAME_ALPHA = 1 / 64  # a change of alpha along a stroke that is not seen
GROWTH = 0.5  # pixels by which a mask is wider than the outline it is applied to

# Numbers are rounded before; %.7g then drops trailing zeros. Both turn counter-clockwise.
DISC = "M%.7g %.7ga%.7g %.7g 0 1 0 %.7g 0 %.7g %.7g 0 1 0%.7g 0z"
QUADRILATERAL = "M%.7g %.7gL%.7g %.7g %.7g %.7g %.7g %.7gz"


def lines(
    size: tuple[int, int],
    background: Sequence[float],
    primitive: str,
    strokes: Iterable[tuple[np.ndarray, np.ndarray]],
) -> Iterator[str]:
    """The lines of the SVG: one per stroke, two before, one after. Equal strokes give equal lines.

    Args:
        size: (height, width) in pixels.
        background: R, G, B in [0, 1].
        primitive: ``"sweep"`` or ``"polygon"``, how the nodes are joined.
        strokes: of each stroke, in order, its nodes ``(M, 4)`` in canvas sides, curves in `SEGMENTS` pieces,
            and its colour ``(3,)`` in [0, 1].
    """
    height, width = size
    # A hundredth of a pixel at 128 pixels, and as fine at other sizes.
    decimals = max(0, math.ceil(math.log10(128 * 100 / min(height, width))))
    sides = f'width="{width}" height="{height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {sides} viewBox="0 0 {width} {height}">'
    yield f'<rect {sides} fill="{_hex(np.array(background))}"/>'
    for i, (nodes, colour) in enumerate(strokes):
        pixels = nodes * [width, height, min(height, width), 1]
        if primitive == "polygon":
            yield _polygon(pixels, _hex(colour), decimals)
        else:
            yield _sweep(pixels, _hex(colour), decimals, TOLERANCE * min(height, width), name=f"m{i}")
    yield "</svg>"


def _hex(colour: np.ndarray) -> str:
    return "#" + "".join(f"{round(float(value) * 255):02x}" for value in colour)


def _polygon(nodes: np.ndarray, colour: str, decimals: int) -> str:
    """A convex polygon; nodes ``(M, 4)`` in pixels: x, y, radius, alpha."""
    corners = " ".join(f"{x:.7g} {y:.7g}" for x, y in nodes[:, :2].round(decimals).tolist())
    return f'<path fill="{colour}" fill-opacity="{nodes[0, 3]:.3g}" d="M{corners}z"/>'


def _sweep(nodes: np.ndarray, colour: str, decimals: int, tolerance: float, name: str) -> str:
    """A swept disc; nodes ``(M, 4)`` in pixels: x, y, radius, alpha. If it needs a mask, its id is `name`."""
    nodes = np.concatenate([nodes[:, :2], nodes[:, 2:3].clip(0), nodes[:, 3:]], 1)
    pieces = _fewest_pieces(nodes, tolerance)
    outline = _outline(_cut(nodes, pieces), decimals)
    alpha = nodes[:, 3]
    if np.ptp(alpha) < SAME_ALPHA:
        middle = (alpha.min() + alpha.max()) / 2
        return f'<path fill="{colour}" fill-opacity="{middle:.3g}" d="{outline}"/>'
    steps = math.ceil(np.abs(np.diff(alpha)).max() * (len(nodes) - 1) / ALPHA_STEP - 1e-6)
    if pieces == len(nodes) - 1:  # it may have corners at its nodes: they are kept
        steps = pieces * math.ceil(steps / pieces)
    mask = _mask(_cut(nodes, max(pieces, steps)), max(0, decimals - 1), name)
    return f'{mask}<path fill="{colour}" mask="url(#{name})" d="{outline}"/>'


def _mask(nodes: np.ndarray, decimals: int, name: str) -> str:
    """The alpha of a sweep as greys: a mask goes by sRGB luminance, so a grey of 128 means 128/255."""
    nodes = nodes + np.array([0, 0, GROWTH, 0])
    left, top = np.floor((nodes[:, :2] - nodes[:, 2:3]).min(0)).astype(int)
    right, bottom = np.ceil((nodes[:, :2] + nodes[:, 2:3]).max(0)).astype(int)
    box = f'x="{left}" y="{top}" width="{right - left}" height="{bottom - top}"'
    # The grey of a piece is that of its middle; the end of the stroke, a whole disc, has its own.
    levels = np.append((nodes[:-1, 3] + nodes[1:, 3]) / 2, nodes[-1, 3])
    greys = np.round(levels * 255).astype(int).tolist()
    # A piece is the disc that it begins with and the joint; the disc that it ends with is the next one's.
    shapes = [
        disc + joint
        for disc, joint in zip(_discs(nodes, decimals), [*_joints(nodes, decimals), ""], strict=True)
    ]
    # Under all of them, so the first piece needs no shape.
    drawn = [f'<rect {box} fill="{_grey(greys[0])}"/>']
    for grey, group in groupby(range(1, len(greys)), key=greys.__getitem__):
        drawn.append(f'<path fill="{_grey(grey)}" d="{"".join(shapes[i] for i in group)}"/>')
    return f'<mask id="{name}" maskUnits="userSpaceOnUse" {box}>{"".join(drawn)}</mask>'


def _grey(level: int) -> str:
    return f"#{level:02x}{level:02x}{level:02x}"


def _outline(nodes: np.ndarray, decimals: int) -> str:
    return "".join(_discs(nodes, decimals) + _joints(nodes, decimals))


def _discs(nodes: np.ndarray, decimals: int) -> list[str]:
    """Path of the disc at each node."""
    circles = nodes[:, :3].round(decimals).tolist()
    return [DISC % (x - r, y, r, r, 2 * r, r, r, -2 * r) for x, y, r in circles]


def _joints(nodes: np.ndarray, decimals: int) -> list[str]:
    """Paths of the quadrilaterals that join discs along their tangents; empty if one holds the other."""
    xy, radius = nodes[:, :2], nodes[:, 2:3]
    along = np.diff(xy, axis=0)  # (M - 1, 2)
    length = np.hypot(along[:, :1], along[:, 1:])
    apart = (length > np.abs(np.diff(radius, axis=0)))[:, 0]
    along = along / np.where(length > 0, length, 1)
    # A tangent touches both discs where the normal has this share along the axis.
    cosine = (radius[:-1] - radius[1:]) / np.where(length > 0, length, 1)
    sine = np.sqrt((1 - cosine**2).clip(0))
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    left, right = along * cosine + across * sine, along * cosine - across * sine
    corners = [xy[:-1] + radius[:-1] * left, xy[1:] + radius[1:] * left]
    corners += [xy[1:] + radius[1:] * right, xy[:-1] + radius[:-1] * right]
    points = np.concatenate(corners, 1).round(decimals).tolist()  # (M - 1, 8)
    return [QUADRILATERAL % tuple(point) if there else "" for point, there in zip(points, apart, strict=True)]


def _cut(nodes: np.ndarray, pieces: int) -> np.ndarray:
    """The same line as nodes ``(pieces + 1, 4)``, evenly spaced along the index of the given ones."""
    if pieces == len(nodes) - 1:
        return nodes
    at = np.linspace(0, len(nodes) - 1, pieces + 1)
    before = np.minimum(at.astype(int), len(nodes) - 2)
    share = (at - before)[:, None]
    return nodes[before] * (1 - share) + nodes[before + 1] * share


def _fewest_pieces(nodes: np.ndarray, tolerance: float) -> int:
    """The fewest pieces whose place and radius stay within `tolerance` pixels of the nodes."""
    for count in COUNTS:
        if count >= len(nodes) - 1:
            break
        off = np.abs(_cut(_cut(nodes, count), len(nodes) - 1) - nodes)[:, :3]
        if off.max() < tolerance:
            return count
    return len(nodes) - 1
