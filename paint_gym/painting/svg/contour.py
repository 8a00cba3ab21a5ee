"""Contour of a stroke as one SVG path: lines, cubic Bezier curves and arcs in whole units.

A *sweep* is the union of the discs between its nodes. Its contour is the envelope of the discs: where the
centre moves along the unit vector ``t`` with the normal ``n``, and the radius ``r`` changes by ``r'`` per
unit of length, a disc touches the envelope at ``r (-r' t +- sqrt(1 - r'^2) n)`` from its centre. Where the
centres turn more tightly than the radius, the inner side of the envelope runs backwards; it is replaced by
the centre line and a few discs. So all parts of the path turn the same way, and SVG's default fill rule,
nonzero, fills their union.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np

CORNER = math.cos(math.radians(30))  # a larger turn at a node is a corner of the stroke
MAX_POLYLINE = 16  # nodes; a stroke with more is a curve
DISC_TURN = math.radians(45)  # between the discs that fill the inner side of a tight bend


def polygon_path(corners: np.ndarray) -> str:
    """Path of a polygon with corners ``(M, 2)``, in units."""
    rounded = corners.round()
    return f"M{_numbers(rounded[0])}l{_numbers(np.diff(rounded, axis=0).ravel())}z"


def sweep_path(discs: np.ndarray, tolerance: float) -> str:
    """Path of a swept disc; discs ``(M, 3)``: x, y, radius; curves keep to the tolerance, all in units."""
    runs = _runs(discs)
    tubes = [run for run in runs if len(run) > 1]
    visible = _visible([run[0] for run in runs if len(run) == 1], tubes)
    return "".join([_tube(tube, tolerance) for tube in tubes] + [_circle(disc) for disc in visible])


def _runs(discs: np.ndarray) -> list[np.ndarray]:
    """Parts without a corner or a disc inside its neighbour; both parts at a corner include it."""
    steps = np.diff(discs, axis=0)
    length = np.hypot(steps[:, 0], steps[:, 1])
    apart = length > np.abs(steps[:, 2]) + 1e-9
    runs, first = [], 0
    for i in range(len(steps)):
        if not apart[i]:
            runs.append(discs[first : i + 1])
            first = i + 1
        elif i > first and (
            len(discs) <= MAX_POLYLINE or steps[i, :2] @ steps[i - 1, :2] < CORNER * length[i] * length[i - 1]
        ):
            runs.append(discs[first : i + 1])
            first = i
    return [*runs, discs[first:]]


def _visible(single: list[np.ndarray], tubes: list[np.ndarray]) -> list[np.ndarray]:
    """Single discs, largest first, that are not inside another disc."""
    visible = []
    discs = np.concatenate([np.empty((0, 3)), *tubes])
    for disc in sorted(single, key=lambda disc: -float(disc[2])):
        distance = np.hypot(discs[:, 0] - disc[0], discs[:, 1] - disc[1])
        if not (distance <= discs[:, 2] - disc[2] + 1e-9).any():
            visible.append(disc)
            discs = np.concatenate([discs, disc[None]])
    return visible


def _circle(disc: np.ndarray) -> str:
    x, y, r = disc.tolist()
    diameter = max(1, round(2 * r))
    half = f"{diameter / 2:.4g}"
    arc = f"a{half} {half} 0 0 0"
    return f"M{_numbers((round(x - r), round(y)))}{arc} {diameter} 0{arc}-{diameter} 0z"


def _slopes(discs: np.ndarray) -> np.ndarray:
    """Change of x, y and radius at each node, ``(M, 3)``; of second order."""
    slope: np.ndarray = np.gradient(discs, axis=0, edge_order=min(2, len(discs) - 1))  # type: ignore[call-overload]
    for i, step in ((0, discs[1] - discs[0]), (-1, discs[-1] - discs[-2])):
        # zero at the end of a curve whose middle point is that end
        if math.hypot(*slope[i, :2]) < 0.5 * math.hypot(*step[:2]):
            slope[i] = step
    return slope


def _tube(discs: np.ndarray, tolerance: float) -> str:
    """Path of a run of discs: one side, the end, the other side back, the beginning."""
    slope = _slopes(discs)
    length = np.maximum(np.hypot(slope[:, 0], slope[:, 1]), 1e-12)
    along = slope[:, :2] / length[:, None]
    cosine = np.clip(-slope[:, 2] / length, -1, 1)[:, None]
    across = np.stack([along[:, 1], -along[:, 0]], 1) * np.sqrt(1 - cosine**2)  # to the left on the screen
    sides = []
    bends = ""
    for normal in (across, -across):
        envelope = discs[:, :2] + discs[:, 2:3] * (along * cosine + normal)
        backwards = (np.diff(envelope, axis=0) * np.diff(discs[:, :2], axis=0)).sum(1) < 0
        sides.append(_side(envelope, discs[:, :2], backwards, tolerance))
        bends += _discs_of_bends(discs, along, backwards)
    forth, back = sides[1], [segment[::-1] for segment in reversed(sides[0])]
    pen = forth[0][0].round()
    path = f"M{_numbers(pen)}"
    for segments, cap in ((forth, -1), (back, 0)):
        for segment in segments:
            text, pen = _segment(segment, pen)
            path += text
        goal = (back if cap else forth)[0][0].round()
        text, pen = _cap(pen, goal, discs[cap], float(cosine[cap, 0]) * (1 if cap else -1))
        path += text
    return f"{path}z{bends}"


def _side(
    envelope: np.ndarray, centres: np.ndarray, backwards: np.ndarray, tolerance: float
) -> list[np.ndarray]:
    """Lines ``(2, 2)`` and curves ``(4, 2)`` of one side, in order."""
    segments: list[np.ndarray] = []
    edges = [0, *(np.flatnonzero(np.diff(backwards)) + 1).tolist(), len(backwards)]
    for first, last in itertools.pairwise(edges):
        points = (centres if backwards[first] else envelope)[first : last + 1]
        segments += _curves(points, tolerance)
    start, end = (np.stack([envelope[i], envelope[i]]) for i in (0, -1))  # the caps join the envelope
    return [start] * bool(backwards[0]) + segments + [end] * bool(backwards[-1])


def _discs_of_bends(discs: np.ndarray, along: np.ndarray, backwards: np.ndarray) -> str:
    """Discs that fill the inner side of tight bends, one for each `DISC_TURN`."""
    path, turned = "", math.inf
    for i in np.flatnonzero(backwards).tolist():
        follows = i and backwards[i - 1]
        turned += math.acos(float(np.clip(along[i - 1] @ along[i], -1, 1))) if follows else math.inf
        if turned > DISC_TURN:
            path, turned = path + _circle(discs[i]), 0.0
    return path


def _curves(points: np.ndarray, tolerance: float) -> list[np.ndarray]:
    """Lines and cubic curves through points ``(M, 2)``, which are halved until the tolerance is kept."""
    if len(points) == 2:
        return [points]
    chord = points[-1] - points[0]
    length = math.hypot(*chord)
    if length > 0:
        offset = points - points[0]
        error = np.abs(offset[:, 0] * chord[1] - offset[:, 1] * chord[0]).max() / length
        if error < tolerance:
            return [points[[0, -1]]]
    curve, error = _fit(points)
    if error < tolerance or len(points) < 4:
        return [curve]
    middle = len(points) // 2
    return _curves(points[: middle + 1], tolerance) + _curves(points[middle:], tolerance)


def _fit(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Cubic Bezier curve with the ends and tangents of the points, by least squares, and its error.

    After Schneider, "An Algorithm for Automatically Fitting Digitized Curves", Graphics Gems, 1990.
    """
    first, last = points[0], points[-1]
    first_tangent, last_tangent = _tangent(points), _tangent(points[::-1])
    steps = np.hypot(*np.diff(points, axis=0).T)
    s = np.concatenate([[0], np.cumsum(steps)])
    s = (s / max(s[-1], 1e-12))[:, None]
    b0, b1, b2, b3 = (1 - s) ** 3, 3 * s * (1 - s) ** 2, 3 * s**2 * (1 - s), s**3
    residual = points - (b0 + b1) * first - (b2 + b3) * last
    a, b = b1 * first_tangent, b2 * last_tangent
    aa, ab, bb = (a * a).sum(), (a * b).sum(), (b * b).sum()
    x, y = (a * residual).sum(), (b * residual).sum()
    determinant = aa * bb - ab * ab
    third = math.hypot(*(last - first)) / 3
    handles = ((x * bb - y * ab) / determinant, (y * aa - x * ab) / determinant) if determinant else (0, 0)
    if min(handles) < third / 10:
        handles = (third, third)
    curve = np.stack([first, first + handles[0] * first_tangent, last + handles[1] * last_tangent, last])
    fitted = b0 * curve[0] + b1 * curve[1] + b2 * curve[2] + b3 * curve[3]
    slope = 3 * ((1 - s) ** 2 * (curve[1] - curve[0]) + 2 * s * (1 - s) * (curve[2] - curve[1]))
    slope = slope + 3 * s**2 * (curve[3] - curve[2])
    offset = fitted - points
    across = np.abs(offset[:, 0] * slope[:, 1] - offset[:, 1] * slope[:, 0])
    return curve, float((across / np.maximum(np.hypot(*slope.T), 1e-12)).max())


