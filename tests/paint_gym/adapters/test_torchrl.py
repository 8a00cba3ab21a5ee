"""TorchRL takes the environments as they are."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import paint_gym  # noqa: F401  # registers PaintCanvas-v0

torchrl = pytest.importorskip("torchrl")
from torchrl.envs import GymEnv, GymWrapper, RewardSum, TransformedEnv  # noqa: E402
from torchrl.envs.utils import check_env_specs  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # TorchRL's own
SETTINGS = {"size": 32, "max_strokes": 15, "device": "cpu"}


def many(pictures: np.ndarray) -> GymWrapper:
    vector = {"num_envs": 3, "vectorization_mode": "vector_entry_point"}
    return GymWrapper(gym.make_vec("PaintCanvas-v0", dataset=pictures, **vector, **SETTINGS))


def test_specs_of_both_environments(pictures: np.ndarray) -> None:
    check_env_specs(GymWrapper(gym.make("PaintCanvas-v0", dataset=pictures, **SETTINGS)))
    check_env_specs(many(pictures))


def test_made_by_torchrl() -> None:
    """GymEnv tries an argument `frameskip` first, and leaves it out if the error is in Python's words."""
    env = GymEnv("paint_gym:PaintCanvas-v0", dataset="photos", **SETTINGS)
    assert env.rollout(3)["action"].shape == (3, 65)


def test_a_rollout_over_several_episodes(pictures: np.ndarray) -> None:
    env = TransformedEnv(many(pictures), RewardSum())
    rollout = env.rollout(7, break_when_any_done=False)
    done = rollout["next", "terminated"][..., 0]
    assert done[0].tolist() == [False, False, True, False, False, True, False]
    assert (rollout["next", "observation"][:, 2, 6] == 255).all()  # the finished paintings, not the next ones
    assert (rollout["observation"][:, 3, 6] == 0).all()
    total = rollout["next", "reward"][:, :3].sum(1)
    np.testing.assert_allclose(rollout["next", "episode_reward"][:, 2], total, rtol=1e-5)
