"""Speed of refinement: an iteration against pushing the same strokes through the network of Fig. 12.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.speed.refinement

An iteration paints all strokes of all pictures, finds the gradient of the l2 in every number of every stroke,
and makes a step. The network, in fp32 with random weights, only goes forward and backward: it composites
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch

from benchmarks.harness.measure import Row, take_turns
from benchmarks.harness.painting import Variant, first_pictures
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.tables import BenchmarkConfig, Table, at_least, main

BAR = 10.0


@dataclass(frozen=True)
class Refinement(BenchmarkConfig):
    """Speed of refinement."""

    images: int = 8
    """Pictures refined at once: crops of scikit-image's photos."""
    strokes: int = 200
    """Strokes of each."""
    iterations: int = 5
    """Iterations that are timed together."""
    repeats: int = 5
    """Timed turns, after one that warms up."""


def tables(options: Refinement) -> Iterator[Table]:
    """One row: seconds an iteration, and those of the network."""
    targets = torch.from_numpy(first_pictures("photos", "test", SIZE, options.images))
    variant = Variant(refine=options.iterations, device="cpu")
    paintings = Variant(device="cpu").paint(targets, options.strokes)
    strokes = torch.cat([torch.tensor(painting.strokes) for painting in paintings]).requires_grad_()
    network = PaperRenderer()
    calls: dict[str, Callable[[], object]] = {
        "ours": partial(variant.paint, targets, options.strokes, paintings),
        "network": lambda: network(strokes).sum().backward(),
    }
    seconds = take_turns(calls, options.repeats, warmup=1)
    iteration = seconds["ours"] / options.iterations
    row: Row = {
        "images": options.images,
        "strokes": options.strokes,
        "seconds, Fig. 12": seconds["network"],
        "seconds an iteration": iteration,
        "and image": iteration / options.images,
        "times faster": seconds["network"] / iteration,
    }
    yield "an iteration of refinement", [row | at_least(row["times faster"], BAR)]


if __name__ == "__main__":
    main(Refinement, tables)
