"""Rewards: how good a bundle of strokes was."""

from __future__ import annotations

from collections.abc import Callable

import torch

from paint_gym.canvas import RewardFunction
from paint_gym.rewards.l2 import L2Reward
from paint_gym.rewards.wgan import WGANReward
from paint_gym.utils.errors import unknown_name

__all__ = ["L2Reward", "RewardFunction", "WGANReward", "make_reward"]

_REWARDS: dict[str, Callable[[str | torch.device], RewardFunction]] = {
    "l2": lambda device: L2Reward(),
    "wgan": lambda device: WGANReward(online=True, device=device),
}


def make_reward(reward: str | RewardFunction = "l2", device: str | torch.device = "cpu") -> RewardFunction:
    """A reward by name; a callable ``(before, after, target) -> (B,)`` is returned as it is.

    Args:
        reward: ``"l2"``, ``"wgan"`` (learning online, with a discriminator of its own), or a callable.
        device: where a reward that has weights is.

    Raises:
        ValueError: an unknown name; the nearest is suggested.
    """
    if not isinstance(reward, str):
        return reward
    if reward not in _REWARDS:
        raise unknown_name("reward", reward, _REWARDS)
    return _REWARDS[reward](device)
