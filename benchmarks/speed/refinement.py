"""Speed of refinement: an iteration against pushing the same strokes through the network of Fig. 12.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.speed.refinement

An iteration paints all strokes of all pictures, finds the gradient of the l2 in every number of every stroke,
and makes a step. The network, in fp32 with random weights, only goes forward and backward: it composites
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch

from benchmarks.harness.measure import Row, take_turns
from benchmarks.harness.painting import PaintingVariant, first_pictures
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.tables import BenchmarkConfig, Table, at_least, main

BAR = 10.0


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """One row: seconds an iteration, and those of the network."""
    images, count, iterations, repeats = options.pick((8, 200, 5, 5), (2, 10, 1, 1))
    targets = torch.from_numpy(first_pictures("photos", "test", SIZE, images))
    variant = PaintingVariant(refine=iterations, device="cpu")
    paintings = PaintingVariant(device="cpu").paint(targets, count)
    strokes = torch.cat([torch.tensor(painting.strokes) for painting in paintings]).requires_grad_()
    network = PaperRenderer()
    calls: dict[str, Callable[[], object]] = {
        "ours": partial(variant.paint, targets, count, paintings),
        "network": lambda: network(strokes).sum().backward(),
    }
    seconds = take_turns(calls, repeats, warmup=1)
    iteration = seconds["ours"] / iterations
    row: Row = {
        "images": images,
        "strokes": count,
        "seconds, Fig. 12": seconds["network"],
        "seconds an iteration": iteration,
        "and image": iteration / images,
        "times faster": seconds["network"] / iteration,
    }
    yield "an iteration of refinement", [row | at_least(row["times faster"], BAR)]


if __name__ == "__main__":
    main(tables)
