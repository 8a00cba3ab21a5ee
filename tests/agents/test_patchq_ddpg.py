"""PatchQ-DDPG: its targets by hand, patch by patch, and that it learns."""

from __future__ import annotations

import pytest
import torch
from helpers import Constant, agent_of, one_colour_left, transition

from agents import (
    PatchQDDPG,
)
from paint_gym import make_renderer


def test_q_target_of_patchq() -> None:
    """The same for each of 4 x 4 patches of 4 x 4 pixels."""
    agent, batch = agent_of(PatchQDDPG, Constant(4, 4, value=2.0), gamma=0.9), transition()
    gain = (
        (batch.state.canvas - batch.state.target) ** 2 - (batch.next_state.canvas - batch.state.target) ** 2
    ).mean(1)
    reward = gain.view(4, 4, 4, 4, 4).mean((2, 4))
    expected = (2.0 - (reward + 0.9**2 * 2.0)).square().mean()
    assert agent.update(batch)["losses/critic"] == pytest.approx(expected.item(), rel=1e-4)


def test_patchq_needs_patch_rewards() -> None:
    with pytest.raises(ValueError, match="patch_rewards"):
        PatchQDDPG(Constant(14), Constant(4, 4), make_renderer("analytic", "circle"), lambda b, a, t: b, 4, 2)


@pytest.mark.slow
def test_patchq_learns_one_colour(device: torch.device) -> None:
    """To 5% of the l2 at the start."""
    assert one_colour_left(PatchQDDPG, (2, 2), 6000, device, 0) < 0.05
