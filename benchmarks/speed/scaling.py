"""Cost of painting as canvases, strokes and pixels grow, and the memory of a large painting.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.speed.scaling

A cliff is how many times the cost per unit grows from one row of a table to the next, at the worst: 1 or less
is linear or better.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch

from benchmarks.harness.measure import Row, peak_memory, random_strokes, take_turns
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main
from paint_gym.painting import Painting
from paint_gym.renderers import make_renderer
from paint_gym.strokes import get_stroke

MEMORY_BAR = 2.0  # GiB
STROKE = "bezier"
FORWARD, BOTH = "forward", "forward and backward"


def paint(canvases: int, strokes: int, size: int, backward: bool) -> Callable[[], object]:
    """A call that paints random strokes, and finds the gradient in them if `backward`."""
    renderer = make_renderer("analytic", STROKE)
    canvas = torch.zeros(canvases, 3, size, size)
    bundle = random_strokes(get_stroke(STROKE), canvases, strokes).requires_grad_(backward)
    if not backward:
        return lambda: renderer.paint(canvas, bundle)
    return lambda: torch.autograd.grad(renderer.paint(canvas, bundle), bundle, torch.ones_like(canvas))


def grow(unit: str, units: dict[int, tuple[int, int, int]], repeats: int) -> list[Row]:
    """Seconds, and microseconds per unit, of paintings with more and more units.

    `units` has for their number the canvases, strokes per canvas and size.
    """
    calls = {
        f"{count} {what}": paint(*shape, backward=what == BOTH)
        for count, shape in units.items()
        for what in (FORWARD, BOTH)
    }
    seconds = take_turns(calls, repeats)
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


def peak(backward: bool, strokes: int, size: int) -> float:
    """Peak memory of this process in GiB after painting; for a process of its own."""
    if backward:
        paint(1, strokes, size, backward=True)()
    else:
        Painting(random_strokes(get_stroke(STROKE), strokes), STROKE).render(size)
    return peak_memory()


def memory(strokes: int, size: int) -> Iterator[Row]:
    """Peak memory of a large painting, and of its gradient, each in a fresh process."""
    for what, arguments in (
        ("Painting.render, next to nothing", (False, 1, 32)),
        ("Painting.render", (False, strokes, size)),
        (BOTH, (True, strokes, size)),
    ):
        code = f"from benchmarks.speed.scaling import peak; print(peak{arguments})"
        child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, text=True)
        row: Row = {"what": what, "strokes": arguments[1], "size": arguments[2]}
        row["peak, GiB"] = float(child.stdout)
        yield row | at_most(row["peak, GiB"], MEMORY_BAR)


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """Cost along each axis, the cliffs, the memory."""
    canvases, strokes = options.pick(((1, 8, 64, 512), (5, 50, 500, 5000)), ((1, 2), (5, 10)))
    sides = options.pick((32, 64, 128, 256, 512, 1024), (32, 64))
    cliffs = []
    for unit, units in (
        ("canvas", {count: (count, 5, 128) for count in canvases}),
        ("stroke", {count: (1, count, 128) for count in strokes}),
        ("pixel", {side * side: (1, 200, side) for side in sides}),
    ):
        rows = grow(unit, units, options.pick(7, 1))
        yield f"cost per {unit}", rows
        ratios = {what: cliff([row[f"{what}, us per {unit}"] for row in rows]) for what in (FORWARD, BOTH)}
        cliffs.append({"cost per": unit, **{f"cliff, {what}": ratio for what, ratio in ratios.items()}})
    yield "cliffs", cliffs
    yield "memory", list(memory(*options.pick((5000, 1024), (10, 64))))


if __name__ == "__main__":
    main(tables)
