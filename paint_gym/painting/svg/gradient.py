"""Alpha of a swept disc as a linear or radial gradient, fitted by least squares.

A pixel has the alpha of the last disc that covers it, so alpha changes about a radius ahead of the centres,
and where a stroke bends no gradient is exact. A radial gradient fits a glow, whose last disc lies inside its
largest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MIN_CHANGE = 1 / 32  # of alpha; less is invisible
GOOD_FIT = 1 / 40  # root mean square error of alpha, at which no more stops are added
MAX_STOPS = 5
SAMPLED_DISCS = 17
RINGS = ((0.0, 1), (0.6, 5), (0.92, 9))  # distance from the centre in radii, and number of points


@dataclass(frozen=True)
class Gradient:
    """Alpha along a line, or from a focus to a circle around it.

    Alpha is constant before the first offset and after the last.
    """

    start: np.ndarray  # x, y of offset 0; the focus of a radial gradient
    end: np.ndarray  # x, y of offset 1; the centre of a radial gradient
    radius: float | None  # of the circle of offset 1; None for a linear gradient
    offsets: np.ndarray  # (S,), increasing, in [0, 1]
    alphas: np.ndarray  # (S,)


def fit_gradient(nodes: np.ndarray, canvas: tuple[float, float]) -> Gradient | float:
    """Gradient of a swept disc, or its alpha if that hardly changes; pixels off the canvas count little.

    Args:
        nodes: ``(M, 4)``: x, y, radius and alpha.
        canvas: width and height in the same unit.
    """
    alpha = nodes[:, 3]
    if np.ptp(alpha) < MIN_CHANGE:
        return float(alpha.min() + alpha.max()) / 2
    points, alphas, weight = _samples(nodes)
    on_canvas = ((points >= 0) & (points <= canvas)).all(1)
    weight = weight * np.where(on_canvas, 1, 1e-3)
    level = float(np.average(alphas, weights=weight))
    if _error(alphas - level, weight) < MIN_CHANGE / 2:
        return level
    best, error = _linear(points, alphas, weight)
    if error > GOOD_FIT:
        radial, radial_error = _radial(nodes, points, alphas, weight)
        best = radial if radial_error < 0.8 * error else best
    return level if best is None or np.ptp(best.alphas) < MIN_CHANGE else best


def _linear(points: np.ndarray, alphas: np.ndarray, weight: np.ndarray) -> tuple[Gradient | None, float]:
    """Linear gradient with the least error, and that error."""
    middle = np.average(points, axis=0, weights=weight)
    level = float(np.average(alphas, weights=weight))
    scale = max(np.ptp(points, axis=0).max(), 1e-9)
    centred = (points - middle) / scale
    root = np.sqrt(weight)[:, None]
    direction = np.linalg.lstsq(centred * root, (alphas - level) * root[:, 0], rcond=1e-6)[0]
    length = math.hypot(*direction)
    direction = direction / length if length > 1e-6 else np.array([1.0, 0.0])
    along = centred @ direction
    low, high = float(along.min()), float(along.max())
    if high - low < 1e-6:
        return None, math.inf
    knots, levels, error = _stops((along - low) / (high - low), alphas, weight)
    start, end = (middle + scale * (low + knots[i] * (high - low)) * direction for i in (0, -1))
    offsets = (knots - knots[0]) / (knots[-1] - knots[0])
    return Gradient(start, end, None, offsets, levels), error


def _radial(
    nodes: np.ndarray, points: np.ndarray, alphas: np.ndarray, weight: np.ndarray
) -> tuple[Gradient | None, float]:
    """Radial gradient from the last disc to the largest, if it lies inside, and its error.

    Centre and radius change linearly between both discs; the focus is where the radius is 0.
    """
    large, last = nodes[nodes[:, 2].argmax()], nodes[-1]
    step, shrinkage = last[:2] - large[:2], large[2] - last[2]
    if shrinkage < 1e-9 or math.hypot(*step) > 0.98 * shrinkage:
        return None, math.inf
    focus = large[:2] + step * large[2] / shrinkage
    # The circle of offset g has its centre at focus + g (centre - focus) and the radius g r.
    to_centre, to_point = large[:2] - focus, points - focus
    a = (to_centre**2).sum() - large[2] ** 2
    b, c = -2 * to_point @ to_centre, (to_point**2).sum(1)
    offsets = ((-b - np.sqrt(np.maximum(b * b - 4 * a * c, 0))) / (2 * a)).clip(0, 1)
    if np.ptp(offsets) < 1e-6:
        return None, math.inf
    knots, levels, error = _stops(offsets, alphas, weight)
    return Gradient(focus, large[:2], float(large[2]), knots, levels), error


def _samples(nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of a sweep ``(P, 2)``, their alphas and their weights ``(P,)``."""
    if len(nodes) < 2 * SAMPLED_DISCS:  # discs between the nodes, too
        at = np.linspace(0, len(nodes) - 1, 4 * SAMPLED_DISCS + 1)
        nodes = np.stack([np.interp(at, np.arange(len(nodes)), column) for column in nodes.T], 1)
    chosen = np.unique(np.linspace(0, len(nodes) - 1, SAMPLED_DISCS).round().astype(int))
    discs = nodes[chosen]
    steps = np.hypot(*np.gradient(discs[:, :2], axis=0).T)
    turns = [(radius, 2 * np.pi * np.arange(count) / count + 0.3) for radius, count in RINGS]
    ring = np.concatenate([radius * np.stack([np.cos(turn), np.sin(turn)], 1) for radius, turn in turns])
    points = (discs[:, None, :2] + discs[:, None, 2:3] * ring).reshape(-1, 2)
    weight = np.repeat(discs[:, 2] * (steps + 0.1 * discs[:, 2]) + 1e-9, len(ring))
    squared = ((points[:, None] - nodes[None, :, :2]) ** 2).sum(2)
    inside = squared <= nodes[:, 2] ** 2 + 1e-9
    last = len(nodes) - 1 - inside[:, ::-1].argmax(1)
    return points, nodes[last, 3], weight


def _stops(
    offsets: np.ndarray, alphas: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Offsets and alphas of the stops, as few as fit well, and the error."""
    best = (np.array([]), np.array([]), math.inf)
    root = np.sqrt(weight)
    for knots in _knots(offsets, weight):
        hats = np.stack([np.interp(offsets, knots, row) for row in np.eye(len(knots))], 1)
        levels = np.linalg.lstsq(hats * root[:, None], alphas * root, rcond=1e-6)[0].clip(0, 1)
        error = _error(hats @ levels - alphas, weight)
        if error < 0.8 * best[2]:
            best = (knots, levels, error)
        if error < GOOD_FIT:
            break
    return best


def _knots(offsets: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """Offsets of two, three, ... stops, at equal shares of the area without its ends."""
    order = np.argsort(offsets)
    share = np.cumsum(weight[order]) / weight.sum()
    shares = [np.linspace(0.04, 0.96, count) for count in range(2, MAX_STOPS + 1)]
    knots = [np.interp(quantiles, share, offsets[order]) for quantiles in shares]
    return [np.unique(row) for row in knots if np.ptp(row) > 1e-6] or [np.array([0.0, 1.0])]


def _error(difference: np.ndarray, weight: np.ndarray) -> float:
    return math.sqrt(float(np.average(difference**2, weights=weight)))
