"""Gymnasium's wrappers on the single and the vector environment: which work, and why others cannot."""

from collections.abc import Callable

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import wrappers
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import vector
from gymnasium.wrappers.numpy_to_torch import NumpyToTorch
from gymnasium.wrappers.vector.numpy_to_torch import NumpyToTorch as VectorNumpyToTorch

import paint_gym  # noqa: F401  # registers PaintCanvas-v0

COLOUR = gym.spaces.Box(0, 255, (3, 32, 32), np.uint8)
LAST = gym.spaces.Box(0, 255, (32, 32, 7), np.uint8)


def channels_last(env: gym.Env) -> gym.Env:
    """ResizeObservation takes the first two axes for height and width, whatever they are."""
    return wrappers.TransformObservation(env, lambda obs: np.ascontiguousarray(obs.transpose(1, 2, 0)), LAST)


PLAIN = ("Autoreset", "ClipAction", "AddRenderObservation", "FlattenObservation", "NormalizeObservation",
         "NormalizeReward", "RecordEpisodeStatistics", "RenderCollection")  # fmt: skip
SINGLE: dict[str, Callable[[gym.Env], gym.Env]] = {name: getattr(wrappers, name) for name in PLAIN} | {
    "AddWhiteNoise": lambda env: wrappers.AddWhiteNoise(env, probability_of_noise_per_pixel=0.1),
    "DelayObservation": lambda env: wrappers.DelayObservation(env, 1),
    "FrameStackObservation": lambda env: wrappers.FrameStackObservation(env, 2),
    "MaxAndSkipObservation": lambda env: wrappers.MaxAndSkipObservation(env, 3),
    "NumpyToTorch": NumpyToTorch,
    "RescaleAction": lambda env: wrappers.RescaleAction(env, -1, 1),
    "RescaleObservation": lambda env: wrappers.RescaleObservation(
        wrappers.DtypeObservation(env, np.float32), np.float32(0), np.float32(1)
    ),
    "ReshapeObservation": lambda env: wrappers.ReshapeObservation(env, (7, 1024)),
    "ResizeObservation": lambda env: wrappers.ResizeObservation(channels_last(env), (16, 16)),
    "TimeAwareObservation": lambda env: wrappers.TimeAwareObservation(wrappers.TimeLimit(env, 3)),
    "TransformObservation": lambda env: wrappers.TransformObservation(env, lambda seen: seen[:3], COLOUR),
}
VECTOR: dict[str, Callable[[gym.vector.VectorEnv], gym.vector.VectorEnv]] = {
    "DictInfoToList": vector.DictInfoToList,
    "NormalizeReward": vector.NormalizeReward,
    "RecordEpisodeStatistics": vector.RecordEpisodeStatistics,
    "RescaleAction": lambda env: vector.RescaleAction(env, -1, 1),
}
# With SAME_STEP the last observation lies in the infos, where Gymnasium's wrappers do not look.
VECTOR_OBSERVATION: dict[str, Callable[[gym.vector.VectorEnv], gym.vector.VectorEnv]] = {
    "DtypeObservation": lambda env: vector.DtypeObservation(env, np.float32),
    "FlattenObservation": vector.FlattenObservation,
    "NormalizeObservation": vector.NormalizeObservation,
    "NumpyToTorch": VectorNumpyToTorch,
    "ReshapeObservation": lambda env: vector.ReshapeObservation(env, (7, 1024)),
}
MODES = [(name, mode) for name in VECTOR for mode in AutoresetMode]
MODES += [(name, AutoresetMode.NEXT_STEP) for name in VECTOR_OBSERVATION]
SETTINGS = {"size": 32, "max_strokes": 15, "device": "cpu", "render_mode": "rgb_array"}


def single(pictures: np.ndarray) -> gym.Env:
    return gym.make("PaintCanvas-v0", dataset=pictures, **SETTINGS)


def many(pictures: np.ndarray, mode: AutoresetMode, **arguments) -> gym.vector.VectorEnv:
    settings = {"num_envs": 3, "vectorization_mode": "vector_entry_point", "autoreset_mode": mode}
    return gym.make_vec("PaintCanvas-v0", dataset=pictures, **SETTINGS, **settings, **arguments)


def as_array(value: object) -> np.ndarray:
    return value.numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


@pytest.mark.filterwarnings("ignore:.*(float32|dtype|precision|Casting)")  # Gymnasium's, on casts to float32
@pytest.mark.parametrize("name", SINGLE)
def test_single(pictures: np.ndarray, name: str) -> None:
    env = SINGLE[name](single(pictures))
    env.action_space.seed(0)
    seen, _ = env.reset(seed=0)
    episodes = 0
    for _ in range(7):
        assert as_array(seen) in env.observation_space
        seen, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        assert np.isfinite(float(reward))
        if terminated or truncated:
            episodes += 1
            if name != "Autoreset":
                seen, _ = env.reset()
    assert episodes >= 2


def roll(env: gym.vector.VectorEnv, mode: AutoresetMode) -> int:
    """Random actions for seven steps; how many episodes ended."""
    env.action_space.seed(0)
    seen, _ = env.reset(seed=0)
    episodes = 0
    for _ in range(7):
        assert as_array(seen) in env.observation_space
        action = env.action_space.sample()
        torches = isinstance(env, VectorNumpyToTorch)
        seen, reward, terminated, _, _ = env.step(torch.from_numpy(action) if torches else action)
        assert np.isfinite(as_array(reward)).all() and reward.shape == (3,)
        episodes += int(as_array(terminated).sum())
        if mode == AutoresetMode.DISABLED and terminated.any():
            seen, _ = env.reset(options={"reset_mask": as_array(terminated)})
    return episodes


@pytest.mark.filterwarnings("ignore:.*(float32|dtype|precision|Casting)")
@pytest.mark.parametrize(("name", "mode"), MODES)
def test_vector(pictures: np.ndarray, name: str, mode: AutoresetMode) -> None:
    assert roll((VECTOR | VECTOR_OBSERVATION)[name](many(pictures, mode)), mode) == 6
