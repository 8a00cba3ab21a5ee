"""Paintings as SVG for pen plotters: lines in millimetres, one named layer for each colour and pen.

Each colour has the area where it is on top: what later strokes cover is cut away. A pen fills an area with
lines along its edge, half a pen inside, so no ink leaves the area, and the layers can be drawn in any order.
What is narrower than the thinnest pen is given to a neighbour. On a background, white is bare paper.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from PIL import ImageColor
from scipy.spatial import KDTree

from paint_gym.painting.svg.paper import Paper
from paint_gym.painting.svg.writer import hex_colour, title

logger = logging.getLogger(__name__)
NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"'
SEGMENTS = 16  # of a curve
MIN_RADIUS = 0.53  # pens, of a stroke: a little more than the pen's own
GRID = 0.001  # mm, to which the corners of areas are rounded, so that cuts are exact
TOLERANCE = 0.02  # mm, by which lines may differ from their curve
SHORTEST = 1.0  # mm, of a line that is worth a lift of the pen
OVERLAP = 0.1  # of neighbouring lines, in pens
REACH = 1.2  # pens, the longest way from a ring to the next without a lift
DRAW, TRAVEL, LIFT = 50.0, 100.0, 0.4  # mm/s with the pen down, mm/s with the pen up, seconds of a lift


@dataclass(frozen=True)
class Layer:
    """Lines ``(P, 2)`` in mm of one colour and pen, in the order of drawing."""

    colour: str
    pen: float
    lines: list[np.ndarray]


def lines(painting: Any, paper: Paper) -> Iterator[str]:
    """The lines of the SVG; logs what the drawing takes."""
    paper = paper.turned(painting.size)
    layers = draw(painting, paper)
    sides = f'width="{paper.width:g}mm" height="{paper.height:g}mm"'
    yield f'<svg {NAMESPACES} {sides} viewBox="0 0 {paper.width:g} {paper.height:g}">'
    yield f"<title>{escape(title(painting), quote=False)}</title>"
    for number, layer in enumerate(layers, 1):
        label = f'inkscape:label="{number}-{layer.colour}-{layer.pen:g}mm" id="layer{number}"'
        pen = 'fill="none" stroke-linecap="round" stroke-linejoin="round"'
        yield f'<g inkscape:groupmode="layer" {label} {pen} stroke="{layer.colour}">'
        for line in layer.lines:
            places = " ".join(f"{x:.6g} {y:.6g}" for x, y in line.round(2).tolist())
            yield f'<path stroke-width="{layer.pen:g}" d="M{places}"/>'
        yield "</g>"
    logger.info("%s", summary(layers))
    yield "</svg>"


def summary(layers: list[Layer]) -> str:
    """Layers, metres, lifts and minutes of a drawing."""
    ways = [np.array([line[-1], after[0]]) for layer in layers for line, after in pairwise(layer.lines)]
    lengths, up = [_length(line) for layer in layers for line in layer.lines], sum(map(_length, ways))
    minutes = (sum(lengths) / DRAW + up / TRAVEL + len(lengths) * LIFT) / 60
    metres = f"{sum(lengths) / 1000:.1f} m of lines, {up / 1000:.1f} m between them, {len(lengths)} lifts"
    return f"plotter: {len(layers)} layers, {metres}: about {minutes:.0f} minutes at {DRAW:g} mm/s"


def draw(painting: Any, paper: Paper) -> list[Layer]:
    """Layers of a painting on a paper as it lies, light colours first."""
    left, top, width, height = paper.canvas(painting.size)
    canvas = shapely.box(left, top, left + width, top + height)
    sheet = [] if painting.background is None else [(hex_colour(np.array(painting.background)), canvas)]
    areas, _ = _areas([*sheet, *_strokes(painting, paper)])
    areas = {colour: _overlay(shapely.intersection, area, canvas) for colour, area in areas.items()}
    pens, blank = sorted(paper.pens, reverse=True), "#fff" if sheet else ""
    drawings: defaultdict[tuple[str, float], list[np.ndarray]] = defaultdict(list)
    for colour, area in _drawable(areas, pens[-1]):
        for pen in pens:  # the widest first; the rest is for thinner ones, with some room to lie in
            part = _opened(area, pen)
            drawings[colour, pen] += _fill(part, pen) if colour != blank else []
            rest = _opened(_overlay(shapely.difference, area, part), pens[-1] / 2)
            area = _overlay(shapely.intersection, area, _grown(rest, pens[-1] / 2))
    layers = [Layer(colour, pen, _sorted(drawing)) for (colour, pen), drawing in drawings.items() if drawing]
    return sorted(layers, key=lambda layer: (ImageColor.getcolor(layer.colour, "L"), layer.pen), reverse=True)


def _strokes(painting: Any, paper: Paper) -> Iterator[tuple[str, Any]]:
    """Colour and area of each stroke; a sweep is the hulls of neighbouring discs."""
    left, top, width, height = paper.canvas(painting.size)
    for nodes, colour in painting.nodes(SEGMENTS):
        if nodes[:, 3].max() < 0.5:  # ink is opaque
            continue
        x, y, radius = (nodes[:, :3] * [width, height, min(width, height)] + [left, top, 0]).T
        if painting.design.primitive == "polygon":
            area = shapely.convex_hull(shapely.multipoints(np.stack([x, y], 1)))
        else:
            discs = shapely.buffer(shapely.points(x, y), radius.clip(MIN_RADIUS * min(paper.pens)))
            pairs = [shapely.multipolygons(discs[i : i + 2]) for i in range(max(1, len(discs) - 1))]
            area = shapely.union_all(shapely.convex_hull(pairs))
        yield hex_colour(colour), area


def _areas(strokes: list[tuple[str, Any]]) -> tuple[dict[str, Any], Any]:
    """Area of each colour where it is on top, and the area of all strokes."""
    if len(strokes) < 2:
        return dict(strokes), shapely.union_all([area for _, area in strokes])
    half = len(strokes) // 2
    (lower, below), (upper, above) = _areas(strokes[:half]), _areas(strokes[half:])
    areas = {colour: _overlay(shapely.difference, area, above) for colour, area in lower.items()}
    for colour, area in upper.items():
        areas[colour] = _overlay(shapely.union, areas.get(colour, shapely.MultiPolygon()), area)
    return areas, _overlay(shapely.union, below, above)


def _overlay(operation: Any, first: Any, second: Any) -> Any:
    """Union, difference or intersection of two areas, without the lines and points where they touch."""
    parts = shapely.get_parts(operation(first, second, grid_size=GRID))
    return shapely.multipolygons(parts[shapely.get_dimensions(parts) == 2])


def _grown(area: Any, distance: float) -> Any:
    return shapely.simplify(shapely.buffer(area, distance, quad_segs=4), TOLERANCE / 4)


def _opened(area: Any, pen: float) -> Any:
    """The part of an area that a pen reaches from inside, by lines that are worth a lift."""
    centres = shapely.get_parts(_grown(area, -pen / 2))
    return _grown(shapely.multipolygons(centres[shapely.length(centres) >= SHORTEST]), pen / 2)


def _drawable(areas: dict[str, Any], pen: float) -> list[tuple[str, Any]]:
    """Colour and area of each connected part; a piece that is too narrow goes to a neighbour beside it."""
    parts = [(name, part) for name, area in areas.items() for part in shapely.get_parts(_opened(area, pen))]
    cover = shapely.union_all(list(areas.values()), grid_size=GRID)
    for reach in (0, 0, pen / 24):  # the last time a little over the edge
        tree = shapely.STRtree([part for _, part in parts])
        rest = _overlay(shapely.difference, cover, shapely.union_all(tree.geometries))
        gains: defaultdict[int, list[Any]] = defaultdict(list)
        for piece in shapely.get_parts(rest):
            near = tree.query(around := _grown(piece, pen / 4), "intersects")
            if piece.area > (pen / 8) ** 2 and len(near):
                shared = shapely.intersection(tree.geometries[near], around)
                gains[near[shapely.area(shared).argmax()]].append(piece)
        for index, gain in gains.items():
            colour, part = parts[index]
            union = shapely.union_all([part, *_grown(gain, reach)])
            parts[index] = colour, _opened(_overlay(shapely.intersection, union, cover), pen)
    return parts


def _fill(area: Any, pen: float) -> list[np.ndarray]:
    """Lines that fill an area: rings from its edge inwards, each a detour of a ring beside it."""
    paths: list[np.ndarray] = []
    centre = _grown(area, TOLERANCE / 2 - pen / 2)  # as rounding makes areas a little smaller
    while not centre.is_empty:
        for ring in shapely.get_rings(shapely.get_parts(shapely.segmentize(centre, pen))):
            _add_ring(paths, shapely.get_coordinates(ring), REACH * pen)
        core = _grown(centre, -pen / 2)
        inner = _grown(core, (OVERLAP - 0.5) * pen)
        narrow = _overlay(shapely.difference, core, _grown(inner, pen / 2))  # the middle of a bar
        centre = _overlay(shapely.union, inner, _grown(narrow, -pen / 10))
    lines = (shapely.linestrings(path).simplify(TOLERANCE) for path in paths)
    return [shapely.get_coordinates(line) for line in lines if line.length >= SHORTEST]


def _add_ring(paths: list[np.ndarray], ring: np.ndarray, reach: float) -> None:
    """Add a ring ``(P, 2)`` as a detour of a path within reach, or as a new path."""
    if paths:
        distance, index = KDTree(np.concatenate(paths)).query(ring[:-1])
        start = distance.argmin()
        if distance[start] < reach:
            ends = np.cumsum([len(path) for path in paths])
            number = int(np.searchsorted(ends, index[start], "right"))
            path, vertex = paths[number], index[start] - ends[number] + len(paths[number])
            detour = np.concatenate([ring[start:-1], ring[: start + 1]])
            paths[number] = np.concatenate([path[: vertex + 1], detour, path[vertex:]])
            return
    paths.append(ring)


def _sorted(drawing: list[np.ndarray]) -> list[np.ndarray]:
    """Lines in an order with little travel: the nearest is next, from either end, as vpype's `linesort`."""
    ends = np.array([[line[0], line[-1]] for line in drawing])
    ordered, place = [], ends[0, 0]
    for _ in drawing:
        index, end = divmod(int(((ends - place) ** 2).sum(2).argmin()), 2)
        ordered.append(drawing[index][:: -1 if end else 1])
        place, ends[index] = ordered[-1][-1], np.inf
    return ordered


def _length(line: np.ndarray) -> float:
    return float(np.hypot(*np.diff(line, axis=0).T).sum())
