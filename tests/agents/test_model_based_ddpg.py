"""Model-based DDPG learns, and what it learns from is what the paper says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents import AgentSpec, ModelBasedConfig, ModelBasedDDPG, build_agent, paint
from agents.evaluation import l2_by_raster
from agents.training import LoopConfig, train
from paint_gym import L2Reward, PaintCanvasVectorEnv, make_renderer
from paint_gym.canvas import CanvasState


def state_of(size: int = 16, batch: int = 4, step: int = 0) -> CanvasState:
    torch.manual_seed(0)
    canvas, target = torch.rand(2, batch, 3, size, size)
    return CanvasState(canvas, target, torch.full((batch,), step))


class Constant(torch.nn.Module):
    """Answers with one learnt number, or one learnt action."""

    def __init__(self, *shape: int, value: float = 0.5) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.full(shape, value))

    def forward(self, canvas: torch.Tensor, target: torch.Tensor, progress: torch.Tensor) -> torch.Tensor:
        return self.value.expand(len(canvas), *self.value.shape)


def agent_of(critic_value: float, **config) -> ModelBasedDDPG:
    actor, critic = Constant(2 * 7), Constant(value=critic_value)
    learning = ModelBasedConfig(bf16=False, **config)
    return ModelBasedDDPG(actor, critic, make_renderer("analytic", "circle"), L2Reward(), 4, 2, learning)


@pytest.mark.parametrize(("step", "ahead"), [(0, 1.0), (3, 0.0)])
def test_critic_target_by_hand(step: int, ahead: float) -> None:
    """Wanted: r + gamma^k V'(s'), and nothing ahead after the last bundle; loss = (V - wanted)^2."""
    agent, batch = agent_of(critic_value=2.0, gamma=0.9), state_of(step=step)
    action = torch.full((4, 14), 0.5)
    canvas = agent.renderer.paint(batch.canvas, action.view(4, 2, 7))
    reward = (batch.canvas - batch.target).square().mean((1, 2, 3)) - (canvas - batch.target).square().mean(
        (1, 2, 3)
    )
    expected = (2.0 - (reward + 0.9**2 * ahead * 2.0)).square().mean()
    assert agent.update(batch)["losses/critic"] == pytest.approx(expected.item(), rel=1e-4)


def test_the_actor_climbs_the_reward() -> None:
    agent, batch = agent_of(critic_value=0.0, gamma=0, actor_lr=0.02), state_of()
    rewards = [agent.update(batch)["charts/reward"] for _ in range(60)]
    assert rewards[-1] > rewards[0] + 0.01


def test_relative_weighs_by_what_is_left() -> None:
    agent, batch = agent_of(critic_value=0.0, gamma=0, relative=True), state_of()
    left = (batch.canvas - batch.target).square().mean((1, 2, 3))
    canvas = agent.renderer.paint(batch.canvas, torch.full((4, 2, 7), 0.5))
    after = (canvas - batch.target).square().mean((1, 2, 3))
    assert agent.update(batch)["losses/actor"] == pytest.approx(
        -((left - after) / left).mean().item(), rel=1e-4
    )


def test_target_critic_follows_slowly() -> None:
    agent = agent_of(critic_value=1.0, gamma=0.9, tau=0.25, critic_lr=0.1)
    agent.update(state_of())
    quick, slow = agent.critic.value.item(), agent.target_critic.value.item()
    assert quick != 1.0
    assert slow == pytest.approx(1.0 + 0.25 * (quick - 1.0))


def test_the_actor_does_not_train_the_critic() -> None:
    agent = agent_of(critic_value=1.0, gamma=0.9, critic_lr=0.0)
    agent.update(state_of())
    assert agent.critic.value.item() == 1.0 and agent.critic.value.requires_grad


def test_a_renderer_without_gradients_is_refused() -> None:
    with pytest.raises(ValueError, match="'raster' has no gradients"):
        build_agent(AgentSpec(renderer="raster"), "cpu")


@pytest.mark.parametrize("actor", ["glimpse", "resnet"])
@pytest.mark.parametrize("gamma", [0.0, 0.95])
def test_learns_a_solid_colour(actor: str, gamma: float, device: torch.device) -> None:
    """To 5% of the l2 at the start, by the ground truth, on pictures it has not seen."""
    torch.manual_seed(0)
    colours = np.random.default_rng(0).integers(80, 256, (64, 3, 1, 1), dtype=np.uint8)
    solid = np.broadcast_to(colours, (64, 3, 32, 32)).copy()
    learning = ModelBasedConfig(actor_lr=2e-3, gamma=gamma, relative=True, bf16=False)
    spec = AgentSpec(actor=actor, actor_width=16, critic_width=8, max_strokes=20, learning=learning)
    agent = build_agent(spec, device)
    env = PaintCanvasVectorEnv(16, array="torch", dataset=solid[:48], size=32, max_strokes=20, device=device)
    train(agent, env, LoopConfig(updates=250, batch=24, replay=512))
    scores = l2_by_raster(paint(agent, torch.from_numpy(solid[48:]), 20), solid[48:])
    blank = np.square(solid[48:] / 255).mean()
    assert scores.mean() < 0.05 * blank


def test_same_seed_same_weights(pictures: np.ndarray) -> None:
    def weights() -> list[torch.Tensor]:
        torch.manual_seed(1)
        agent = build_agent(AgentSpec(actor_width=8, max_strokes=10), "cpu")
        env = PaintCanvasVectorEnv(4, array="torch", dataset=pictures, size=32, max_strokes=10, device="cpu")
        train(agent, env, LoopConfig(updates=4, batch=4, replay=16))
        return list(agent.actor.state_dict().values())

    assert all(torch.equal(one, other) for one, other in zip(weights(), weights(), strict=True))
