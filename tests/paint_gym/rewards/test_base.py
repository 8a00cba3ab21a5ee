"""The defaults of a reward, and functions as rewards."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from paint_gym import REWARDS, L2Reward
from paint_gym.rewards import RewardConfig, WGANReward, as_reward, make_reward


def brightness(before: torch.Tensor, after: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (after - before).mean((1, 2, 3))


def test_a_function_is_wrapped_once_and_has_the_defaults() -> None:
    reward = as_reward(brightness)
    assert as_reward(reward) is reward and reward.name == "brightness"
    pictures = torch.rand(3, 2, 3, 8, 8)
    assert torch.equal(reward(*pictures), brightness(*pictures))
    assert reward.update(pictures[0], pictures[1]) == {} and reward.state_dict() == {}
    assert not reward.online and not reward.patch_level and reward.to("cpu") is reward
    with pytest.raises(ValueError, match="'brightness' has no patch-level form"):
        reward.patch_rewards(*pictures)


def test_rewards_by_name(monkeypatch: pytest.MonkeyPatch, pictures: np.ndarray) -> None:
    monkeypatch.setattr(REWARDS, "_entries", dict(REWARDS._entries))
    REWARDS.register("brightness", lambda config: brightness)
    env = gym.make("PaintCanvas-v0", dataset=pictures, size=32, reward="brightness")
    env.reset(seed=0)
    before = env.unwrapped.state.canvas
    _, reward, *_ = env.step(env.action_space.sample())
    assert reward == pytest.approx((env.unwrapped.state.canvas - before).mean().item(), rel=1e-5)
    with pytest.raises(ValueError, match="did you mean 'brightness'"):
        make_reward("brightnes")


def test_rewards_are_built_as_they_are_configured() -> None:
    config = RewardConfig(patches=2, wgan=WGANReward.Config(width=4), online=False, seed=3)
    l2, wgan = make_reward("l2", "cpu", config), make_reward("wgan", "cpu", config)
    assert isinstance(l2, L2Reward) and l2.patches == 2
    assert isinstance(wgan, WGANReward) and (wgan.patches, wgan.online) == (2, False)
    pictures = torch.rand(3, 1, 3, 32, 32)
    assert torch.equal(wgan(*pictures), WGANReward(4, seed=3)(*pictures))
    assert make_reward(wgan, "meta").device.type == "meta"


def test_patches_of_l2_sum_up_to_the_whole() -> None:
    reward, pictures = L2Reward(patches=4), torch.rand(3, 5, 3, 16, 16)
    patches = reward.patch_rewards(*pictures)
    assert patches.shape == (5, 4, 4)
    torch.testing.assert_close(patches.mean((1, 2)), reward(*pictures))
