"""The outline of a stroke as the data of one SVG path: lines, cubic Bezier curves and arcs in whole units.

A *sweep* is the union of the discs between its nodes. Its outline is the envelope of the discs: at a centre
that moves along the unit vector ``t`` with the normal ``n``, while the radius ``r`` changes by ``r'`` per
unit of way, the discs touch their envelope at ``r (-r' t +- sqrt(1 - r'^2) n)`` from the centre. Where the
centres turn more tightly than the radius, the inner side of the envelope runs backwards; it is replaced by
the way of the centres, and some discs. So every part of the path turns the same way, and the nonzero fill
rule, which is SVG's default, makes their union of them.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

CORNER = math.cos(math.radians(30))  # nodes turn by more only where the stroke has a corner
FEW = 16  # nodes, with which a stroke is a polyline and not a curve
TURN = math.radians(45)  # between the discs that fill the inner side of a tight bend


def polygon_path(corners: np.ndarray) -> str:
    """Path of a polygon; corners ``(M, 2)``."""
    start, *rest = corners.round().astype(int)
    steps = np.diff([start, *rest], axis=0).tolist()
    return f"M{_numbers(start)}l{_numbers(n for step in steps for n in step)}z"


def sweep_path(discs: np.ndarray, tolerance: float) -> str:
    """Path of a swept disc.

    Args:
        discs: ``(M, 3)``, x, y and radius of each node, in units of the path.
        tolerance: how far curves may be off the envelope, in the same units.
    """
    runs = _runs(discs)
    shown = _shown([run[0] for run in runs if len(run) == 1], [run for run in runs if len(run) > 1])
    return "".join(
        [_tube(run, tolerance) for run in runs if len(run) > 1] + [_circle(disc) for disc in shown]
    )


def _runs(discs: np.ndarray) -> list[np.ndarray]:
    """Parts whose neighbouring discs do not hold each other and that have no corners; a corner is in both."""
    steps = np.diff(discs, axis=0)
    length = np.hypot(steps[:, 0], steps[:, 1])
    apart = length > np.abs(steps[:, 2]) + 1e-9
    runs, first = [], 0
    for i in range(len(steps)):
        if not apart[i]:
            runs.append(discs[first : i + 1])
            first = i + 1
        elif i > first and (
            len(discs) <= FEW or steps[i, :2] @ steps[i - 1, :2] < CORNER * length[i] * length[i - 1]
        ):
            runs.append(discs[first : i + 1])
            first = i
    return [*runs, discs[first:]]


def _shown(single: list[np.ndarray], runs: list[np.ndarray]) -> list[np.ndarray]:
    """Those of single discs, largest first, that none of the others and of the runs' discs hold."""
    shown: list[np.ndarray] = []
    others = np.concatenate([np.empty((0, 3)), *runs])
    for disc in sorted(single, key=lambda disc: -float(disc[2])):
        apart = np.hypot(others[:, 0] - disc[0], others[:, 1] - disc[1])
        if not (apart <= others[:, 2] - disc[2] + 1e-9).any():
            shown.append(disc)
            others = np.concatenate([others, disc[None]])
    return shown


def _circle(disc: np.ndarray) -> str:
    x, y, r = disc
    left, diameter = round(float(x - r)), max(1, round(2 * float(r)))
    half = f"{diameter / 2:.4g}"
    arc = f"a{half} {half} 0 0 0"
    return f"M{_numbers((left, round(float(y))))}{arc} {diameter} 0{arc}-{diameter} 0z"


def _slopes(discs: np.ndarray) -> np.ndarray:
    """How x, y and radius change from node to node, ``(M, 3)``; of second order."""
    slope: np.ndarray = np.gradient(discs, axis=0, edge_order=min(2, len(discs) - 1))  # type: ignore[call-overload]
    for i, other in ((0, 1), (-1, -2)):  # a curve whose middle point is its end stands still there
        step = (discs[other] - discs[i]) * (1 if i == 0 else -1)
        if math.hypot(*slope[i, :2]) < 0.5 * math.hypot(*step[:2]):
            slope[i] = step
    return slope


def _tube(discs: np.ndarray, tolerance: float) -> str:
    """A run of discs: one side, the end, the other side back, the beginning."""
    slope = _slopes(discs)
    length = np.maximum(np.hypot(slope[:, 0], slope[:, 1]), 1e-12)
    along = slope[:, :2] / length[:, None]
    cosine = np.clip(-slope[:, 2] / length, -1, 1)[:, None]
    across = np.stack([along[:, 1], -along[:, 0]], 1) * np.sqrt(1 - cosine**2)  # left, seen on the screen
    sides = []
    filled = ""
    for normal in (across, -across):
        envelope = discs[:, :2] + discs[:, 2:3] * (along * cosine + normal)
        backwards = (np.diff(envelope, axis=0) * np.diff(discs[:, :2], axis=0)).sum(1) < 0
        sides.append(_side(envelope, discs[:, :2], backwards, tolerance))
        filled += _discs_of_bends(discs, along, backwards)
    (right, left) = sides[1], sides[0][::-1]
    left = [piece[::-1] for piece in left]
    pen = right[0][0].round()
    path = f"M{_numbers(pen.astype(int))}"
    for pieces, cap in ((right, -1), (left, 0)):
        for piece in pieces:
            text, pen = _piece(piece, pen)
            path += text
        goal = (left if cap else right)[0][0].round()
        text, pen = _cap(pen, goal, discs[cap], float(cosine[cap, 0]) * (1 if cap else -1))
        path += text
    return f"{path}z{filled}"


