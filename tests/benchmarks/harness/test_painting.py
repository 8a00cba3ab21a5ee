"""Ways to paint."""

from __future__ import annotations

import torch

from agents.painting.evaluation import l2_by_raster
from benchmarks.harness.painting import Way, random_start
from paint_gym import load_dataset


def test_random_strokes_start_with_large_ones_in_the_targets_colours() -> None:
    target = torch.zeros(1, 3, 16, 24)
    target[0, 0, :, 12:] = 1
    painting = random_start(target[0], 40)
    numbers, nodes = (
        torch.tensor(painting.strokes),
        painting.design.nodes(torch.tensor(painting.strokes), 8),
    )
    radii = nodes[..., 2].mean(1)
    assert (radii[:-1] >= radii[1:]).all() and painting.size == (16, 24)
    assert torch.equal(numbers[:, -3] == 1, nodes[..., 0].mean(1) * 24 >= 12)


def test_each_way_has_its_effort() -> None:
    pictures = load_dataset("photos", "test", 32)[[0, 1]]
    targets = torch.from_numpy(pictures)

    def l2(way: Way) -> float:
        return float(l2_by_raster(way.paint(targets, 20), pictures).mean())

    assert max(l2(Way(plan=10)), l2(Way(refine=10))) < 0.7 * l2(Way())
    assert l2(Way(refine=10, random=True)) < 0.5 * l2(Way(random=True))
