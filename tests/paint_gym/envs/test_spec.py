"""The spec of an environment that is made: episode length, JSON, and making it anew."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from PIL import Image

import paint_gym  # noqa: F401  # registers PaintCanvas-v0

SMALL = {"size": 16, "max_strokes": 20, "bundle": 4, "device": "cpu"}


def test_episode_length_is_that_of_the_arguments():
    assert gym.make("PaintCanvas-v0", **SMALL).spec.max_episode_steps == 5
    assert gym.make("PaintCanvas-v0", **SMALL | {"max_strokes": 40}).spec.max_episode_steps == 10
    assert gym.make_vec("PaintCanvas-v0", num_envs=2, **SMALL).spec.max_episode_steps == 5
    assert (
        gym.make_vec("PaintCanvas-v0", num_envs=2, **SMALL, max_episode_steps=3).spec.max_episode_steps == 3
    )
    assert gym.make("PaintCanvas-v0", **SMALL, max_episode_steps=3).spec.max_episode_steps == 3
    assert gym.spec("PaintCanvas-v0").max_episode_steps is None  # it depends on the arguments


def test_only_a_reward_that_learns_makes_steps_unrepeatable():
    assert not gym.make("PaintCanvas-v0", **SMALL).spec.nondeterministic
    assert gym.make("PaintCanvas-v0", **SMALL, reward="wgan").spec.nondeterministic
    assert gym.make_vec("PaintCanvas-v0", num_envs=2, **SMALL, reward="wgan").spec.nondeterministic


def test_made_anew_from_its_spec_or_its_json():
    env = gym.make("PaintCanvas-v0", **SMALL | {"device": torch.device("cpu")}, data_root=Path("pictures"))
    read = EnvSpec.from_json(env.spec.to_json())
    assert read == env.spec
    assert env.spec == read
    assert read.kwargs["device"] == "cpu"
    assert read.kwargs["data_root"] == str(Path("pictures").absolute())
    for spec in (env.spec, read):
        again = gym.make(spec)
        assert again.spec == env.spec
        for one in (env, again):
            one.reset(seed=3)
        action = env.action_space.sample()
        np.testing.assert_array_equal(env.step(action)[0], again.step(action)[0])


def test_arguments_in_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (20, 20), "red").save(tmp_path / "photos" / "a.png")
    env = gym.make(
        "PaintCanvas-v0",
        **SMALL | {"max_strokes": np.int64(20)},
        dataset=Path("photos"),
        action_range=(-1, 1),
    )
    read = EnvSpec.from_json(env.spec.to_json())
    assert read == env.spec
    assert len(gym.make(read).unwrapped.task.dataset) == 1  # the folder, not the data set of this name
    longer = gym.make(env.spec, max_strokes=40, max_episode_steps=-1)
    assert longer.spec.max_episode_steps == 10
    mode = gym.vector.AutoresetMode.NEXT_STEP
    assert "NextStep" in gym.make_vec("PaintCanvas-v0", **SMALL, autoreset_mode=mode).spec.to_json()


def test_vector_made_anew_from_its_spec():
    env = gym.make_vec("PaintCanvas-v0", num_envs=2, **SMALL, autoreset_mode="NextStep")
    again = gym.make_vec(env.spec)
    assert again.spec == env.spec
    again.reset(seed=0)
    for _ in range(5):
        _, _, terminated, truncated, _ = again.step(again.action_space.sample())
    assert terminated.all()
    assert not truncated.any()


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("dataset", np.zeros((2, 3, 16, 16), np.uint8), "ndarray"),
        ("reward", lambda before, after, target: (after - target).abs().mean((1, 2, 3)), "function"),
    ],
)
def test_what_has_no_json_is_named(name: str, value: object, kind: str):
    env = gym.make("PaintCanvas-v0", **SMALL, **{name: value})
    with pytest.raises(ValueError, match=f"no JSON: {name} is of type {kind}"):
        env.spec.to_json()