def _tangent(points: np.ndarray) -> np.ndarray:
    """Unit vector at the first of at least three points, of second order unless that is almost zero."""
    tangent = -3 * points[0] + 4 * points[1] - points[2]
    step = points[1] - points[0]
    if math.hypot(*tangent) < 0.5 * math.hypot(*step):
        tangent = step
    return tangent / max(math.hypot(*tangent), 1e-12)


def _segment(segment: np.ndarray, pen: np.ndarray) -> tuple[str, np.ndarray]:
    """Path of a line or a curve, and the position of the pen after."""
    goal = segment.round()
    text = ""
    if (goal[0] != pen).any():
        text, pen = f"l{_numbers(goal[0] - pen)}", goal[0]
    relative = goal[1:] - pen
    if not relative.any():
        return text, pen
    return text + ("l" if len(segment) == 2 else "c") + _numbers(relative.ravel()), goal[-1]


def _cap(pen: np.ndarray, goal: np.ndarray, disc: np.ndarray, cosine: float) -> tuple[str, np.ndarray]:
    """Path of the arc around an end, by the cosine of its half angle, and the position of the pen after."""
    step = goal - pen
    if not step.any():
        return "", pen
    sine = math.sqrt(max(0.0, 1 - cosine**2))
    # The arc has the true angle, but goes through rounded points, whose distance is another.
    r = f"{math.hypot(*step) / 2 / sine if sine > 0.3 else disc[2]:.4g}"
    return f"a{r} {r} 0 {int(cosine < 0)} {_numbers([0, *step])}", goal


def _numbers(values: Iterable[float]) -> str:
    """Whole numbers with as few spaces as a path needs."""
    return "".join(f"{value}" if value < 0 else f" {value}" for value in map(int, values)).lstrip()
