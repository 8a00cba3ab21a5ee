"""Agents learn by the WGAN reward, from the first update on: none ends with a blank canvas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import Constant, agent_of, left_after, one_colour_left, transition
from torch import Tensor

from agents import DDPG, Agent, AgentConfig, AlgorithmConfig, ModelBasedDDPG, PatchQDDPG
from agents.networks.actor import FARTHEST, squash
from paint_gym import Reward, WGANReward


def test_squash_is_the_sigmoid() -> None:
    logits = torch.linspace(-4.9, 4.9, 50, dtype=torch.float64, requires_grad=True)
    assert torch.equal(squash(logits), logits.sigmoid())
    assert torch.autograd.gradcheck(squash, logits)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_squash_finds_back(sign: float) -> None:
    logits = torch.tensor([sign * 30.0], requires_grad=True)
    (back,) = torch.autograd.grad(squash(logits).sum() * sign, logits)  # descent leads inwards
    slope = torch.tensor(FARTHEST).sigmoid()
    torch.testing.assert_close(back, torch.tensor([sign]) * slope * (1 - slope))
    (out,) = torch.autograd.grad(-squash(logits).sum() * sign, logits)
    assert out == 0


class Watching(Reward):
    """A reward that remembers what it was to learn from."""

    patch_level = True

    def __call__(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        return -(after - target).square().mean((1, 2, 3))

    def patch_rewards(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        return self(before, after, target).view(-1, 1, 1).expand(-1, 4, 4)

    def update(self, canvas: Tensor, target: Tensor) -> dict[str, float]:
        self.seen = canvas
        return {"losses/discriminator": 0.5}


@pytest.mark.parametrize("kind", [ModelBasedDDPG, DDPG, PatchQDDPG])
def test_a_reward_learns_with_each_update(kind: type[Agent]) -> None:
    critic = {ModelBasedDDPG: Constant(), DDPG: Constant(), PatchQDDPG: Constant(4, 4)}[kind]
    agent, batch = agent_of(kind, critic), transition()
    agent.reward = Watching()
    assert agent.update(batch)["losses/discriminator"] == 0.5
    fresh = kind is ModelBasedDDPG  # of what the actor paints now; the others of what was rewarded
    assert torch.equal(agent.reward.seen, batch.next_state.canvas) != fresh
    assert not agent.reward.seen.requires_grad


@pytest.mark.slow
@pytest.mark.parametrize("actor", ["glimpse", "resnet"])
def test_model_based_learns_one_colour(actor: str, device: torch.device) -> None:
    """To 5% of the l2 at the start."""
    torch.set_num_threads(1)
    one = np.tile(np.array([200, 120, 60], np.uint8).reshape(1, 3, 1, 1), (24, 1, 32, 32))
    rates = {"actor_lr": 1e-3, "actor_lr_late": 0.0, "schedule": "cosine", "gamma": 0.0}
    config = AgentConfig(
        actor=actor, actor_width=8, critic_width=8, depth=1, discriminator_width=8, max_strokes=20,
        reward="wgan", learning=AlgorithmConfig(**rates, bf16=False),
    )  # fmt: skip
    assert left_after(one, config, 300, device) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("kind", [DDPG, PatchQDDPG])
def test_model_free_does_not_end_blank(kind: type[Agent], device: torch.device) -> None:
    critic = () if kind is DDPG else (2, 2)
    reward = WGANReward(width=8, patches=2, device=device)
    assert one_colour_left(kind, critic, 1500, device, 0, reward) < 0.8
