"""Paintings as SVG for pen plotters: centre lines in millimetres, one named layer per colour.

A *sweep* becomes the way of its centre, as wide as it is thick and the pens allow; where its thickness
changes by more than a pen notices it is cut. A single disc becomes a spiral, a *polygon* is hatched. Nothing
is transparent, and no ink lies beyond the canvas.

Layers are drawn one after the other, by the mean place of their strokes in the painting; within a layer
strokes keep their order. A line is left out where strokes cover it that come later in the painting and
earlier in the drawing, so that what is on top stays on top.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from paint_gym.painting.svg.writer import hex_colour

NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"'
NOTICED = 0.25  # mm by which widths of one line may differ
OFF = 0.05  # mm by which lines may be off their curve
PEN = 0.5  # mm, the width that areas are filled with, if the pens allow
STEP = 0.3  # mm at least, from one place of a line to the next where it is asked whether it is seen
HIDDEN = 2  # of five points of a pen's disc that may be covered
CIRCLE = 32  # corners of a turn of a spiral


@dataclass(frozen=True)
class Paper:
    """A sheet, in millimetres.

    Attributes:
        width: of the sheet.
        height: of the sheet.
        margin: on all four sides, that stays empty.
        pen: the least and the greatest width of a line.
    """

    width: float = 210.0
    height: float = 297.0
    margin: float = 10.0
    pen: tuple[float, float] = (0.5, 6.0)

    def __post_init__(self) -> None:
        """Refuse sheets with no room to draw on, and pens that are none."""
        sides = (self.width, self.height, self.margin)
        if not all(math.isfinite(side) for side in sides) or self.margin < 0:
            raise ValueError(f"paper and margin must be in mm, at least 0, not {sides}")
        if max(sides[:2]) > 10_000 or min(sides[:2]) <= 2 * self.margin:
            raise ValueError(
                f"a paper of {self.width:g} x {self.height:g} mm with a margin of {self.margin:g} mm has no "
                "room to draw on, or is longer than 10 m"
            )
        thin, thick = self.pen
        if not 0 < thin <= thick < math.inf:
            raise ValueError(f"widths of pens must be least and greatest in mm, not {self.pen}")

    def scale(self, size: tuple[int, int]) -> float:
        """Millimetres a pixel, of a canvas of height and width in pixels that is as large as fits."""
        height, width = size
        return min((self.width - 2 * self.margin) / width, (self.height - 2 * self.margin) / height)

    def radii(self, size: tuple[int, int]) -> tuple[float, float]:
        """The pens' least and greatest radius, in shorter sides of a canvas of height and width in pixels."""
        side = self.scale(size) * min(size)
        return self.pen[0] / 2 / side, self.pen[1] / 2 / side


def lines(
    size: tuple[int, int],
    primitive: str,
    strokes: Iterable[tuple[np.ndarray, np.ndarray]],
    paper: Paper,
    title: str,
) -> Iterator[str]:
    """The lines of the SVG.

    Args:
        size: (height, width) of the canvas in pixels.
        primitive: ``"sweep"`` or ``"polygon"``, how the nodes are joined.
        strokes: of each stroke, in order, its nodes ``(M, 4)`` in canvas sides and its colour ``(3,)``.
        paper: what is drawn on.
        title: of the drawing.
    """
    scale = paper.scale(size)
    height, width = size[0] * scale, size[1] * scale
    corner = np.array([(paper.width - width) / 2, (paper.height - height) / 2])
    layers: defaultdict[str, list[_Stroke]] = defaultdict(list)
    for place, (nodes, colour) in enumerate(strokes):
        placed = nodes[:, :3] * [width, height, 2 * min(height, width)] + [*corner, 0]
        if len(placed) > 1:  # a disc is an area
            placed[:, 2] = placed[:, 2].clip(*paper.pen)
        layers[hex_colour(colour)].append(_Stroke(place, placed, primitive))
    sides = f'width="{paper.width:g}mm" height="{paper.height:g}mm"'
    yield f'<svg {NAMESPACES} {sides} viewBox="0 0 {paper.width:g} {paper.height:g}">'
    yield f"<title>{escape(title, quote=False)}</title>"
    before: list[_Stroke] = []  # of the layers that are drawn
    for number, (name, layer) in enumerate(sorted(layers.items(), key=lambda item: _mean_place(item[1])), 1):
        marks = f'inkscape:groupmode="layer" inkscape:label="{number}-{name}" id="layer{number}"'
        pen = 'fill="none" stroke-linecap="round" stroke-linejoin="round"'
        yield f'<g {marks} {pen} stroke="{name}">'
        for stroke in layer:
            over = [other for other in before if other.place > stroke.place and stroke.may_meet(other)]
            for points, thick in stroke.lines(paper.pen):
                inside = min(thick, height, width) / 2
                for part in _uncovered(points, thick, over):
                    for shown in _clipped(part, corner + inside, corner + np.array([width, height]) - inside):
                        yield _line(shown, thick)
        yield "</g>"
        before += layer
    yield "</svg>"


