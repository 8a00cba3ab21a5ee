"""DDPG (Lillicrap et al. 2016; eq. (2) of the paper): model-free, the baseline of the paper's Fig. 8a.

The critic learns Q(s, a) = r + gamma^k Q'(s', pi'(s')); the actor climbs Q(s, pi(s)). No gradient passes
through the canvas: the agent must find out by trial and error what its strokes do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from agents.common.agent import Agent, not_done
from agents.common.config import COUNT, FRACTION, POSITIVE, RATE, LearningConfig, check_ranges
from agents.common.optim import frozen, gradient_step
from agents.common.replay import Transition
from paint_gym.canvas import CanvasState
from paint_gym.utils.weights import polyak_update


class DDPG(Agent):
    """Learns by trial and error; the renderer only serves painting.

    The critic is ``(canvas, target, step, steps, action) -> value (B,)``, or several values for each state,
    of which this agent takes the mean. The arguments are those of `Agent`.
    """

    @dataclass(frozen=True)
    class Config(LearningConfig):
        """Settings of DDPG; the defaults are Table 1 of the paper."""

        tau: float = 0.001
        """Fraction by which the target networks move in each update."""
        noise: float = 0.1
        """Standard deviation of the action noise."""
        random_actions: float = 0.0
        """Fraction of the actions that are uniform random while learning (Andrychowicz et al. 2017: 0.2)."""
        warm_up: int = 0
        """Updates of the critic before the actor learns; until then all actions are random (Fujimoto et al.
        2018)."""
        policy_delay: int = 1
        """Updates of the critic per update of the actor and the target networks (Fujimoto et al. 2018: 2)."""

        def __post_init__(self) -> None:
            super().__post_init__()
            check_ranges(
                self, tau=FRACTION, noise=RATE, random_actions=FRACTION, warm_up=COUNT, policy_delay=POSITIVE
            )

        def check_updates(self, updates: int) -> None:
            """Check that the warm-up ends before the training."""
            if 0 < updates <= self.warm_up:
                raise ValueError(
                    f"warm_up must be below updates, {updates}, or the actor never learns; got {self.warm_up}"
                )

    config: Config

    def setup(self) -> None:
        """Build the target networks of actor and critic."""
        self.updates = 0  # of the critic
        self.target_actor = self.make_target_network(self.actor).eval()
        self.target_critic = self.make_target_network(self.critic)

    def explore(self, state: CanvasState) -> Tensor:
        """The bundle for each canvas while learning: `act` with Gaussian noise in [0, 1], or a random one."""
        action = self.act(state)
        action = (action + self.config.noise * torch.randn_like(action)).clamp(0, 1)
        share = 1.0 if self.updates < self.config.warm_up else self.config.random_actions
        if not share:
            return action
        chosen = torch.rand_like(action[:, :1]) < share
        return torch.where(chosen, torch.rand_like(action), action)

    def warm_start(self, actor: nn.Module) -> list[str]:
        """Copy the weights of another actor into actor and target actor."""
        names = super().warm_start(actor)
        self.target_actor.load_state_dict(self.actor.state_dict())
        return names

    def update(self, batch: Transition) -> dict[str, float]:
        """One gradient step for the critic and a reward that learns, and, when due, for the actor.

        Returns ``losses/critic`` and ``charts/reward``, means over the batch; with an update of the actor
        ``losses/actor``, too.
        """
        state, action, next_state = batch
        with torch.no_grad():
            reward = self.reward_of(state, next_state)
        td_target = self.td_target(reward, next_state)
        loss = nn.functional.mse_loss(self.q_value(self.critic, state, action), td_target)
        metrics = gradient_step(self.critic_optimizer, loss, "losses/critic")
        self.updates += 1
        if self.updates > self.config.warm_up and self.updates % self.config.policy_delay == 0:
            metrics |= self._update_actor(state)
        metrics |= self.reward.update(next_state.canvas, next_state.target)
        return metrics | {"charts/reward": reward.mean().item()}

    def _update_actor(self, state: CanvasState) -> dict[str, float]:
        """One gradient step of the actor up Q(s, pi(s)); the target networks move."""
        self.actor.train()
        with frozen(self.critic):
            action = self.apply(self.actor, state)
            objective = self.q_value(self.critic, state, action).mean()
        metrics = gradient_step(self.actor_optimizer, -objective, "losses/actor", self.config.max_grad_norm)
        polyak_update(self.target_actor, self.actor, self.config.tau)
        polyak_update(self.target_critic, self.critic, self.config.tau)
        return metrics

    def reward_of(self, state: CanvasState, next_state: CanvasState) -> Tensor:
        """Reward of each transition, ``(B,)``."""
        return self.reward(state.canvas, next_state.canvas, state.target)

    def q_value(self, critic: nn.Module, state: CanvasState, action: Tensor) -> Tensor:
        """Q(s, a), ``(B,)``: the mean, if the critic gives several."""
        return self.apply(critic, state, action).view(len(action), -1).mean(1)

    @torch.no_grad()
    def td_target(self, reward: Tensor, next_state: CanvasState) -> Tensor:
        """``r + gamma^k Q'(s', pi'(s'))``, ``(B,)``; just the reward where the episode ends."""
        next_action = self.apply(self.target_actor, next_state)
        next_value = self.q_value(self.target_critic, next_state, next_action)
        continues = not_done(next_state, self.steps).view(-1, *[1] * (next_value.ndim - 1))
        return reward + self.discount * continues * next_value

    def parts(self) -> dict[str, Any]:
        """Networks and optimizers that a checkpoint holds, by name."""
        return super().parts() | {"target_actor": self.target_actor, "target_critic": self.target_critic}

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on learning."""
        return super().state_dict() | {"updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        super().load_state_dict(state)
        self.updates = state["updates"]
