"""Environments that train their own WGAN reward, for agents that know nothing of it."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from paint_gym import PaintCanvasVectorEnv, WGANReward


def single(pictures: np.ndarray, reward: object = "wgan", **arguments) -> gym.Env:
    settings = {"dataset": pictures, "size": 32, "max_strokes": 20, "device": "cpu"} | arguments
    return gym.make("PaintCanvas-v0", reward=reward, **settings)


def vector(pictures: np.ndarray, num_envs: int = 3, **arguments) -> PaintCanvasVectorEnv:
    settings = {"dataset": pictures, "size": 32, "max_strokes": 20, "device": "cpu", "reward": "wgan"}
    return PaintCanvasVectorEnv(num_envs, **(settings | arguments))


def test_who_waits_for_a_reset_teaches_nothing(pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    env, taught = vector(pictures, max_strokes=10, autoreset_mode=AutoresetMode.NEXT_STEP), []
    update = env.task.reward.update
    monkeypatch.setattr(
        env.task.reward, "update", lambda *pair: (taught.append(len(pair[0])), update(*pair))[1]
    )
    env.reset(seed=0, options={"step": [1, 0, 0]})
    infos = [env.step(env.action_space.sample())[-1] for _ in range(3)]
    masks = [info["_discriminator_loss"].tolist() for info in infos]
    assert masks == [[True, True, True], [False, True, True], [True, False, False]] and taught == [3, 2, 1]


def test_a_reward_of_ones_own(pictures: np.ndarray) -> None:
    for online in (False, True):
        reward = WGANReward(width=4, online=online)
        env = single(pictures, reward)
        env.reset(seed=0)
        *_, info = env.step(env.action_space.sample())
        assert ("discriminator_loss" in info) == online == bool(reward.optimizer.state)
        assert env.spec is not None  # Gymnasium copies it, with the reward in it


def test_a_failing_update_leaves_the_canvas(pictures: np.ndarray) -> None:
    env = single(pictures)
    env.reset(seed=0)
    discriminator = env.unwrapped.task.reward.discriminator
    torch.nn.init.constant_(discriminator.score.bias, float("nan"))
    before = [value.clone() for value in discriminator.features.parameters()]
    with pytest.raises(FloatingPointError, match="loss is nan"):
        env.step(env.action_space.sample())
    assert int(env.unwrapped.state.step) == 0 and len(env.unwrapped.painting) == 0
    assert all(map(torch.equal, before, discriminator.features.parameters()))


def gain_against_reward(env: PaintCanvasVectorEnv) -> float:
    """Correlation of the reward with the decrease of l2, over random actions from the state at hand."""
    rewards, gains = [], []
    generator = torch.Generator().manual_seed(1)
    state = env.state
    for _ in range(32):
        after, reward = env.model_step(state, torch.rand(env.num_envs, 65, generator=generator))
        error = [(canvas - state.target).square().mean((1, 2, 3)) for canvas in (state.canvas, after.canvas)]
        rewards.append(reward)
        gains.append(error[0] - error[1])
    centred = [(both := torch.stack(some).detach()) - both.mean(0) for some in (rewards, gains)]
    return float(torch.corrcoef(torch.stack(centred).flatten(1))[0, 1])


@pytest.mark.parametrize("online", [True, False])
def test_an_online_reward_learns_what_is_like_the_target(online: bool, pictures: np.ndarray) -> None:
    """Whoever acts, by chance here: after 100 steps what lowers l2 is rewarded, if the reward learns."""
    env = vector(pictures, 8, size=16, reward=WGANReward(width=8, online=online))
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(120 if online else 1):
        env.step(env.action_space.sample())
    assert (gain_against_reward(env) > 0.7) == online
