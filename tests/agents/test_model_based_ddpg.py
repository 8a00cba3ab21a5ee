"""Model-based DDPG: its targets by hand, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import Constant, agent_of, l2, one_colour, remaining_l2, run_on_solid, transition

from agents import AgentConfig, ModelBasedDDPG, build_agent
from paint_gym.rewards import as_reward


@pytest.mark.parametrize(("step", "not_done"), [(0, 1.0), (3, 0.0)])
def test_td_target(step: int, not_done: float) -> None:
    """r + gamma^k V'(s'), and only r after the last bundle; k is 2."""
    agent, batch = agent_of(ModelBasedDDPG, Constant(value=2.0), gamma=0.9), transition(step)
    after = agent.renderer.paint(batch.state.canvas, torch.full((4, 2, 7), 0.5))
    reward = l2(batch.state.canvas, batch.state.target) - l2(after, batch.state.target)
    expected = (2.0 - (reward + 0.9**2 * not_done * 2.0)).square().mean()
    metrics = agent.update(batch)
    assert metrics["losses/critic"] == pytest.approx(expected.item(), rel=1e-4)
    assert metrics["charts/reward"] == pytest.approx(reward.mean().item(), rel=1e-4)


def test_rewards_are_divided_by_the_error() -> None:
    agent, batch = agent_of(ModelBasedDDPG, Constant(), gamma=0, normalize_by_error=True), transition()
    after = agent.renderer.paint(batch.state.canvas, torch.full((4, 2, 7), 0.5))
    before = l2(batch.state.canvas, batch.state.target)
    expected = -((before - l2(after, batch.state.target)) / before).mean()
    assert agent.update(batch)["losses/actor"] == pytest.approx(expected.item(), rel=1e-4)


def test_the_actor_climbs_the_reward() -> None:
    agent, batch = agent_of(ModelBasedDDPG, Constant(), gamma=0, actor_lr=0.02), transition()
    rewards = [agent.update(batch)["charts/reward"] for _ in range(60)]
    assert rewards[-1] > rewards[0] + 0.01


def test_parts_without_gradients_are_refused() -> None:
    with pytest.raises(ValueError, match="'raster' has no gradients"):
        build_agent(AgentConfig(renderer="raster"), "cpu")
    agent = agent_of(ModelBasedDDPG, Constant(), gamma=0.9)
    agent.reward = as_reward(lambda before, after, target: -l2(after.detach(), target))
    with pytest.raises(ValueError, match="the reward '<lambda>' has no gradients to learn from: compute it"):
        agent.update(transition())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("actor", "gamma", "renderer", "updates"),
    [("glimpse", 0.0, "analytic", 150), ("resnet", 0.95, "analytic", 250), ("glimpse", 0.0, "neural", 60)],
)
def test_it_learns_solid_colours(
    actor: str, gamma: float, renderer: str, updates: int, device: torch.device
) -> None:
    """To 5% of the l2 at the start, on new colours."""
    learning = ModelBasedDDPG.Config(actor_lr=1e-3, actor_lr_late=3e-4, gamma=gamma, bf16=False)
    config = AgentConfig("model-based", actor, 16, 16, renderer=renderer, max_strokes=20, learning=learning)
    size, batch = (128, 8) if renderer == "neural" else (32, 32)
    colours = np.random.default_rng(0).integers(80, 256, (64, 3, 1, 1), dtype=np.uint8)
    run = run_on_solid(config, updates=updates, size=size, batch=batch)
    assert remaining_l2(np.tile(colours, (1, 1, size, size)), run, device) < 0.05


@pytest.mark.slow
def test_it_learns_by_a_discriminator(device: torch.device) -> None:
    rates = {"actor_lr": 1e-3, "actor_lr_late": 0.0, "schedule": "cosine", "gamma": 0.0}
    config = AgentConfig(
        actor_width=8, critic_width=8, depth=1, discriminator_width=8, max_strokes=20,
        reward="wgan", learning=ModelBasedDDPG.Config(**rates, bf16=False),
    )  # fmt: skip
    assert remaining_l2(one_colour(), run_on_solid(config, updates=300), device) < 0.05
