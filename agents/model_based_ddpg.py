"""Model-based DDPG (section 3.3.1 of the paper): the actor learns by gradients that flow through the canvas.

The critic learns V(s) = r + gamma^k V'(s'), eq. (3); the actor climbs r(s, pi(s)) + gamma^k V(s'), where
s' and r come from the differentiable `model_step`. One rendering per update serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from agents.common.agent import Agent, not_done
from agents.common.augmentation import augment
from agents.common.config import FRACTION, LearningConfig, check_ranges
from agents.common.optim import frozen, gradient_step
from agents.common.replay import Transition
from paint_gym.canvas import CanvasState, model_step
from paint_gym.metrics import mean_squared_error
from paint_gym.utils.weights import polyak_update


class ModelBasedDDPG(Agent):
    """Learns through the renderer, which must have gradients, as must the reward.

    The critic is ``(canvas, target, step, steps) -> value (B,)``; unused if gamma is 0. The arguments are
    those of `Agent`.
    """

    @dataclass(frozen=True)
    class Config(LearningConfig):
        """Settings of model-based DDPG; the defaults are Table 1 of the paper."""

        tau: float = 0.001
        """Fraction by which the target network moves in each update."""
        normalize_by_error: bool = False
        """Weigh each state by 1 / l2, so that late steps count as much as early ones."""
        augment: bool = False
        """Rotate, mirror and recolour the states of a batch."""

        def __post_init__(self) -> None:
            super().__post_init__()
            check_ranges(self, tau=FRACTION)

    config: Config
    uses_model = True

    def setup(self) -> None:
        """Build the target network of the critic."""
        self.target_critic = self.make_target_network(self.critic)

    def update(self, batch: Transition) -> dict[str, float]:
        """One gradient step for the critic, the actor, and a reward that learns.

        The reward learns from what the actor paints now, not from the replay: an actor that has found out how
        to please a discriminator would else do so for hundreds of updates before the discriminator sees it.
        Returns ``losses/actor``, ``losses/critic`` and ``charts/reward``, means over the batch.
        """
        state = augment(batch.state) if self.config.augment else batch.state
        self.actor.train()
        action = self.apply(self.actor, state)
        next_state, reward = model_step(state, action, self.renderer, self.reward)
        if not reward.requires_grad:
            advice = "compute it from the canvas with torch, without detach and no_grad, or use --algo ddpg"
            raise ValueError(f"the reward {self.reward.name!r} has no gradients to learn from: {advice}")
        metrics = {"charts/reward": reward.mean().item()}
        objective = reward
        if self.discount:
            metrics |= self._update_critic(state, reward.detach(), next_state)
            with frozen(self.critic):
                next_value = self.apply(self.critic, next_state)
            objective = reward + self.discount * not_done(next_state, self.steps) * next_value
        if self.config.normalize_by_error:
            objective = objective / mean_squared_error(state.canvas, state.target).clamp(min=1e-4)
        loss, max_norm = -objective.mean(), self.config.max_grad_norm
        metrics |= gradient_step(self.actor_optimizer, loss, "losses/actor", max_norm)
        return metrics | self.reward.update(next_state.canvas.detach(), next_state.target)

    def _update_critic(self, state: CanvasState, reward: Tensor, next_state: CanvasState) -> dict[str, float]:
        """One gradient step of V(s) towards ``r + gamma^k V'(s')``; just r where the episode ends."""
        with torch.no_grad():
            next_value = self.apply(self.target_critic, next_state)
            td_target = reward + self.discount * not_done(next_state, self.steps) * next_value
        value = self.apply(self.critic, state)
        loss = nn.functional.mse_loss(value, td_target)
        metrics = gradient_step(self.critic_optimizer, loss, "losses/critic")
        polyak_update(self.target_critic, self.critic, self.config.tau)
        return metrics

    def parts(self) -> dict[str, Any]:
        """Networks and optimizers that a checkpoint holds, by name."""
        return super().parts() | {"target_critic": self.target_critic}
