"""Model-based DDPG (section 3.3.1 of the paper): the actor learns by gradients that flow through the canvas.

The critic learns V(s) = r + gamma^k V'(s'), eq. (3); the actor climbs r(s, pi(s)) + gamma^k V(s'), where
s' and r come from the differentiable `model_step`. One rendering per update serves both.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from paint_gym.canvas import CanvasState, RewardFunction, mean_squared_error, model_step
from paint_gym.renderers import Renderer


@dataclass(frozen=True)
class ModelBasedConfig:
    """Settings of model-based DDPG; the defaults are Table 1 of the paper."""

    actor_lr: float = 3e-4
    """Learning rate of the actor."""
    critic_lr: float = 1e-3
    """Learning rate of the critic."""
    gamma: float = 0.95
    """Discount per stroke, gamma ** k per bundle of k. 0: no critic, each bundle counts by itself."""
    tau: float = 0.001
    """How fast the target critic follows."""
    relative: bool = False
    """Weigh each state by 1 / l2: late steps, with little left to gain, count as much as early ones."""
    max_grad_norm: float = 5.0
    """The actor's gradient is clipped to this norm."""
    bf16: bool = True
    """Run the networks in bfloat16 where autocast allows it."""


def network_format(network: nn.Module) -> nn.Module:
    """The network with weights in channels_last, in which convolutions are fastest."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.to(memory_format=torch.channels_last)
    return network


class ModelBasedDDPG:
    """An actor, a critic, and how they learn.

    Args:
        actor: ``(canvas, target, progress) -> action (B, bundle * stroke_dim)``; agents do not know which.
        critic: ``(canvas, target, progress) -> value (B,)``; unused if gamma is 0.
        renderer: paints the strokes; must be differentiable.
        reward: eq. (1).
        steps: steps per episode.
        bundle: strokes per step.
        config: see `ModelBasedConfig`.

    Raises:
        ValueError: the renderer has no gradients.
    """

    def __init__(
        self,
        actor: nn.Module,
        critic: nn.Module,
        renderer: Renderer,
        reward: RewardFunction,
        steps: int,
        bundle: int,
        config: ModelBasedConfig | None = None,
    ) -> None:
        if not renderer.differentiable:
            raise ValueError(
                f"model-based DDPG learns through the renderer, and {renderer.name!r} has no gradients"
            )
        self.config = config or ModelBasedConfig()
        self.renderer, self.reward, self.steps, self.bundle = renderer, reward, steps, bundle
        self.discount = self.config.gamma**bundle
        self.device = next(actor.parameters()).device
        self.actor, self.critic = (network_format(network) for network in (actor, critic))
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), self.config.actor_lr)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), self.config.critic_lr)

    @torch.no_grad()
    def act(self, state: CanvasState, steps: int | None = None) -> Tensor:
        """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1].

        Args:
            state: what to paint on.
            steps: steps per episode, if not those of training.
        """
        self.actor.eval()
        return self._run(self.actor, state, steps)

    def update(self, batch: CanvasState) -> dict[str, float]:
        """One step of gradient for the critic, then the actor.

        Returns:
            ``losses/actor``, ``losses/critic`` and ``charts/reward``, means over the batch.
        """
        self.actor.train()
        after, reward = model_step(batch, self._run(self.actor, batch), self.renderer, self.reward)
        metrics = {"charts/reward": reward.mean().item()}
        objective = reward
        if self.discount:
            metrics["losses/critic"] = self._update_critic(batch, after, reward.detach())
            self.critic.requires_grad_(False)
            objective = reward + self.discount * self._left(after) * self._run(self.critic, after)
            self.critic.requires_grad_(True)
        if self.config.relative:
            objective = objective / mean_squared_error(batch.canvas, batch.target).clamp(min=1e-4)
        loss = -objective.mean()
        self.actor_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.actor.parameters(), self.config.max_grad_norm)
        self.actor_optimizer.step()
        return metrics | {"losses/actor": loss.item()}

    def _update_critic(self, batch: CanvasState, after: CanvasState, reward: Tensor) -> float:
        with torch.no_grad():
            ahead = CanvasState(after.canvas.detach(), after.target, after.step)
            wanted = reward + self.discount * self._left(after) * self._run(self.target_critic, ahead)
        loss = nn.functional.mse_loss(self._run(self.critic, batch), wanted)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimizer.step()
        with torch.no_grad():
            for slow, quick in zip(self.target_critic.parameters(), self.critic.parameters(), strict=True):
                slow.lerp_(quick, self.config.tau)
        return loss.item()

    def _left(self, state: CanvasState) -> Tensor:
        """1 where strokes are left, 0 where the episode is over."""
        return (state.step < self.steps).float()

    def _run(self, network: nn.Module, state: CanvasState, steps: int | None = None) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16):
            output: Tensor = network(state.canvas, state.target, state.step / (steps or self.steps))
        return output.float()

    def parts(self) -> dict[str, Any]:
        """All that learns, by name."""
        return {
            "actor": self.actor,
            "critic": self.critic,
            "target_critic": self.target_critic,
            "actor_optimizer": self.actor_optimizer,
            "critic_optimizer": self.critic_optimizer,
        }

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on learning."""
        return {name: part.state_dict() for name, part in self.parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        for name, part in self.parts().items():
            part.load_state_dict(state[name])
