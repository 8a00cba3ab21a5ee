"""Model-based DDPG (section 3.3.1 of the paper): the actor learns by gradients that flow through the canvas.

The critic learns V(s) = r + gamma^k V'(s'), eq. (3); the actor climbs r(s, pi(s)) + gamma^k V(s'), where
s' and r come from the differentiable `model_step`. One rendering per update serves both. Instead, it can
imitate its own bundles after some steps of planning, which are better than they were.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from agents.common.agent import Agent, apply_network, not_done
from agents.common.augmentation import augment
from agents.common.optim import frozen, gradient_step
from agents.common.replay import Transition
from agents.networks.actor import Proposals
from agents.painting import planning
from paint_gym.canvas import CanvasState, model_step
from paint_gym.metrics import mean_squared_error
from paint_gym.utils.weights import polyak_update


class ModelBasedDDPG(Agent):
    """Learns through the renderer, which must have gradients, as must the reward.

    The critic is ``(canvas, target, step, steps) -> value (B,)``; unused if gamma is 0. The arguments are
    those of `Agent`.
    """

    uses_model = True

    def setup(self) -> None:
        """The target network of the critic.

        Raises:
            ValueError: the renderer has no gradients, or the actor shall imitate what lowers the l2 and learn
                from something else, too.
        """
        if not self.renderer.differentiable:
            name = self.renderer.name
            raise ValueError(f"model-based DDPG learns through the renderer, and {name!r} has no gradients")
        if self.config.imitate and (self.discount or not self.reward.gain_in_l2):
            raise ValueError(
                "what is imitated lowers the l2 of the next canvas: imitate needs reward l2 and gamma 0"
            )
        self.target_critic = self.make_target_network(self.critic)

    def act(self, state: CanvasState, steps: int | None = None, plan: int | None = None) -> Tensor:
        """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1].

        With lookahead, if the actor proposes several bundles, each is tried out, and the one that lowers the
        l2 most is taken. With a plan, it is then improved through the model.

        Args:
            state: what to paint on.
            steps: steps per episode, if not those of training.
            plan: steps of gradient, by default those of the configuration.
        """
        plan = self.config.plan if plan is None else plan
        if not (self.config.lookahead or plan):
            return super().act(state, steps)
        self.actor.eval()
        proposals: list[Proposals] = []
        if self.config.lookahead:
            with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                proposals = self.actor.propose(*state, self.config.lookahead)
        if not proposals:
            action = super().act(state, steps)
            if not plan:
                return action
            proposals = [planning.on_whole_canvas(action, state.canvas)]
        return planning.plan(state, proposals, self.renderer, plan, self.actor.weight)

    def explore(self, state: CanvasState) -> Tensor:
        """The bundle for each canvas while learning: that of the actor, as it is."""
        return super().act(state)

    def update(self, batch: Transition) -> dict[str, float]:
        """One gradient step for the critic, the actor, and a reward that learns.

        The reward learns from what the actor paints now, not from the replay: else an actor that has found
        out how to please a discriminator would do so for hundreds of updates before it is told.

        Args:
            batch: of the replay; only the states are used, the actor acts on them anew.

        Returns:
            ``losses/actor``, ``losses/critic`` and ``charts/reward``, means over the batch.
        """
        state = augment(batch.state) if self.config.augment else batch.state
        self.actor.train()
        action = apply_network(self.actor, state, self.steps, self.bf16)
        next_state, reward = model_step(state, action, self.renderer, self.reward)
        metrics = {"charts/reward": reward.mean().item()}
        objective = reward
        if self.discount:
            metrics |= self._update_critic(state, reward.detach(), next_state)
            with frozen(self.critic):
                next_value = apply_network(self.critic, next_state, self.steps, self.bf16)
            objective = reward + self.discount * not_done(next_state, self.steps) * next_value
        if self.config.imitate:
            objective = -self._distance_to_plan(state, action)
        elif self.config.normalize_by_error:
            objective = objective / mean_squared_error(state.canvas, state.target).clamp(min=1e-4)
        metrics |= gradient_step(
            self.actor_optimizer, -objective.mean(), "losses/actor", self.config.max_grad_norm
        )
        return metrics | self.reward.update(next_state.canvas.detach(), next_state.target)

    @torch.no_grad()
    def td_target(self, reward: Tensor, next_state: CanvasState) -> Tensor:
        """``r + gamma^k V'(s')``, ``(B,)``; just the reward where the episode ends."""
        next_value = apply_network(self.target_critic, next_state, self.steps, self.bf16)
        return reward + self.discount * not_done(next_state, self.steps) * next_value

    def _distance_to_plan(self, state: CanvasState, action: Tensor) -> Tensor:
        """How far actions are from what planning makes of them, ``(B,)``."""
        side = self.actor.side(state.step, state.canvas.shape[2], state.canvas.shape[3])
        begun = planning.on_whole_canvas(action.detach(), state.canvas)
        found = planning.improved(state, begun, side, self.renderer, self.config.imitate)
        return planning.distance(action, found, side, self.renderer.design)

    def _update_critic(self, state: CanvasState, reward: Tensor, next_state: CanvasState) -> dict[str, float]:
        td_target = self.td_target(reward, next_state)
        value = apply_network(self.critic, state, self.steps, self.bf16)
        loss = nn.functional.mse_loss(value, td_target)
        metrics = gradient_step(self.critic_optimizer, loss, "losses/critic")
        polyak_update(self.target_critic, self.critic, self.config.tau)
        return metrics

    def parts(self) -> dict[str, Any]:
        """Networks and optimizers that a checkpoint holds, by name."""
        return super().parts() | {"target_critic": self.target_critic}
