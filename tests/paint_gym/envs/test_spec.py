"""Gymnasium's spec of an environment: unchanged, as JSON, and with a user's time limit."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import paint_gym  # noqa: F401  # registers PaintCanvas-v0

SMALL = {"size": 16, "max_strokes": 20, "bundle": 4, "device": "cpu"}


def run(env: gym.Env | gym.vector.VectorEnv, steps: int) -> list[tuple[bool, bool]]:
    """``terminated`` and ``truncated`` of steps with random actions."""
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[2:4] for _ in range(steps)]
    return [(bool(np.all(terminated)), bool(np.all(truncated))) for terminated, truncated in ends]


def make_many(**arguments: object) -> gym.vector.VectorEnv:
    return gym.make_vec("PaintCanvas-v0", num_envs=2, **arguments)


@pytest.mark.parametrize("make", [lambda **named: gym.make("PaintCanvas-v0", **named), make_many])
def test_made_anew_from_its_spec_or_its_json(make) -> None:
    env = make(**SMALL)
    spec = EnvSpec.from_json(env.spec.to_json())
    assert type(env.spec) is EnvSpec and env.spec == spec and env.spec.max_episode_steps is None
    remake = gym.make_vec if isinstance(env, gym.vector.VectorEnv) else gym.make
    for copied in (remake(env.spec), remake(spec)):
        assert copied.spec == env.spec
        assert run(copied, 5) == [(False, False)] * 4 + [(True, False)]
        env.reset(seed=3), copied.reset(seed=3)
        action = env.action_space.sample()
        np.testing.assert_array_equal(env.step(action)[0], copied.step(action)[0])


@pytest.mark.parametrize("make", [lambda **named: gym.make("PaintCanvas-v0", **named), make_many])
def test_a_time_limit_is_the_users(make) -> None:
    assert run(make(**SMALL, max_episode_steps=3), 3) == [(False, False)] * 2 + [(False, True)]
    assert run(make(**SMALL, max_episode_steps=9), 5)[-1] == (True, False)
