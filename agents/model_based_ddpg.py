"""Model-based DDPG (section 3.3.1 of the paper): the actor learns by gradients that flow through the canvas.

The critic learns V(s) = r + gamma^k V'(s'), eq. (3); the actor climbs r(s, pi(s)) + gamma^k V(s'), where
s' and r come from the differentiable `model_step`. One rendering per update serves both.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from agents.learning import Agent, descend, follow, frozen, left, run
from agents.replay import Transition, mirrored
from paint_gym.canvas import CanvasState, mean_squared_error, model_step


class ModelBasedDDPG(Agent):
    """Learns through the renderer.

    The critic is ``(canvas, target, step, steps) -> value (B,)``, and unused if gamma is 0; see `Agent` for
    the rest.

    Raises:
        ValueError: the renderer has no gradients.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if not self.renderer.differentiable:
            name = self.renderer.name
            raise ValueError(f"model-based DDPG learns through the renderer, and {name!r} has no gradients")

    def update(self, batch: Transition) -> dict[str, float]:
        """One step of gradient for the critic, then the actor.

        Args:
            batch: of the replay; only the states are used, the actor answers them anew.

        Returns:
            ``losses/actor``, ``losses/critic`` and ``charts/reward``, means over the batch.
        """
        state = mirrored(batch.state) if self.learning.augment else batch.state
        self.actor.train()
        action = run(self.actor, state, self.steps, self.bf16)
        after, reward = model_step(state, action, self.renderer, self.reward)
        metrics = {"charts/reward": reward.mean().item()}
        objective = reward
        if self.discount:
            metrics |= self._update_critic(state, after, reward.detach())
            with frozen(self.critic):
                ahead = run(self.critic, after, self.steps, self.bf16)
            objective = reward + self.discount * left(after, self.steps) * ahead
        if self.learning.relative:
            objective = objective / mean_squared_error(state.canvas, state.target).clamp(min=1e-4)
        return metrics | descend(
            self.actor_optimizer, -objective.mean(), "losses/actor", self.learning.max_grad_norm
        )

    def _update_critic(self, state: CanvasState, after: CanvasState, reward: Tensor) -> dict[str, float]:
        with torch.no_grad():
            ahead = run(self.target_critic, after, self.steps, self.bf16)
            wanted = reward + self.discount * left(after, self.steps) * ahead
        value = run(self.critic, state, self.steps, self.bf16)
        loss = descend(self.critic_optimizer, nn.functional.mse_loss(value, wanted), "losses/critic")
        follow(self.target_critic, self.critic, self.learning.tau)
        return loss
