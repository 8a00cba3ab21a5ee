"""Paintings as SVG for pen plotters: centre lines in millimetres, one named layer per colour.

A *sweep* becomes its centre line, as wide as the stroke is thick and the pens allow, and is cut where the
width changes. A single disc becomes a spiral, a *polygon* is hatched. Nothing is transparent, and no line
leaves the canvas.

Layers are drawn in the order of the mean index of their strokes; within a layer strokes keep their order. A
line is cut away where a stroke covers it that is later in the painting but in an earlier layer.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from statistics import fmean
from typing import Any

import numpy as np

from paint_gym.painting.svg.writer import SEGMENTS, hex_colour, title

NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"'
WIDTH_STEP = 0.25  # mm, by which the widths of a stroke may differ from the one line that is drawn
TOLERANCE = 0.05  # mm, by which lines may differ from their curve
FILL_PEN = 0.5  # mm, width of the lines that fill areas, if the pens allow
PROBE_STEP = 0.3  # mm at least, between the points of a line that are tested for strokes over them
MAX_COVERED = 2  # of the five probes of a visible point
SPIRAL_CORNERS = 32  # per turn


@dataclass(frozen=True)
class Paper:
    """Paper and pens of a plotter, in millimetres.

    Raises:
        ValueError: no room to draw on, or pens without a width.
    """

    width: float = 210.0
    height: float = 297.0
    margin: float = 10.0  # empty border on all four sides
    pen: tuple[float, float] = (0.5, 6.0)  # least and greatest width of a line

    def __post_init__(self) -> None:
        sides = (self.width, self.height, self.margin)
        if not all(math.isfinite(side) for side in sides) or self.margin < 0:
            raise ValueError(f"paper and margin must be in mm, at least 0, not {sides}")
        if max(sides[:2]) > 10_000 or min(sides[:2]) <= 2 * self.margin:
            paper = f"a paper of {self.width:g} x {self.height:g} mm with a margin of {self.margin:g} mm"
            raise ValueError(f"{paper} has no room to draw on, or is longer than 10 m")
        thin, thick = self.pen
        if not 0 < thin <= thick < math.inf:
            raise ValueError(f"widths of pens must be least and greatest in mm, not {self.pen}")

    def scale(self, size: tuple[int, int]) -> float:
        """Millimetres per pixel, for a canvas of height and width in pixels that fills the paper."""
        height, width = size
        return min((self.width - 2 * self.margin) / width, (self.height - 2 * self.margin) / height)

    def radii(self, size: tuple[int, int]) -> tuple[float, float]:
        """Least and greatest radius of the pens, in shorter sides of a canvas of height and width."""
        side = self.scale(size) * min(size)
        return self.pen[0] / 2 / side, self.pen[1] / 2 / side


def lines(painting: Any, paper: Paper) -> Iterator[str]:
    """The lines of the SVG."""
    scale = paper.scale(painting.size)
    height, width = painting.size[0] * scale, painting.size[1] * scale
    corner = np.array([(paper.width - width) / 2, (paper.height - height) / 2])
    layers: defaultdict[str, list[_Stroke]] = defaultdict(list)
    for index, (nodes, colour) in enumerate(painting.nodes(SEGMENTS)):
        nodes = nodes[:, :3] * [width, height, 2 * min(height, width)] + [*corner, 0]
        if len(nodes) > 1:  # a single disc is an area
            nodes[:, 2] = nodes[:, 2].clip(*paper.pen)
        layers[hex_colour(colour)].append(_Stroke(index, nodes, painting.design.primitive))
    sides = f'width="{paper.width:g}mm" height="{paper.height:g}mm"'
    yield f'<svg {NAMESPACES} {sides} viewBox="0 0 {paper.width:g} {paper.height:g}">'
    yield f"<title>{escape(title(painting), quote=False)}</title>"
    fill = _hatched if painting.design.primitive == "polygon" else _centre_lines
    drawn: list[_Stroke] = []
    ordered = sorted(layers.items(), key=lambda item: fmean(stroke.index for stroke in item[1]))
    for number, (name, layer) in enumerate(ordered, 1):
        marks = f'inkscape:groupmode="layer" inkscape:label="{number}-{name}" id="layer{number}"'
        pen = 'fill="none" stroke-linecap="round" stroke-linejoin="round"'
        yield f'<g {marks} {pen} stroke="{name}">'
        for stroke in layer:
            covers = [cover for cover in drawn if cover.index > stroke.index and stroke.may_meet(cover)]
            for points, thick in fill(stroke.nodes, paper.pen):
                inset = min(thick, height, width) / 2
                low, high = corner + inset, corner + np.array([width, height]) - inset
                for part in _uncovered(points, thick, covers):
                    for line in _clipped(part, low, high):
                        places = " ".join(f"{x:.5g} {y:.5g}" for x, y in line.round(2).tolist())
                        yield f'<path stroke-width="{thick:.3g}" d="M{places}"/>'
        yield "</g>"
        drawn += layer
    yield "</svg>"


class _Stroke:
    """Stroke `index` of the painting, with nodes ``(M, 3)``: x, y and width in mm."""

    def __init__(self, index: int, nodes: np.ndarray, primitive: str) -> None:
        self.index, self.nodes, self.primitive = index, nodes, primitive
        radius = nodes[:, 2:] / 2
        self.low, self.high = (nodes[:, :2] - radius).min(0), (nodes[:, :2] + radius).max(0)

    def may_meet(self, stroke: _Stroke) -> bool:
        return bool((self.low <= stroke.high).all() and (stroke.low <= self.high).all())

    def covers(self, points: np.ndarray) -> np.ndarray:
        """True for the points ``(P, 2)`` that it covers."""
        if self.primitive == "polygon":
            corners = self.nodes[:, :2]
            sides = np.roll(corners, -1, axis=0) - corners
            offset = points[:, None] - corners
            turns = sides[:, 0] * offset[..., 1] - sides[:, 1] * offset[..., 0]
            return np.asarray((turns >= 0).all(1) | (turns <= 0).all(1))
        nodes = self.nodes[:: 4 if len(self.nodes) > 16 else 1]
        start, step = nodes[:-1], np.diff(nodes, axis=0)
        if not len(step):
            start, step = nodes, np.zeros_like(nodes)
        offset = points[:, None] - start[:, :2]
        square = np.maximum((step[:, :2] ** 2).sum(1), 1e-12)
        share = np.clip((offset * step[:, :2]).sum(2) / square, 0, 1)
        distance = np.hypot(*(offset - share[..., None] * step[:, :2]).transpose(2, 0, 1))
        return np.asarray((distance <= (start[:, 2] + share * step[:, 2]) / 2).any(1))


def _uncovered(points: np.ndarray, thick: float, covers: list[_Stroke]) -> list[np.ndarray]:
    """Visible parts of a line ``(P, 2)`` under other strokes."""
    if not covers:
        return [points]
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    count = max(2, math.ceil(length[-1] / max(PROBE_STEP, thick / 6)) + 1)
    at = np.linspace(0, length[-1], count)
    middle = np.stack([np.interp(at, length, column) for column in points.T], 1)
    # five probes of the pen's disc: its middle, and four points near its edge
    around = 0.35 * thick * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    probes = (middle[:, None] + around).reshape(-1, 2)
    covered = np.any([stroke.covers(probes) for stroke in covers], axis=0)
    visible = covered.reshape(-1, len(around)).sum(1) <= MAX_COVERED
    edges = np.flatnonzero(np.diff(np.concatenate([[False], visible, [False]])))
    parts = []
    for first, last in edges.reshape(-1, 2).tolist():
        low, high = at[first], at[last - 1]
        if high - low > thick / 3:  # a shorter part is hardly visible, and costs a stroke of the pen
            between = points[(length > low) & (length < high)]
            parts.append(np.concatenate([middle[first : first + 1], between, middle[last - 1 : last]]))
    return parts


def _centre_lines(nodes: np.ndarray, pen: tuple[float, float]) -> Iterator[tuple[np.ndarray, float]]:
    """Lines ``(P, 2)`` and their widths of a sweep."""
    if np.hypot(*(nodes[:, :2] - nodes[0, :2]).T).max() < TOLERANCE:
        yield _spiral(nodes[0, :2], float(nodes[:, 2].max()) / 2, pen)
        return
    if len(nodes) == 2:
        nodes = np.linspace(nodes[0], nodes[1], 65)
    first = 0
    for i in range(1, len(nodes)):
        widths = nodes[first : i + 1, 2]
        if np.ptp(widths) > WIDTH_STEP or i == len(nodes) - 1:
            yield _simplified(nodes[first : i + 1, :2]), float(widths.min() + widths.max()) / 2
            first = i


def _spiral(centre: np.ndarray, radius: float, pen: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Line that fills a disc, from its middle to a last turn along its edge, and its width."""
    thick = float(np.clip(min(FILL_PEN, 2 * radius), *pen))
    outer = max(radius - thick / 2, TOLERANCE)
    turns = outer / thick
    turn = np.linspace(0, turns + 1, max(2, math.ceil((turns + 1) * SPIRAL_CORNERS)))
    distance = outer * np.minimum(turn / turns, 1)
    angle = 2 * np.pi * turn
    return centre + distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), thick


