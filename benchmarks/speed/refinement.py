"""How fast refinement is: an iteration against pushing the same strokes through the network of Fig. 12.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.speed.refinement --json benchmarks/results/refinement.json

An iteration paints all strokes of all pictures, finds the gradient of the l2 in every number of every stroke,
and makes a step. The network, in fp32 with random weights, only goes forward and backward: it composites
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from agents import load, paint, refine
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.tables import BenchmarkConfig, Row, Table, at_least, main, take_turns
from paint_gym import load_dataset

BAR = 10.0


@dataclass(frozen=True)
class Refinement(BenchmarkConfig):
    """How fast refinement is."""

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
    photos = load_dataset("photos", "test", SIZE)
    targets = torch.from_numpy(photos[list(range(options.images))])
    paintings = paint(load("pretrained", "cpu"), targets, options.strokes)
    network = PaperRenderer()
    strokes = torch.cat([torch.tensor(painting.strokes) for painting in paintings]).requires_grad_()

    def through_the_network() -> None:
        network(strokes).sum().backward()

    def refinement() -> None:
        refine(paintings, targets, options.iterations, "cpu")

    calls: dict[str, Callable[[], object]] = {"ours": refinement, "network": through_the_network}
    seconds = take_turns(calls, options.repeats, warmup=1)
    ours = seconds["ours"] / options.iterations
    row: Row = {
        "images": options.images,
        "strokes": options.strokes,
        "seconds, Fig. 12": seconds["network"],
        "seconds an iteration": ours,
        "and image": ours / options.images,
        "times faster": seconds["network"] / ours,
    }
    yield "an iteration of refinement", [row | at_least(row["times faster"], BAR)]


if __name__ == "__main__":
    main(Refinement, tables)
