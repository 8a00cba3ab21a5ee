"""Imitation of plans: the actor learns the bundles that planning makes of its own.

Each action is improved by some gradient steps through the model, on its own canvas; the actor then moves
towards the result. Plans look one step ahead, so there is no critic and no discount.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.common.agent import Agent
from agents.common.augmentation import augment
from agents.common.config import LearningConfig, check_ranges
from agents.common.optim import gradient_step
from agents.common.replay import Transition
from agents.painting import planning
from paint_gym.canvas import CanvasState, model_step


class Imitation(Agent):
    """Learns from plans by a differentiable renderer; has no critic. The arguments are those of `Agent`."""

    @dataclass(frozen=True)
    class Config(LearningConfig):
        """Settings of the imitation of plans."""

        imitate: int = 10
        """Gradient steps of each plan."""
        augment: bool = False
        """Rotate, mirror and recolour the states of a batch."""

        def __post_init__(self) -> None:
            super().__post_init__()
            check_ranges(self, imitate=(1, 1000))

    config: Config
    uses_model = True

    def setup(self) -> None:
        """Refuse rewards that plans do not follow."""
        if not self.reward.gain_in_l2:
            raise ValueError("plans lower the l2 of the next canvas: imitation needs reward l2")

    def update(self, batch: Transition) -> dict[str, float]:
        """One gradient step of the actor towards its plans on the states of the batch.

        Returns ``losses/actor`` and ``charts/reward``, means over the batch.
        """
        state = augment(batch.state) if self.config.augment else batch.state
        self.actor.train()
        action = self.apply(self.actor, state)
        _, reward = model_step(state, action.detach(), self.renderer, self.reward)
        loss = self._distance_to_plan(state, action).mean()
        metrics = gradient_step(self.actor_optimizer, loss, "losses/actor", self.config.max_grad_norm)
        return metrics | {"charts/reward": reward.mean().item()}

    def _distance_to_plan(self, state: CanvasState, action: Tensor) -> Tensor:
        """Distance of actions from their plans, ``(B,)``."""
        side = self.actor.side(state.step, state.canvas.shape[2], state.canvas.shape[3])
        proposal = planning.full_canvas_proposal(action.detach(), state.canvas)
        plan = planning.optimize_action(state, proposal, side, self.renderer, self.config.imitate)
        return planning.distance(action, plan, side, self.renderer.design)
