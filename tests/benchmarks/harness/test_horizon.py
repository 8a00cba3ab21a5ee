"""Agents that climb several steps: with one step model-based DDPG, with a whole episode its gain."""

from __future__ import annotations

import pytest
import torch
from helpers import Constant, agent_of, l2, transition

from agents import ModelBasedDDPG
from benchmarks.harness.horizon import ShortHorizon
from paint_gym.canvas import model_step


def test_one_step_is_model_based_ddpg() -> None:
    one, paper = (agent_of(kind, Constant(value=0.5), gamma=0.9) for kind in (ShortHorizon, ModelBasedDDPG))
    one.config = ShortHorizon.Config(bf16=False, gamma=0.9, horizon=1)
    losses = [agent.update(transition()) for agent in (one, paper)]
    assert losses[0]["losses/actor"] == pytest.approx(losses[1]["losses/actor"])
    assert torch.equal(one.actor.value, paper.actor.value)
    assert torch.equal(one.critic.value, paper.critic.value) and one.critic.value != 0.5


@pytest.mark.parametrize("first", [0, 2])
def test_the_whole_episode_has_no_critic(first: int) -> None:
    agent, batch = agent_of(ShortHorizon, Constant(), gamma=1.0, horizon=4), transition(first)
    state = batch.state
    for _ in range(first, 4):
        state, _ = model_step(state, agent.act(state), agent.renderer, agent.reward)
    gain = l2(batch.state.canvas, state.target) - l2(state.canvas, state.target)
    assert agent.update(batch) == {"losses/actor": pytest.approx(-gain.mean().item(), rel=1e-4)}
    assert agent.critic.value == 0.5


def test_values_after_the_horizon_are_discounted() -> None:
    agent, batch = (
        agent_of(ShortHorizon, Constant(value=2.0), gamma=0.9, horizon=2, critic_lr=0.0),
        transition(1),
    )
    discount, state, expected = 0.9**2, batch.state, torch.zeros(4)
    for step in range(2):
        state, reward = model_step(state, agent.act(state), agent.renderer, agent.reward)
        expected += discount**step * reward
    expected += discount**2 * 2.0
    assert agent.update(batch)["losses/actor"] == pytest.approx(-expected.mean().item(), rel=1e-4)
