"""Rewards of bundles of strokes, and their registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from paint_gym.rewards.base import Reward, RewardFunction, as_reward
from paint_gym.rewards.l2 import L2Reward
from paint_gym.rewards.wgan import WGANReward
from paint_gym.utils.registry import Registry

__all__ = [
    "REWARDS", "L2Reward", "Reward", "RewardConfig", "RewardFunction", "WGANReward", "as_reward",
    "make_reward",
]  # fmt: skip


@dataclass(frozen=True)
class RewardConfig:
    """Settings to build a reward with."""

    patches: int = 8
    """Patches a side of the patch-level reward."""
    wgan: WGANReward.Config = field(default_factory=WGANReward.Config)
    """Settings of the WGAN reward."""
    online: bool = True
    """True: the environment updates the reward. False: the training of an agent does."""
    seed: int = 0
    """Random seed of weights."""


REWARDS = Registry[Callable[[RewardConfig], RewardFunction]](
    "reward",
    {
        "l2": lambda config: L2Reward(config.patches),
        "wgan": lambda config: WGANReward(
            **vars(config.wgan), patches=config.patches, online=config.online, seed=config.seed
        ),
    },
)
"""Rewards by name; each entry turns a `RewardConfig` into a `Reward` or a function."""


def make_reward(
    reward: str | RewardFunction = "l2",
    device: str | torch.device = "cpu",
    config: RewardConfig | None = None,
) -> Reward:
    """Make a reward by name, or from a callable ``(before, after, target) -> (B,)``.

    Args:
        reward: ``"l2"``, ``"wgan"`` (with a new discriminator), another name in `REWARDS`, or a callable.
        device: device of the reward's weights; a `Reward` is moved there.
        config: settings of a reward by name.

    Raises:
        ValueError: an unknown name; the nearest is suggested.
    """
    named = REWARDS[reward](config or RewardConfig()) if isinstance(reward, str) else reward
    return as_reward(named).to(device)
