"""DDPG: its targets by hand, its noise, and that it learns."""

from __future__ import annotations

import pytest
import torch
from helpers import Constant, agent_of, l2, remaining_l2_of_one_colour, transition

from agents import DDPG


@pytest.mark.parametrize(("step", "not_done"), [(0, 1.0), (3, 0.0)])
def test_td_target(step: int, not_done: float) -> None:
    """The reward of the stored transition, and gamma^k Q'(s', pi'(s')) if strokes are left."""
    agent, batch = agent_of(DDPG, Constant(value=2.0), gamma=0.9), transition(step)
    reward = l2(batch.state.canvas, batch.state.target) - l2(batch.next_state.canvas, batch.state.target)
    expected = (2.0 - (reward + 0.9**2 * not_done * 2.0)).square().mean()
    assert agent.update(batch)["losses/critic"] == pytest.approx(expected.item(), rel=1e-4)


def test_both_target_networks_move() -> None:
    agent = agent_of(DDPG, Constant(value=1.0), gamma=0.9, tau=0.25, critic_lr=0.1, actor_lr=0.1)
    agent.actor.value.data.fill_(0.25)
    agent.update(transition())
    moved = agent.critic.value.item() - 1.0
    assert moved != 0 and agent.target_critic.value.item() == pytest.approx(1.0 + 0.25 * moved)
    expected = 0.5 + 0.25 * (agent.actor.value - 0.5)  # of a copy that was at 0.5
    assert torch.allclose(agent.target_actor.value, expected) and not torch.allclose(
        expected, torch.tensor(0.5)
    )


def test_exploration_adds_noise() -> None:
    agent, state = agent_of(DDPG, Constant(), noise=0.1), transition().state
    spread = torch.cat([agent.explore(state) for _ in range(50)]) - 0.5
    assert spread.std().item() == pytest.approx(0.1, rel=0.1)
    assert torch.equal(agent.act(state), torch.full((4, 14), 0.5))


def test_some_actions_are_random() -> None:
    agent, state = agent_of(DDPG, Constant(), noise=0.0, random_actions=0.25), transition().state
    actions = torch.cat([agent.explore(state) for _ in range(100)])
    drawn = actions[(actions != 0.5).any(1)]
    assert len(drawn) == pytest.approx(100, abs=30) and (drawn != 0.5).all()
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.05) and drawn.std().item() > 0.25


def test_the_actor_waits_for_the_warm_up_and_then_for_its_delay() -> None:
    agent, batch = agent_of(DDPG, Constant(), warm_up=3, policy_delay=2, noise=0.0), transition()
    assert (agent.explore(batch.state) != 0.5).all()
    updated = ["losses/actor" in agent.update(batch) for _ in range(4)]
    state = agent.state_dict()
    assert torch.equal(agent.explore(batch.state), agent.act(batch.state))
    agent.updates = 0
    agent.load_state_dict(state)
    updated += ["losses/actor" in agent.update(batch) for _ in range(2)]
    assert updated == [False, False, False, True, False, True]


@pytest.mark.slow
def test_it_learns_one_colour(device: torch.device) -> None:
    """To 15% of the l2 at the start."""
    assert remaining_l2_of_one_colour(DDPG, (), 2000, device, 0) < 0.15
