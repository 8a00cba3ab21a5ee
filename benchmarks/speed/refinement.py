"""Speed of refinement: an iteration against pushing the same strokes through the network of Fig. 12.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.speed.refinement

An iteration paints all strokes of all pictures, finds the gradient of the l2 in every number of every stroke,
and makes a step. The network, in fp32 with random weights and in its faster memory layout, only goes forward
and backward: it composites nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks.harness.measure import Row, take_turns
from benchmarks.harness.painting import PaintingVariant, first_pictures
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.tables import BenchmarkConfig, Table, at_least, main

BAR = 10.0


def forward_backward(network: PaperRenderer, strokes: Tensor) -> None:
    """Push strokes through the network and back."""
    network(strokes).sum().backward()


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """One row: seconds an iteration, and those of the network."""
    images, count, iterations, repeats = options.pick((8, 200, 5, 5), (2, 10, 1, 1))
    targets = torch.from_numpy(first_pictures("photos", "test", SIZE, images))
    variant = PaintingVariant(refine=iterations, device="cpu")
    paintings = PaintingVariant(device="cpu").paint(targets, count)
    strokes = torch.cat([torch.tensor(painting.strokes) for painting in paintings]).requires_grad_()
    calls: dict[str, Callable[[], object]] = {"ours": partial(variant.paint, targets, count, paintings)}
    for layout, network in PaperRenderer.in_both_layouts().items():
        calls[layout] = partial(forward_backward, network, strokes)
    seconds = take_turns(calls, repeats, warmup=1)
    iteration, paper = seconds.pop("ours") / iterations, min(seconds.values())
    row: Row = {
        "images": images,
        "strokes": count,
        "seconds, Fig. 12": paper,
        "seconds an iteration": iteration,
        "and image": iteration / images,
        "times faster": paper / iteration,
    }
    yield "an iteration of refinement", [row | at_least(row["times faster"], BAR)]


if __name__ == "__main__":
    main(tables)
