"""PatchQ-DDPG (section 5.4.1 of the paper): DDPG whose critic learns where the reward was earned.

The canvas is cut into patches. The critic gives each patch a value, and learns it from that patch's own
reward: many numbers a transition instead of one. The actor climbs their mean.
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from agents.common.agent import run
from agents.common.replay import Transition
from agents.ddpg import DDPG
from paint_gym.canvas import CanvasState


class PatchReward(Protocol):
    """A reward that also knows what each patch gained."""

    def patch_rewards(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        """``(B, 3, H, W)`` three times to ``(B, patches, patches)``."""


class PatchQDDPG(DDPG):
    """DDPG with a critic ``(canvas, target, step, steps, action) -> values (B, patches, patches)``.

    Raises:
        ValueError: the reward has no patch-level form.
    """

    reward: PatchReward  # type: ignore[assignment]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if not hasattr(self.reward, "patch_rewards"):
            raise ValueError(
                "PatchQ needs a reward with patch_rewards(before, after, target), such as L2Reward"
            )

    def value(self, critic: nn.Module, state: CanvasState, action: Tensor) -> Tensor:
        """Q(s, a) of each patch, ``(B, patches, patches)``."""
        return run(critic, state, self.steps, self.bf16, action)

    def rewards(self, batch: Transition) -> Tensor:
        """What the critic learns from: the reward of each patch, ``(B, patches, patches)``."""
        return self.reward.patch_rewards(batch.state.canvas, batch.after.canvas, batch.state.target)
