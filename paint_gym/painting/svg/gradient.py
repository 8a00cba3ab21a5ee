"""The alpha of a swept disc as a gradient, the nearest there is to it in least squares.

At each pixel the last disc that covers it decides, so alpha does not change along the way of the centres but
about a radius ahead of them, and where a stroke bends no gradient is exact. Where its largest disc holds the
last, which is a glow, circles are nearer than lines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

SAME = 1 / 32  # a difference of alpha that is not seen
WELL = 1 / 40  # an error of alpha, root of the mean square, at which no more stops are added
STOPS = 5  # at most
PLACES = 17  # discs whose pixels are looked at
RINGS = ((0.0, 1), (0.6, 5), (0.92, 9))  # in radii, and how many points


@dataclass(frozen=True)
class Linear:
    """Alpha along a line.

    Attributes:
        start: x, y where the offset is 0.
        end: x, y where it is 1.
        offsets: ``(S,)``, growing, in [0, 1].
        alphas: ``(S,)`` at them; before the first and after the last it stays.
    """

    start: np.ndarray
    end: np.ndarray
    offsets: np.ndarray
    alphas: np.ndarray


@dataclass(frozen=True)
class Radial:
    """Alpha from a point to a circle around it.

    Attributes:
        centre: x, y of the circle.
        radius: of the circle, where the offset is 1.
        focus: x, y where the offset is 0.
        offsets: ``(S,)``, growing, in [0, 1].
        alphas: ``(S,)`` at them.
    """

    centre: np.ndarray
    radius: float
    focus: np.ndarray
    offsets: np.ndarray
    alphas: np.ndarray


def fit_gradient(nodes: np.ndarray, canvas: tuple[float, float]) -> Linear | Radial | float:
    """The gradient of a swept disc, or its alpha where that hardly changes.

    Args:
        nodes: ``(M, 4)``: x, y, radius and alpha, places and radii in one unit.
        canvas: width and height in that unit, beyond which nothing is seen.
    """
    alpha = nodes[:, 3]
    if np.ptp(alpha) < SAME:
        return float(alpha.min() + alpha.max()) / 2
    points, true, weight = _samples(nodes)
    seen = ((points >= 0) & (points <= canvas)).all(1)
    weight = weight * np.where(seen, 1, 1e-3)
    level = float(np.average(true, weights=weight))
    if _error(true - level, weight) < SAME / 2:
        return level
    linear, off = _linear(points, true, weight)
    radial, also_off = _radial(nodes, points, true, weight) if off > WELL else (None, math.inf)
    best = radial if radial is not None and also_off < 0.8 * off else linear
    return level if best is None or np.ptp(best.alphas) < SAME else best


def _linear(points: np.ndarray, true: np.ndarray, weight: np.ndarray) -> tuple[Linear | None, float]:
    """The linear gradient with the least error, and that error."""
    middle = np.average(points, axis=0, weights=weight)
    level = float(np.average(true, weights=weight))
    scale = max(np.ptp(points, axis=0).max(), 1e-9)
    centred = (points - middle) / scale
    root = np.sqrt(weight)[:, None]
    direction = np.linalg.lstsq(centred * root, (true - level) * root[:, 0], rcond=1e-6)[0]
    length = math.hypot(*direction)
    direction = direction / length if length > 1e-6 else np.array([1.0, 0.0])
    along = centred @ direction
    low, high = float(along.min()), float(along.max())
    if high - low < 1e-6:
        return None, math.inf
    knots, alphas, off = _stops((along - low) / (high - low), true, weight)
    low, high = low + knots[0] * (high - low), low + knots[-1] * (high - low)
    knots = (knots - knots[0]) / (knots[-1] - knots[0])
    start, end = (middle + scale * place * direction for place in (low, high))
    return Linear(start, end, knots, alphas), off


def _radial(
    nodes: np.ndarray, points: np.ndarray, true: np.ndarray, weight: np.ndarray
) -> tuple[Radial | None, float]:
    """The gradient of circles from the last disc to the largest, if that holds it, and its error.

    Centres and radii of such discs are on a line, whose circle of radius 0 is the focus.
    """
    large, last = nodes[nodes[:, 2].argmax()], nodes[-1]
    way, shrinks = last[:2] - large[:2], large[2] - last[2]
    if shrinks < 1e-9 or math.hypot(*way) > 0.98 * shrinks:
        return None, math.inf
    focus = large[:2] + way * large[2] / shrinks
    # The circle of offset g has its centre at focus + g (centre - focus) and the radius g r.
    to_centre, offset = large[:2] - focus, points - focus
    a = (to_centre**2).sum() - large[2] ** 2
    b, c = -2 * offset @ to_centre, (offset**2).sum(1)
    shares = (-b - np.sqrt(np.maximum(b * b - 4 * a * c, 0))) / (2 * a)
    if np.ptp(shares.clip(0, 1)) < 1e-6:
        return None, math.inf
    knots, alphas, off = _stops(shares.clip(0, 1), true, weight)
    return Radial(large[:2], float(large[2]), focus, knots, alphas), off


def _samples(nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of a sweep ``(P, 2)``, their alphas and their weights ``(P,)``."""
    if len(nodes) < 2 * PLACES:  # discs between the nodes, too
        at = np.linspace(0, len(nodes) - 1, 4 * PLACES + 1)
        nodes = np.stack([np.interp(at, np.arange(len(nodes)), column) for column in nodes.T], 1)
    chosen = np.unique(np.linspace(0, len(nodes) - 1, PLACES).round().astype(int))
    discs = nodes[chosen]
    way = np.hypot(*np.gradient(discs[:, :2], axis=0).T)
    ring = np.concatenate([
        radius * np.stack([np.cos(turn), np.sin(turn)], 1)
        for radius, count in RINGS
        for turn in [2 * np.pi * np.arange(count) / count + 0.3]
    ])  # fmt: skip
    points = (discs[:, None, :2] + discs[:, None, 2:3] * ring).reshape(-1, 2)
    weight = np.repeat(discs[:, 2] * (way + 0.1 * discs[:, 2]) + 1e-9, len(ring))
    apart = (points[:, None] - nodes[None, :, :2]) ** 2
    inside = apart.sum(2) <= nodes[:, 2] ** 2 + 1e-9
    last = len(nodes) - 1 - inside[:, ::-1].argmax(1)
    return points, nodes[last, 3], weight


