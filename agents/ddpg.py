"""DDPG (Lillicrap et al. 2016; eq. (2) of the paper): model-free, the baseline of the paper's Fig. 8a.

The critic learns Q(s, a) = r + gamma^k Q'(s', pi'(s')); the actor climbs Q(s, pi(s)). No gradient passes
through the canvas: the agent must find out by trial what its strokes do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from agents.common.agent import Agent, descend, follow, frozen, left, run
from agents.common.replay import Transition
from paint_gym.canvas import CanvasState


class DDPG(Agent):
    """Learns by trial and error.

    The critic is ``(canvas, target, step, steps, action) -> value (B,)``, or values of which this agent takes
    the mean; see `Agent` for the rest. The renderer only serves `agents.paint`; learning does not use it.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.target_actor = self._slow(self.actor).eval()

    def explore(self, state: CanvasState) -> Tensor:
        """What to do while learning: `act` with Gaussian noise, clipped to [0, 1]."""
        action = self.act(state)
        return (action + self.learning.noise * torch.randn_like(action)).clamp(0, 1)

    def begin_with(self, actor: nn.Module) -> list[str]:
        """As its parent; the target actor too."""
        fresh = super().begin_with(actor)
        self.target_actor.load_state_dict(self.actor.state_dict())
        return fresh

    def update(self, batch: Transition) -> dict[str, float]:
        """One step of gradient for the critic, then the actor; then the target networks follow.

        Returns:
            ``losses/actor``, ``losses/critic`` and ``charts/reward``, means over the batch.
        """
        bf16, (state, action, after) = self.bf16, batch
        with torch.no_grad():
            reward = self.rewards(batch)
            next_action = run(self.target_actor, after, self.steps, bf16)
            ahead = self.value(self.target_critic, after, next_action)
            more = left(after, self.steps).view(-1, *[1] * (reward.ndim - 1))
            wanted = reward + self.discount * more * ahead
        value = self.value(self.critic, state, action)
        metrics = descend(self.critic_optimizer, nn.functional.mse_loss(value, wanted), "losses/critic")
        self.actor.train()
        with frozen(self.critic):
            value = self.value(self.critic, state, run(self.actor, state, self.steps, bf16))
        metrics |= descend(self.actor_optimizer, -value.mean(), "losses/actor", self.learning.max_grad_norm)
        follow(self.target_actor, self.actor, self.learning.tau)
        follow(self.target_critic, self.critic, self.learning.tau)
        return metrics | {"charts/reward": reward.mean().item()}

    def value(self, critic: nn.Module, state: CanvasState, action: Tensor) -> Tensor:
        """Q(s, a), ``(B,)``: the mean, if the critic gives several."""
        return run(critic, state, self.steps, self.bf16, action).view(len(action), -1).mean(1)

    def rewards(self, batch: Transition) -> Tensor:
        """What the critic learns from: the reward of each transition, ``(B,)``."""
        return self.reward(batch.state.canvas, batch.after.canvas, batch.state.target)

    def parts(self) -> dict[str, Any]:
        """All that learns, by name."""
        return super().parts() | {"target_actor": self.target_actor}
