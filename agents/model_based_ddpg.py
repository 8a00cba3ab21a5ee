"""Model-based DDPG (section 3.3.1 of the paper): the actor learns by gradients that flow through the canvas.

The critic learns V(s) = r + gamma^k V'(s'), eq. (3); the actor climbs r(s, pi(s)) + gamma^k V(s'), where
s' and r come from the differentiable `model_step`. One rendering per update serves both.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from agents.common.agent import Agent, Proposals, descend, follow, frozen, left, run
from agents.common.replay import Transition, mirrored
from paint_gym.canvas import CanvasState, as_strokes, crop, mean_squared_error, model_step
from paint_gym.renderers.base import PaintsParts


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

    @torch.no_grad()
    def act(self, state: CanvasState, steps: int | None = None) -> Tensor:
        """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1].

        If the actor has several to propose, each is painted, and the one that lowers the l2 most is taken.
        """
        propose = getattr(self.actor, "propose", None)
        if propose is None or not self.learning.lookahead:
            return super().act(state, steps)
        self.actor.eval()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            groups: list[Proposals] = propose(*state, self.learning.lookahead)
        action = torch.cat([group.action for group in groups]).float()  # (N, B, A)
        gain = torch.cat([self._gain(state, group) for group in groups])
        return action[gain.argmax(0), torch.arange(len(state.canvas), device=action.device)]

    def explore(self, state: CanvasState) -> Tensor:
        """What to do while learning: the first that comes to mind."""
        return super().act(state)

    def _gain(self, state: CanvasState, proposals: Proposals) -> Tensor:
        """By how much each would lower the sum of squared errors, ``(N, B)``."""
        action, top, left, size = proposals
        count, batch, _ = action.shape
        strokes = as_strokes(action.float().flatten(0, 1), self.renderer.design.dim)
        pair = torch.cat([state.canvas, state.target], 1)  # (B, 6, H, W)
        before, target = crop(pair, top, left, size).flatten(0, 1).chunk(2, 1)  # (N B, 3, h, w) each
        corner = (top.flatten(), left.flatten())
        if isinstance(self.renderer, PaintsParts):
            whole = (state.canvas.shape[2], state.canvas.shape[3])
            after = self.renderer.paint_part(before, strokes, *corner, whole)
        else:
            after = crop(self.renderer.paint(state.canvas.repeat(count, 1, 1, 1), strokes), *corner, size)
        gain = (before - target).square() - (after - target).square()
        return gain.sum((1, 2, 3)).view(count, batch)

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
