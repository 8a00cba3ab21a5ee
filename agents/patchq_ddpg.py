"""PatchQ-DDPG (section 5.4.1 of the paper): DDPG whose critic learns where the reward was earned.

The canvas is cut into patches. The critic gives each patch p a value, and learns Q_p(s, a) = r_p + gamma^k
Q'_p(s', pi'(s')) from that patch's own reward: many numbers a transition instead of one. The actor climbs
their mean. No gradient passes through the canvas.
"""

from __future__ import annotations

from torch import Tensor, nn

from agents.ddpg import DDPG
from paint_gym.canvas import CanvasState


class PatchQDDPG(DDPG):
    """DDPG with a reward and a value for each patch.

    The critic is ``(canvas, target, step, steps, action) -> values (B, patches, patches)``, and the reward
    has `patch_rewards` of as many patches. The arguments are those of `Agent`.
    """

    def setup(self) -> None:
        """Build the target networks, and refuse rewards that have no patch-level form."""
        if not self.reward.patch_level:
            raise ValueError("PatchQ needs a reward with patch_rewards and patch_level, such as L2Reward")
        super().setup()

    def reward_of(self, state: CanvasState, next_state: CanvasState) -> Tensor:
        """Reward of each patch, ``(B, patches, patches)``."""
        return self.reward.patch_rewards(state.canvas, next_state.canvas, state.target)

    def q_value(self, critic: nn.Module, state: CanvasState, action: Tensor) -> Tensor:
        """Q(s, a) of each patch, ``(B, patches, patches)``."""
        return self.apply(critic, state, action)