class _Stroke:
    """A stroke on the paper.

    Args:
        place: its index in the painting.
        nodes: ``(M, 3)``: x, y and width in mm.
        primitive: how they are joined.
    """

    def __init__(self, place: int, nodes: np.ndarray, primitive: str) -> None:
        self.place, self.nodes, self.primitive = place, nodes, primitive
        reach = nodes[:, 2:] / 2
        self.low, self.high = (nodes[:, :2] - reach).min(0), (nodes[:, :2] + reach).max(0)

    def may_meet(self, other: _Stroke) -> bool:
        """Whether the boxes around them overlap."""
        return bool((self.low <= other.high).all() and (other.low <= self.high).all())

    def lines(self, pen: tuple[float, float]) -> Iterator[tuple[np.ndarray, float]]:
        """Lines ``(P, 2)`` and their widths."""
        return (_hatched if self.primitive == "polygon" else _drawn)(self.nodes, pen)

    def covers(self, points: np.ndarray) -> np.ndarray:
        """Which of points ``(P, 2)`` it covers."""
        if self.primitive == "polygon":
            corners = self.nodes[:, :2]
            sides = np.roll(corners, -1, axis=0) - corners
            offset = points[:, None] - corners
            turns = sides[:, 0] * offset[..., 1] - sides[:, 1] * offset[..., 0]
            return np.asarray((turns >= 0).all(1) | (turns <= 0).all(1))
        nodes = self.nodes[:: 4 if len(self.nodes) > 16 else 1]
        begin, step = nodes[:-1], np.diff(nodes, axis=0)
        if not len(step):
            begin, step = nodes, np.zeros_like(nodes)
        offset = points[:, None] - begin[:, :2]
        square = np.maximum((step[:, :2] ** 2).sum(1), 1e-12)
        share = np.clip((offset * step[:, :2]).sum(2) / square, 0, 1)
        apart = np.hypot(*(offset - share[..., None] * step[:, :2]).transpose(2, 0, 1))
        return np.asarray((apart <= (begin[:, 2] + share * step[:, 2]) / 2).any(1))


def _mean_place(layer: list[_Stroke]) -> float:
    return sum(stroke.place for stroke in layer) / len(layer)


def _uncovered(points: np.ndarray, thick: float, over: list[_Stroke]) -> list[np.ndarray]:
    """The parts of a line ``(P, 2)`` of which most is seen beside the strokes over it."""
    if not over:
        return [points]
    steps = np.hypot(*np.diff(points, axis=0).T)
    way = np.concatenate([[0], np.cumsum(steps)])
    at = np.linspace(0, way[-1], max(2, math.ceil(way[-1] / max(STEP, thick / 6)) + 1))
    middle = np.stack([np.interp(at, way, column) for column in points.T], 1)
    # of a disc of the pen: its middle, and four points near its edge
    around = 0.35 * thick * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    probes = (middle[:, None] + around).reshape(-1, 2)
    hidden = np.zeros(len(probes), bool)
    for stroke in over:
        hidden |= stroke.covers(probes)
    seen = hidden.reshape(-1, len(around)).sum(1) <= HIDDEN
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]])))
    parts = []
    for first, last in edges.reshape(-1, 2).tolist():
        if at[last - 1] - at[first] > thick / 3:  # shorter ones are hardly seen, and cost a stroke of the pen
            low, high = at[first], at[last - 1]
            between = points[(way > low) & (way < high)]
            parts.append(np.concatenate([middle[first : first + 1], between, middle[last - 1 : last]]))
    return parts


def _line(points: np.ndarray, thick: float) -> str:
    places = " ".join(f"{x:.5g} {y:.5g}" for x, y in points.round(2).tolist())
    return f'<path stroke-width="{thick:.3g}" d="M{places}"/>'


