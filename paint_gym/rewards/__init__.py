"""Rewards: how good a bundle of strokes was."""

from __future__ import annotations

from paint_gym.canvas import RewardFunction
from paint_gym.errors import unknown_name
from paint_gym.rewards.l2 import L2Reward

__all__ = ["L2Reward", "RewardFunction", "make_reward"]

_REWARDS = {"l2": L2Reward}


def make_reward(reward: str | RewardFunction = "l2") -> RewardFunction:
    """A reward by name; a callable ``(before, after, target) -> (B,)`` is returned as it is.

    Raises:
        ValueError: an unknown name; the nearest is suggested.
    """
    if not isinstance(reward, str):
        return reward
    if reward not in _REWARDS:
        raise unknown_name("reward", reward, _REWARDS)
    return _REWARDS[reward]()
