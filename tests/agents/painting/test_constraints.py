"""Strokes are moved to the nearest that are allowed."""

from __future__ import annotations

import torch

from agents.painting.constraints import StrokeConstraints
from paint_gym.strokes import get_stroke


def test_the_nearest_of_similar_colours_is_the_same_for_few_and_for_many() -> None:
    palette = 1 - torch.rand(24, 3, generator=torch.Generator().manual_seed(0)) * 0.02
    colours = 1 - torch.rand(400, 3, generator=torch.Generator().manual_seed(1)) * 0.02
    constraints = StrokeConstraints(get_stroke("circle"), palette)
    few = torch.cat([constraints.nearest_colour(colour[None]) for colour in colours])
    assert torch.equal(constraints.nearest_colour(colours), few)
