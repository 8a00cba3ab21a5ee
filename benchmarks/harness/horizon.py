"""Agents that climb the rewards of several steps through the renderer: `shac` and `apg`."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from agents import ALGORITHMS, Algorithm
from agents.common.agent import not_done
from agents.common.optim import frozen, gradient_step
from agents.common.replay import Transition
from agents.model_based_ddpg import ModelBasedDDPG
from paint_gym.canvas import model_step


class ShortHorizon(ModelBasedDDPG):
    """SHAC (Xu et al. 2022): rewards of some steps, and V(s) after the last; with one step model-based DDPG.

    With a horizon of the whole episode no value is left: analytic policy gradients (Freeman et al. 2021).
    """

    @dataclass(frozen=True)
    class Config(ModelBasedDDPG.Config):
        """Settings of model-based DDPG, and the horizon."""

        horizon: int = 4
        """Steps through the renderer."""

    config: Config

    def update(self, batch: Transition) -> dict[str, float]:
        """One gradient step for the critic, if any, and the actor; losses by name."""
        self.actor.train()
        state, objective = batch.state, torch.zeros(len(batch.state.step), device=self.device)
        weight, metrics = torch.ones_like(objective), dict[str, float]()
        for step in range(min(self.config.horizon, self.steps)):
            after, reward = model_step(state, self.apply(self.actor, state), self.renderer, self.reward)
            if step == 0 and self.config.horizon < self.steps:
                metrics |= self._update_critic(state, reward.detach(), after.detach())
            objective = objective + weight * reward
            weight = weight * self.discount * not_done(after, self.steps)
            state = after
        if metrics:
            with frozen(self.critic):
                objective = objective + weight * self.apply(self.critic, state)
        max_norm = self.config.max_grad_norm
        return metrics | gradient_step(self.actor_optimizer, -objective.mean(), "losses/actor", max_norm)


for _name in ("shac", "apg"):
    ALGORITHMS.register(_name, Algorithm(ShortHorizon), replace=True)
