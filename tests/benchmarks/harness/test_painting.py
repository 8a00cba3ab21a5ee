"""Variants of painting and their scores."""

from __future__ import annotations

import torch

from benchmarks.harness.painting import PaintingVariant, paint_and_score, random_start
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


def test_plans_and_refinement_pay() -> None:
    pictures = load_dataset("photos", "test", 32)[[0, 1]]

    def l2(variant: PaintingVariant) -> float:
        return float(paint_and_score(pictures, 20, variant).l2.mean())

    assert max(l2(PaintingVariant(plan=10)), l2(PaintingVariant(refine=10))) < 0.7 * l2(PaintingVariant())
    assert l2(PaintingVariant(refine=10, random=True)) < 0.5 * l2(PaintingVariant(random=True))
