"""Cost of painting as canvases, strokes and pixels grow, and the memory of a large painting.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.speed.scaling

A cliff is how many times the cost per unit grows from one row of a table to the next, at the worst: 1 or less
is linear or better.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch

from benchmarks.harness.measure import Row, peak_memory, random_strokes, take_turns
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main
from paint_gym.painting import Painting
from paint_gym.renderers import make_renderer
from paint_gym.strokes import get_stroke

MEMORY_BAR = 2.0  # GiB
FORWARD, BOTH = "forward", "forward and backward"


@dataclass(frozen=True)
class Scaling(BenchmarkConfig):
    """Cost of painting as canvases, strokes and pixels grow."""

    stroke: str = "bezier"
    """Stroke design."""
    canvases: tuple[int, ...] = (1, 8, 64, 512)
    """Canvases at once, each with 5 strokes at 128 px."""
    strokes: tuple[int, ...] = (5, 50, 500, 5000)
    """Strokes on one canvas of 128 px."""
    sizes: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)
    """Sides in pixels of one canvas with 200 strokes."""
    repeats: int = 7
    """Timed turns, after two that warm up."""
    memory_strokes: int = 5000
    """Strokes of the painting whose memory is measured."""
    memory_size: int = 1024
    """Side in pixels of that painting."""


def paint(stroke: str, canvases: int, strokes: int, size: int, backward: bool) -> Callable[[], object]:
    """A call that paints random strokes, and finds the gradient in them if `backward`."""
    renderer = make_renderer("analytic", stroke)
    canvas = torch.zeros(canvases, 3, size, size)
    bundle = random_strokes(get_stroke(stroke), canvases, strokes).requires_grad_(backward)
    if not backward:
        return lambda: renderer.paint(canvas, bundle)
    return lambda: torch.autograd.grad(renderer.paint(canvas, bundle), bundle, torch.ones_like(canvas))


def grow(unit: str, units: dict[int, tuple[int, int, int]], options: Scaling) -> list[Row]:
    """Seconds, and microseconds per unit, of paintings with more and more units.

    Args:
        unit: name of the unit.
        units: their number, to canvases, strokes per canvas and size.
        options: repeats and stroke design.
    """
    calls = {
        f"{count} {what}": paint(options.stroke, *shape, backward=what == BOTH)
        for count, shape in units.items()
        for what in (FORWARD, BOTH)
    }
    seconds = take_turns(calls, options.repeats)
    rows = []
    for count, (canvases, strokes, size) in units.items():
        row: Row = {"canvases": canvases, "strokes": strokes, "size": size}
        for what in (FORWARD, BOTH):
            cost = seconds[f"{count} {what}"]
            row |= {f"{what}, s": cost, f"{what}, us per {unit}": cost / count * 1e6}
        rows.append(row)
    return rows


def cliff(costs: list[float]) -> float:
    """Largest ratio between a cost per unit and the one before it; 1 if there is only one."""
    return max((after / before for before, after in pairwise(costs)), default=1.0)


def peak(backward: bool, stroke: str, strokes: int, size: int) -> float:
    """Peak memory of this process in GiB after painting; for a process of its own."""
    if backward:
        paint(stroke, 1, strokes, size, backward=True)()
    else:
        Painting(random_strokes(get_stroke(stroke), strokes), stroke).render(size)
    return peak_memory()


def memory(options: Scaling) -> Iterator[Row]:
    """Peak memory of a large painting, and of its gradient, each in a fresh process."""
    for what, backward, strokes, size in (
        ("Painting.render, next to nothing", False, 1, 32),
        ("Painting.render", False, options.memory_strokes, options.memory_size),
        (BOTH, True, options.memory_strokes, options.memory_size),
    ):
        code = "from benchmarks.speed.scaling import peak; "
        code += f"print(peak{(backward, options.stroke, strokes, size)})"
        child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, text=True)
        row: Row = {"what": what, "strokes": strokes, "size": size, "peak, GiB": float(child.stdout)}
        yield row | at_most(row["peak, GiB"], MEMORY_BAR)


def tables(options: Scaling) -> Iterator[Table]:
    """Cost along each axis, the cliffs, the memory."""
    cliffs = []
    for unit, units in (
        ("canvas", {count: (count, 5, 128) for count in options.canvases}),
        ("stroke", {count: (1, count, 128) for count in options.strokes}),
        ("pixel", {side * side: (1, 200, side) for side in options.sizes}),
    ):
        rows = grow(unit, units, options)
        yield f"cost per {unit}", rows
        ratios = {what: cliff([row[f"{what}, us per {unit}"] for row in rows]) for what in (FORWARD, BOTH)}
        cliffs.append({"cost per": unit, **{f"cliff, {what}": ratio for what, ratio in ratios.items()}})
    yield "cliffs", cliffs
    yield "memory", list(memory(options))


if __name__ == "__main__":
    main(Scaling, tables)
