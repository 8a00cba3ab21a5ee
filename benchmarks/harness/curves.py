"""Learning curves in one long CSV: a line for each evaluation of each method and seed."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from paint_gym.utils.files import replace_when_done


class Point(NamedTuple):
    """An evaluation.

    Attributes:
        method: name of the variant that learns.
        seed: random seed.
        updates: made so far.
        env_steps: steps of single canvases painted so far.
        seconds: of training, evaluations left out.
        l2: mean over the pictures, by `raster`.
    """

    method: str
    seed: int
    updates: int
    env_steps: int
    seconds: float
    l2: float


KINDS = (str, int, int, int, float, float)
LABELS = {"updates": "updates", "env_steps": "environment steps", "seconds": "seconds of training"}


def write_curves(path: Path, points: Iterable[Point]) -> None:
    """Write the CSV, whole or not at all."""
    with replace_when_done(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Point._fields)
        writer.writerows(point._replace(seconds=round(point.seconds, 2)) for point in points)


def read_curves(path: Path) -> list[Point]:
    """Read the CSV.

    Raises:
        ValueError: it is damaged; the message names file and line.
    """
    points: list[Point] = []
    try:
        header, *lines = csv.reader(path.read_text().splitlines(), strict=True)
        if tuple(header) != Point._fields:
            raise ValueError(f"the first line must be {','.join(Point._fields)}")
        for line in lines:
            points.append(Point(*(kind(text) for kind, text in zip(KINDS, line, strict=True))))
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"{path}: damaged: line {len(points) + 2}: {error}") from error
    for seeds in by_method(points).values():
        for curve in seeds.values():
            try:
                check_curve(curve)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
    return points


def check_curve(curve: Sequence[Point]) -> None:
    """Check that a learning curve has two points or more, each later than the one before.

    Raises:
        ValueError: saying which point, and why.
    """
    for point in curve:
        if min(point[1:]) < 0 or not all(map(math.isfinite, point[1:])) or not point.method:
            raise ValueError(f"{point}: a number is negative or not finite, or there is no method")
    if len(curve) < 2:
        raise ValueError(f"a curve has at least two points: {list(curve)}")
    for before, after in pairwise(curve):
        backwards = after.updates < before.updates or after.seconds < before.seconds
        if backwards or after.env_steps < before.env_steps or after[2:5] == before[2:5]:
            raise ValueError(f"{after} is not later than the point before it")


def by_method(points: Iterable[Point]) -> dict[str, dict[int, list[Point]]]:
    """Curves by method and seed, in their order."""
    curves: dict[str, dict[int, list[Point]]] = {}
    for point in points:
        curves.setdefault(point.method, {}).setdefault(point.seed, []).append(point)
    return curves


def l2_at(curve: Sequence[Point], along: str, where: float) -> float:
    """The l2 of a curve at some number of updates, steps or seconds, interpolated; at its ends if beyond."""
    x = [getattr(point, along) for point in curve]
    return float(np.interp(where, x, [point.l2 for point in curve]))


def at_equal(points: Iterable[Point], along: str) -> tuple[float, dict[str, list[float]]]:
    """The l2 of each method and seed where the first of all curves ends.

    Returns:
        That number of updates, steps or seconds; and by method the l2 of each seed.
    """
    curves = by_method(points)
    end = min(getattr(curve[-1], along) for seeds in curves.values() for curve in seeds.values())
    return end, {name: [l2_at(c, along, end) for c in seeds.values()] for name, seeds in curves.items()}


def draw_curves(points: Sequence[Point], path: Path, along: Sequence[str]) -> None:
    """Write a PNG: l2 against updates, steps or seconds: each seed a thin line, their mean a thick one."""
    methods = by_method(points)
    figure = Figure(figsize=(4.6 * len(along) + 2, max(4, 0.25 * len(methods))), layout="constrained")
    axes = figure.subplots(1, len(along), sharey=True, squeeze=False)[0]
    for axis, name in zip(axes, along, strict=True):
        for number, (method, seeds) in enumerate(methods.items()):
            curves = list(seeds.values())
            end = min(getattr(curve[-1], name) for curve in curves)
            x = np.linspace(0, end, 41)
            l2 = np.array([[l2_at(curve, name, where) for where in x] for curve in curves])
            (line,) = axis.plot(x, l2.mean(0), "-" if number < 10 else "--", label=method)
            for seed in l2 if len(curves) > 1 else ():
                axis.plot(x, seed, color=line.get_color(), alpha=0.4, linewidth=0.7)
        axis.set(xlabel=LABELS[name], yscale="log")
        axis.grid(alpha=0.3, which="both")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("{x:g}")
        axis.tick_params(axis="y", which="minor", labelsize="small")
    axes[0].set_ylabel("l2 by raster")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center")
    with replace_when_done(path) as temporary:
        figure.savefig(temporary, dpi=120)
