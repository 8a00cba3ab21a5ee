"""Where a kernel finds, in the vectors of built-in strokes, what their outlines are made of."""

from __future__ import annotations

import math
from typing import NamedTuple

from paint_gym.strokes import BUILT_IN, StrokeDesign


class Layout(NamedTuple):
    """Where in a stroke's vector the numbers of its nodes are.

    From the first node to the last, radius and alpha change evenly, and so does the place on a line; a curve
    is cut at even steps of its parameter.

    Attributes:
        nodes: of a stroke; None for a curve, which is cut into `segments`.
        first: x, y, radius and alpha of the first node.
        last: those of the last.
        middle: x and y of the middle point of a curve, relative to the box of its ends; -1 on a line.
        step: from each corner of a polygon to the next; 0 if it is a sweep. A polygon has no radius.
    """

    nodes: int | None
    first: tuple[int, int, int, int]
    last: tuple[int, int, int, int]
    middle: tuple[int, int] = (-1, -1)
    step: int = 0


LAYOUTS = {
    "bezier": Layout(None, (0, 1, 6, 7), (4, 5, 8, 9), middle=(2, 3)),
    "straight": Layout(2, (0, 1, 4, 5), (2, 3, 6, 7)),
    "circle": Layout(1, (0, 1, 2, 3), (0, 1, 2, 3)),
    "triangle": Layout(3, (0, 1, 6, 6), (0, 1, 6, 6), step=2),
}
"""Of `BUILT_IN`, by name."""


class Form(NamedTuple):
    """What a kernel must know to outline strokes.

    Attributes:
        layout: of their vectors.
        numbers: of a vector.
        nodes: of a stroke.
        opacity: the range that alphas are mapped to.
        height: of the canvas, in pixels.
        width: of the canvas, in pixels.
    """

    layout: Layout
    numbers: int
    nodes: int
    opacity: tuple[float, float]
    height: int
    width: int


def form_of(design: StrokeDesign, opacity: tuple[float, float], height: int, width: int) -> Form | None:
    """Of strokes of a design on a canvas; None unless it is built in."""
    if design not in BUILT_IN:
        return None
    layout = LAYOUTS[design.name]
    nodes = layout.nodes or segments(height, width) + 1
    low, high = opacity
    return Form(layout, design.dim, nodes, (float(low), float(high)), height, width)


def segments(height: int, width: int) -> int:
    """Pieces that a curve is cut into: 12 at 128 px, more on larger canvases, so that no corner is seen.

    The polyline of n pieces is nowhere further from its curve than 0.35 / n^2 canvas sides: at most 0.35
    pixels, a hundredth of that for most strokes.
    """
    return max(8, math.ceil(math.sqrt(max(height, width))))