def _side(
    envelope: np.ndarray, centres: np.ndarray, backwards: np.ndarray, tolerance: float
) -> list[np.ndarray]:
    """Lines ``(2, 2)`` and curves ``(4, 2)``, each from where the one before it ended, or from elsewhere."""
    pieces: list[np.ndarray] = []
    edges = [0, *(np.flatnonzero(np.diff(backwards)) + 1).tolist(), len(backwards)]
    for first, last in itertools.pairwise(edges):
        points = (centres if backwards[first] else envelope)[first : last + 1]
        pieces += _curves(points, tolerance)
    begin, end = (np.stack([envelope[i], envelope[i]]) for i in (0, -1))  # where the caps are, at any rate
    return [begin] * bool(backwards[0]) + pieces + [end] * bool(backwards[-1])


def _discs_of_bends(discs: np.ndarray, along: np.ndarray, backwards: np.ndarray) -> str:
    """Discs every `TURN` of a tight bend, which are the inner side of it."""
    path, turned = "", math.inf
    for i in np.flatnonzero(backwards).tolist():
        if i and backwards[i - 1]:
            turned += math.acos(float(np.clip(along[i - 1] @ along[i], -1, 1)))
        else:
            turned = math.inf
        if turned > TURN:
            path, turned = path + _circle(discs[i]), 0.0
    return path


def _curves(points: np.ndarray, tolerance: float) -> list[np.ndarray]:
    """The fewest halvings of ``(M, 2)`` points into lines and cubic curves that keep to the tolerance."""
    chord = points[-1] - points[0]
    length = math.hypot(*chord)
    if len(points) == 2:
        return [points]
    if length > 0:
        offset = points - points[0]
        off = np.abs(offset[:, 0] * chord[1] - offset[:, 1] * chord[0]).max() / length
        if off < tolerance:
            return [points[[0, -1]]]
    curve, off = _fit(points)
    if off < tolerance or len(points) < 4:
        return [curve]
    middle = len(points) // 2
    return _curves(points[: middle + 1], tolerance) + _curves(points[middle:], tolerance)


def _fit(points: np.ndarray) -> tuple[np.ndarray, float]:
    """A cubic Bezier curve with the ends and tangents of the points, fitted by least squares; its error.

    After Schneider, "An Algorithm for Automatically Fitting Digitized Curves", Graphics Gems, 1990.
    """
    first, last = points[0], points[-1]
    leaves = _unit(_tangent(points))
    arrives = _unit(_tangent(points[::-1]))
    steps = np.hypot(*np.diff(points, axis=0).T)
    s = np.concatenate([[0], np.cumsum(steps)])
    s = (s / max(s[-1], 1e-12))[:, None]
    b0, b1, b2, b3 = (1 - s) ** 3, 3 * s * (1 - s) ** 2, 3 * s**2 * (1 - s), s**3
    left_over = points - (b0 + b1) * first - (b2 + b3) * last
    a, b = b1 * leaves, b2 * arrives
    aa, ab, bb = (a * a).sum(), (a * b).sum(), (b * b).sum()
    x, y = (a * left_over).sum(), (b * left_over).sum()
    determinant = aa * bb - ab * ab
    third = math.hypot(*(last - first)) / 3
    handles = ((x * bb - y * ab) / determinant, (y * aa - x * ab) / determinant) if determinant else (0, 0)
    if min(handles) < third / 10:
        handles = (third, third)
    curve = np.stack([first, first + handles[0] * leaves, last + handles[1] * arrives, last])
    fitted = b0 * curve[0] + b1 * curve[1] + b2 * curve[2] + b3 * curve[3]
    towards = 3 * ((1 - s) ** 2 * (curve[1] - curve[0]) + 2 * s * (1 - s) * (curve[2] - curve[1]))
    towards = towards + 3 * s**2 * (curve[3] - curve[2])
    off = fitted - points
    crosswise = np.abs(off[:, 0] * towards[:, 1] - off[:, 1] * towards[:, 0])
    return curve, float((crosswise / np.maximum(np.hypot(*towards.T), 1e-12)).max())


def _tangent(points: np.ndarray) -> np.ndarray:
    """Direction at the first of at least three points, of second order where they do not stand still."""
    tangent = -3 * points[0] + 4 * points[1] - points[2]
    step = points[1] - points[0]
    return step if math.hypot(*tangent) < 0.5 * math.hypot(*step) else tangent


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(math.hypot(*vector), 1e-12)


def _piece(piece: np.ndarray, pen: np.ndarray) -> tuple[str, np.ndarray]:
    """A line or a curve from where the pen is, and where it is then."""
    goal = piece.round()
    text = ""
    if (goal[0] != pen).any():
        text, pen = f"l{_numbers((goal[0] - pen).astype(int))}", goal[0]
    relative = (goal[1:] - pen).astype(int)
    if not relative.any():
        return text, pen
    return text + ("l" if len(piece) == 2 else "c") + _numbers(relative.ravel()), goal[-1]


def _cap(pen: np.ndarray, goal: np.ndarray, disc: np.ndarray, cosine: float) -> tuple[str, np.ndarray]:
    """The arc around an end, whose half angle has that cosine."""
    step = goal - pen
    if not step.any():
        return "", pen
    sine = math.sqrt(max(0.0, 1 - cosine**2))
    # Rounded ends are not as far apart as the true ones: the arc goes through them with the true angle.
    radius = math.hypot(*step) / 2 / sine if sine > 0.3 else float(disc[2])
    r = f"{radius:.4g}"
    return f"a{r} {r} 0 {int(cosine < 0)} 0{_numbers(step.astype(int), after=True)}", goal


def _numbers(values: object, after: bool = False) -> str:
    """Whole numbers with as few spaces as a path needs; `after` a number, or a letter."""
    text = "".join(f"{value}" if value < 0 else f" {value}" for value in map(int, values))  # type: ignore[call-overload]
    return text if after or not text.startswith(" ") else text[1:]