def _stops(
    offsets: np.ndarray, alpha: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Where the stops are and their alphas, as few as fit well, and the error."""
    best: tuple[np.ndarray, np.ndarray, float] | None = None
    for knots in _knots(offsets, weight):
        hats = np.stack([np.interp(offsets, knots, row) for row in np.eye(len(knots))], 1)
        root = np.sqrt(weight)
        alphas = np.linalg.lstsq(hats * root[:, None], alpha * root, rcond=1e-6)[0].clip(0, 1)
        error = _error(hats @ alphas - alpha, weight)
        if best is None or error < 0.8 * best[2]:
            best = (knots, alphas, error)
        if error < WELL:
            break
    assert best is not None
    return best


def _knots(offsets: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """Places of two, three, ... stops, at equal shares of the area but at the ends."""
    order = np.argsort(offsets)
    share = np.cumsum(weight[order]) / weight.sum()
    edges = (0.04, 0.96)
    places = [np.interp(np.linspace(*edges, count), share, offsets[order]) for count in range(2, STOPS + 1)]
    return [np.unique(place) for place in places if np.ptp(place) > 1e-6] or [np.array([0.0, 1.0])]


def _error(difference: np.ndarray, weight: np.ndarray) -> float:
    return math.sqrt(float(np.average(difference**2, weights=weight)))
