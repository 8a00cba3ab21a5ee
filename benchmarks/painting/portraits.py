"""Portraits of CelebA's test split: l2 by raster of the agent alone, with a plan, and refined.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.painting.portraits --threads 1

For comparison, what a user would pick instead: the hill climber `primitive` (Go), two threads, 200 shapes,
128 px, was measured on eight of these pictures at .0030 in 8.2 s an image (triangles) and .0023 in 17.3 s
(mixed shapes).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agents.painting.evaluation import mean_interval
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import Painted, PaintingVariant, first_pictures, paint_and_score
from benchmarks.harness.tables import BenchmarkConfig, Table, at_most, main

PLAN, BATCH = 40, 8
BARS = {  # plan and refinement, to l2 and seconds a picture
    (0, 0): (0.0040, None),
    (PLAN, 0): (0.0020, 1.0),
    (PLAN, 50): (0.00095, 1.2),
    (PLAN, 100): (0.00080, 1.6),
}


def make_row(variant: PaintingVariant, painted: Painted) -> Row:
    """Mean l2 and its interval, seconds, and the bar."""
    mean, low, high = (float(value) for value in mean_interval(painted.l2))
    row: Row = {"by": variant.curve, "effort": variant.effort, "images": len(painted.l2), "l2": mean}
    row |= {"low": low, "high": high, "seconds an image": painted.seconds}
    l2, seconds = BARS.get((variant.plan, variant.refine), (None, None))
    if l2 is None:
        return row
    bar = at_most(mean, l2)
    if seconds is None:
        return row | bar
    return row | {"bar": f"{bar['bar']}, {seconds:g} s", "met": bar["met"] and painted.seconds <= seconds}


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """A row for each variant; the painting of the first or the second row is refined in the others."""
    images, strokes, size = options.pick((500, 200, 128), (3, 10, 32))
    pictures = first_pictures("celeba", "test", size, images)
    painted, refined = list[Row](), list[Row]()
    for variant in (PaintingVariant(), PaintingVariant(plan=PLAN)):
        start = paint_and_score(pictures, strokes, variant, BATCH)
        painted.append(make_row(variant, start))
        for iterations in (50, 100):
            finer = replace(variant, refine=iterations)
            result = paint_and_score(pictures, strokes, finer, BATCH, start.paintings)
            refined.append(make_row(finer, result._replace(seconds=start.seconds + result.seconds)))
    yield f"celeba, test, {strokes} strokes at {size} px", painted + refined


if __name__ == "__main__":
    main(tables)
