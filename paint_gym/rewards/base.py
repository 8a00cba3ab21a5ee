"""The base class of rewards, and plain functions as rewards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor

RewardFunction = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``(canvas before, canvas after, target)``, each ``(B, 3, H, W)`` in [0, 1], to a reward ``(B,)``."""


class Reward:
    """Reward of a bundle, eq. (1). A subclass implements `__call__`; the rest has defaults.

    Attributes:
        name: the name for `reward=`.
        online: the environment calls `update` after each step.
        patch_level: `patch_rewards` is implemented.
        gain_in_l2: the reward is the decrease of the l2.
    """

    name: str = "reward"
    online: bool = False
    patch_level: bool = False
    gain_in_l2: bool = False

    def __call__(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        """Reward ``(B,)``.

        Args:
            before: ``(B, 3, H, W)`` float in [0, 1], the canvas before the bundle.
            after: ``(B, 3, H, W)``, the canvas after it.
            target: ``(B, 3, H, W)``.
        """
        raise NotImplementedError

    def patch_rewards(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        """Reward per patch of the canvas, ``(B, rows, columns)``, for PatchQ-DDPG.

        Raises:
            ValueError: the reward has no patch-level form.
        """
        raise ValueError(f"the reward {self.name!r} has no patch-level form")

    def update(self, canvas: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from canvases and targets ``(B, 3, H, W)``; returns metrics by name. By default nothing."""
        return {}

    def to(self, device: str | torch.device) -> Self:
        """Move weights to a device; returns itself."""
        return self

    def state_dict(self) -> dict[str, Any]:
        """The state to resume learning from; by default empty."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from `state_dict`.

        Raises:
            ValueError: the state of another reward.
        """
        if state:
            raise ValueError(f"the state is that of another reward than {self.name!r}")


class FunctionReward(Reward):
    """A `RewardFunction` as a reward."""

    def __init__(self, function: RewardFunction) -> None:
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)

    def __call__(self, before: Tensor, after: Tensor, target: Tensor) -> Tensor:
        """See `Reward`."""
        return self.function(before, after, target)


def as_reward(reward: RewardFunction) -> Reward:
    """Wrap a callable as a `FunctionReward`; a `Reward` is returned as it is.

    Raises:
        TypeError: not a callable.
    """
    if not callable(reward):
        raise TypeError(f"a reward is a name, a function or a Reward, not {reward!r}")
    return reward if isinstance(reward, Reward) else FunctionReward(reward)
