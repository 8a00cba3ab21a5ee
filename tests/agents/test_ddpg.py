"""DDPG: its targets by hand, its noise, and that it learns."""

from __future__ import annotations

import pytest
import torch
from helpers import Constant, agent_of, l2, one_colour_left, transition

from agents import (
    DDPG,
    ModelBasedDDPG,
)


@pytest.mark.parametrize(("step", "ahead"), [(0, 1.0), (3, 0.0)])
def test_q_target_of_ddpg(step: int, ahead: float) -> None:
    """Wanted: the reward of the stored transition, and gamma^k Q'(s', pi'(s')) if strokes are left."""
    agent, batch = agent_of(DDPG, Constant(value=2.0), gamma=0.9), transition(step)
    reward = l2(batch.state.canvas, batch.state.target) - l2(batch.next_state.canvas, batch.state.target)
    expected = (2.0 - (reward + 0.9**2 * ahead * 2.0)).square().mean()
    assert agent.update(batch)["losses/critic"] == pytest.approx(expected.item(), rel=1e-4)


def test_ddpg_moves_both_targets() -> None:
    agent = agent_of(DDPG, Constant(value=1.0), gamma=0.9, tau=0.25, critic_lr=0.1)
    agent.update(transition())
    moved = agent.critic.value.item() - 1.0
    assert moved != 0 and agent.target_critic.value.item() == pytest.approx(1.0 + 0.25 * moved)


def test_model_free_agents_explore() -> None:
    agent, state = agent_of(DDPG, Constant(), noise=0.1), transition().state
    spread = torch.cat([agent.explore(state) for _ in range(50)]) - 0.5
    assert spread.std().item() == pytest.approx(0.1, rel=0.1)
    assert torch.equal(agent_of(ModelBasedDDPG, Constant()).explore(state), torch.full((4, 14), 0.5))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_ddpg_learns_one_colour(seed: int, device: torch.device) -> None:
    """To 5% of the l2 at the start."""
    assert one_colour_left(DDPG, (), 6000, device, seed) < 0.05
