"""Plans: the distance to them."""

from __future__ import annotations

import pytest
import torch

from agents.painting import planning
from paint_gym.strokes import get_stroke


def test_geometry_is_measured_in_sides_of_the_window() -> None:
    """The first three numbers of a circle are x, y and radius; alpha and colours have no unit."""
    action = torch.full((2, 7), 0.5)
    plan = action.clone()
    plan[:, 0] += 0.1  # a fifth of a half, a tenth of the whole canvas
    plan[:, 3] += 0.2
    distance = planning.distance(action, plan, torch.tensor([0.5, 1.0]), get_stroke("circle"))
    assert distance.tolist() == pytest.approx([(0.04 + 0.04) / 7, (0.01 + 0.04) / 7])