def _simplified(points: np.ndarray) -> np.ndarray:
    """Corners that keep to `TOLERANCE` of points ``(P, 2)`` (Douglas and Peucker 1973)."""
    if len(points) < 3:
        return points
    chord, offset = points[-1] - points[0], points - points[0]
    length = math.hypot(*chord)
    share = np.clip(offset @ chord / length**2, 0, 1) if length > 0 else np.zeros(len(points))
    distance = np.hypot(*(offset - share[:, None] * chord).T)
    farthest = int(distance.argmax())
    if distance[farthest] < TOLERANCE:
        return points[[0, -1]]
    return np.concatenate([_simplified(points[: farthest + 1])[:-1], _simplified(points[farthest:])])


def _hatched(corners: np.ndarray, pen: tuple[float, float]) -> Iterator[tuple[np.ndarray, float]]:
    """Zigzag line that fills a convex polygon, and its width."""
    width = max(pen[0], min(FILL_PEN, pen[1]))
    points = corners[:, :2]
    sides = np.roll(points, -1, axis=0) - points
    longest = sides[np.hypot(*sides.T).argmax()]
    length = math.hypot(*longest)
    if length < TOLERANCE:
        return
    along = longest / length
    across = np.array([-along[1], along[0]])
    u, v = points @ along, points @ across
    u1, v1 = np.roll(u, -1), np.roll(v, -1)
    rows: list[np.ndarray] = []
    for level in np.arange(v.min() + width / 2, v.max(), width):
        cuts = (v <= level) != (v1 <= level)
        crossings = u[cuts] + (level - v[cuts]) / (v1[cuts] - v[cuts]) * (u1[cuts] - u[cuts])
        if len(crossings):
            ends = sorted([float(crossings.min()), float(crossings.max())], reverse=len(rows) % 4 == 2)
            rows += [end * along + level * across for end in ends]
    if rows:
        yield np.array(rows), width


def _clipped(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[np.ndarray]:
    """Parts of a line ``(P, 2)`` that lie in a box (Liang and Barsky 1984)."""
    parts: list[list[np.ndarray]] = []
    for start, end in itertools.pairwise(points):
        step = end - start
        enter, leave = 0.0, 1.0
        for change, before, after in zip(step, start - low, high - start, strict=True):
            if abs(change) >= 1e-9:
                first, last = sorted([-before / change, after / change])
                enter, leave = max(enter, first), min(leave, last)
            elif before < 0 or after < 0:
                leave = -1.0
        if enter > leave:
            continue
        exit_point = end if leave == 1 else start + leave * step
        if parts and enter == 0 and np.array_equal(parts[-1][-1], start):
            parts[-1].append(exit_point)
        else:
            parts.append([start + enter * step, exit_point])
    return [np.array(part) for part in parts]
