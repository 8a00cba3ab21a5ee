"""The ids that are registered: what a client that takes nothing else gets."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import paint_gym  # noqa: F401  registers them


@pytest.mark.parametrize(
    ("name", "shape", "actions", "steps"),
    [
        ("PaintCanvas-v0", (7, 128, 128), 65, 40),
        ("PaintCanvasFlat-v0", (7 * 32 * 32,), 65, 4),
        ("PaintCanvasTiny-v0", (7, 16, 16), 26, 2),
    ],
)
def test_what_an_id_gives(name: str, shape: tuple[int, ...], actions: int, steps: int) -> None:
    env = gym.make(name)
    check_env(env.unwrapped, skip_render_check=True)
    assert env.observation_space.shape == shape and env.action_space.shape == (actions,)
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[2:4] for _ in range(steps)]
    assert ends == [(False, False)] * (steps - 1) + [(True, False)]
    env.close()


def test_flat_is_what_gaussian_policies_expect_and_tiny_is_small() -> None:
    env = gym.make("PaintCanvasFlat-v0")
    assert env.action_space.low.min() == -1 and env.action_space.high.max() == 1
    observation, _ = env.reset(seed=0)
    assert observation.dtype == np.float32 and 0 <= observation.min() <= observation.max() <= 1
    assert gym.make("PaintCanvasFlat-v0", max_strokes=40).unwrapped.task.steps == 8
    venv = gym.make_vec("PaintCanvasTiny-v0", num_envs=3, vectorization_mode="vector_entry_point")
    assert venv.reset(seed=0)[0].shape == (3, 7, 16, 16)
