"""TorchRL takes the environments as they are."""

import gymnasium as gym
import numpy as np
import pytest

import paint_gym  # noqa: F401  # registers PaintCanvas-v0

torchrl = pytest.importorskip("torchrl")
from torchrl.envs import GymEnv, GymWrapper  # noqa: E402
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
