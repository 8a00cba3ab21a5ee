"""PatchQ-DDPG: its targets by hand, patch by patch, and that it learns."""

from __future__ import annotations

import pytest
import torch
from helpers import Constant, agent_of, remaining_l2_of_one_colour, transition

from agents import PatchQDDPG
from paint_gym import make_renderer


@pytest.mark.parametrize(("step", "not_done"), [(0, 1.0), (3, 0.0)])
def test_td_target_of_each_patch(step: int, not_done: float) -> None:
    """The same for each of 4 x 4 patches of 4 x 4 pixels."""
    agent, batch = agent_of(PatchQDDPG, Constant(4, 4, value=2.0), gamma=0.9), transition(step)
    (before, target, _), _, (after, _, _) = batch
    gain = ((before - target) ** 2 - (after - target) ** 2).mean(1)
    reward = gain.view(4, 4, 4, 4, 4).mean((2, 4))
    expected = (2.0 - (reward + 0.9**2 * not_done * 2.0)).square().mean()
    assert agent.update(batch)["losses/critic"] == pytest.approx(expected.item(), rel=1e-4)


def test_it_needs_patch_rewards() -> None:
    with pytest.raises(ValueError, match="patch_rewards"):
        PatchQDDPG(Constant(14), Constant(4, 4), make_renderer("analytic", "circle"), lambda b, a, t: b, 4, 2)


@pytest.mark.slow
def test_it_learns_one_colour(device: torch.device) -> None:
    """To 15% of the l2 at the start."""
    assert remaining_l2_of_one_colour(PatchQDDPG, (2, 2), 2000, device, 0) < 0.15