def _drawn(nodes: np.ndarray, pen: tuple[float, float]) -> Iterator[tuple[np.ndarray, float]]:
    """Lines ``(P, 2)`` and their widths of a sweep; nodes ``(M, 3)``: x, y and width in mm."""
    if np.hypot(*(nodes[:, :2] - nodes[0, :2]).T).max() < OFF:
        yield _spiral(nodes[0, :2], float(nodes[:, 2].max()) / 2, pen)
        return
    if len(nodes) == 2:
        nodes = np.linspace(nodes[0], nodes[1], 65)
    first = 0
    for i in range(1, len(nodes)):
        some = nodes[first : i + 1, 2]
        if np.ptp(some) > NOTICED or i == len(nodes) - 1:
            yield _simplified(nodes[first : i + 1, :2]), float(some.min() + some.max()) / 2
            first = i


def _spiral(centre: np.ndarray, radius: float, pen: tuple[float, float]) -> tuple[np.ndarray, float]:
    """A line that fills a disc, from its middle to a last turn along its edge, and its width."""
    thick = float(np.clip(min(PEN, 2 * radius), *pen))
    outer = max(radius - thick / 2, OFF)
    turns = outer / thick
    turn = np.linspace(0, turns + 1, max(2, math.ceil((turns + 1) * CIRCLE)))
    reach = outer * np.minimum(turn / turns, 1)
    angle = 2 * np.pi * turn
    return centre + reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), thick


def _simplified(points: np.ndarray) -> np.ndarray:
    """The corners that are needed to stay within `OFF` of points ``(P, 2)`` (Douglas and Peucker 1973)."""
    if len(points) < 3:
        return points
    chord = points[-1] - points[0]
    offset = points - points[0]
    length = math.hypot(*chord)
    if length > 0:
        share = np.clip(offset @ chord / length**2, 0, 1)
        apart = np.hypot(*(offset - share[:, None] * chord).T)
    else:
        apart = np.hypot(*offset.T)
    farthest = int(apart.argmax())
    if apart[farthest] < OFF:
        return points[[0, -1]]
    return np.concatenate([_simplified(points[: farthest + 1])[:-1], _simplified(points[farthest:])])


def _hatched(corners: np.ndarray, pen: tuple[float, float]) -> Iterator[tuple[np.ndarray, float]]:
    """A convex polygon as one line to and fro; corners ``(M, 3)`` in mm."""
    width = max(pen[0], min(PEN, pen[1]))
    points = corners[:, :2]
    sides = np.roll(points, -1, axis=0) - points
    longest = sides[np.hypot(*sides.T).argmax()]
    length = math.hypot(*longest)
    if length < OFF:
        return
    along = longest / length
    across = np.array([-along[1], along[0]])
    u, v = points @ along, points @ across
    rows: list[list[np.ndarray]] = []
    for level in np.arange(v.min() + width / 2, v.max(), width):
        v0, v1 = v, np.roll(v, -1)
        cuts = (v0 <= level) != (v1 <= level)
        share = (level - v0[cuts]) / (v1[cuts] - v0[cuts])
        crossed = u[cuts] + share * (np.roll(u, -1)[cuts] - u[cuts])
        if len(crossed):
            ends = sorted([float(crossed.min()), float(crossed.max())], reverse=len(rows) % 2 == 1)
            rows.append([end * along + level * across for end in ends])
    if rows:
        yield np.array(rows).reshape(-1, 2), width


def _clipped(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[np.ndarray]:
    """The parts of a line ``(P, 2)`` that lie in a box (Liang and Barsky 1984)."""
    parts: list[list[np.ndarray]] = []
    for begin, end in itertools.pairwise(points):
        step = end - begin
        enter, leave = 0.0, 1.0
        for moved, before, after in zip(step, begin - low, high - begin, strict=True):
            if abs(moved) < 1e-9:
                if before < 0 or after < 0:
                    leave = -1.0
                continue
            at = sorted([-before / moved, after / moved])
            enter, leave = max(enter, at[0]), min(leave, at[1])
        if enter > leave:
            continue
        first, last = begin + enter * step, end if leave == 1 else begin + leave * step
        if parts and enter == 0 and np.array_equal(parts[-1][-1], begin):
            parts[-1].append(last)
        else:
            parts.append([first, last])
    return [np.array(part) for part in parts]
