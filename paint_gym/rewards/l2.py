"""The l2 reward: decrease of the mean squared error (eq. (1) with L the l2 distance)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from paint_gym.metrics import mean_squared_error
from paint_gym.rewards.base import Reward


class L2Reward(Reward):
    """Loss before minus loss after, the loss being the mean squared error.

    Args:
        patches: patches per side of the patch-level reward.
    """

    name = "l2"
    patch_level = True
    gain_in_l2 = True

    def __init__(self, patches: int = 8) -> None:
        self.patches = patches

    def __call__(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        """Reward ``(B,)`` in [-1, 1]; see `Reward`."""
        return mean_squared_error(before, target) - mean_squared_error(after, target)

    def patch_rewards(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        """Reward per patch, ``(B, patches, patches)``.

        If `patches` divides the canvas, their mean is the scalar reward.
        """
        gain = ((before - target).square() - (after - target).square()).mean(1, keepdim=True)  # (B, 1, H, W)
        return adaptive_avg_pool2d(gain, self.patches).squeeze(1)
