"""Arguments, options and actions of the environments: refusals name them, and change nothing."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from fuzz.harness import CLEAR, Fuzz
from fuzz.mutations import VALUES

from paint_gym.envs import PaintCanvasEnv, PaintCanvasVectorEnv

ODD: tuple[Any, ...] = (
    *VALUES, np.int64(3), np.float32(0.5), np.nan, np.zeros(3), np.zeros((2, 2)), torch.zeros(3), (0, 1),
    (1, 0), (0.5,), (0, 0, 0), (0, 2, 0), [0.2] * 3, object(), print, b"x", {1}, "bezier", "raster",
    "neural", "wgan", "dict", "torch", "train", 64, 10,
)  # fmt: skip
ARGUMENTS = (
    "dataset", "split", "data_root", "size", "max_strokes", "bundle", "stroke", "opacity", "background",
    "renderer", "reward", "device", "observation", "action_range", "render_mode",
)  # fmt: skip
VECTOR = (*ARGUMENTS, "num_envs", "array", "autoreset_mode", "max_episode_steps")
KINDS = pytest.mark.parametrize("kind", [PaintCanvasEnv, PaintCanvasVectorEnv])


def odd(random: np.random.Generator) -> Any:
    return ODD[random.integers(len(ODD))]


@KINDS
def test_arguments(fuzz: Fuzz, kind: Any, pictures: np.ndarray) -> None:
    names = ARGUMENTS if kind is PaintCanvasEnv else VECTOR

    def attempt(random: np.random.Generator) -> None:
        changed = {names[random.integers(len(names))]: odd(random) for _ in range(random.integers(1, 3))}
        arguments = {"dataset": pictures, "size": 16, "max_strokes": 10, "device": "cpu"} | changed
        try:
            env = kind(**arguments)
        except CLEAR as error:
            words = [word for name in changed for word in (name, *name.split("_"))]
            # a wrong name of a data set is one of a folder, a split, or a file
            words += ["data set", "folder", "colour"]
            assert any(word in str(error) for word in words), (changed, error)
            return
        env.reset(seed=0)
        env.step(env.action_space.sample())

    fuzz(attempt, "")


@KINDS
def test_options_and_actions(fuzz: Fuzz, kind: Any, pictures: np.ndarray) -> None:
    disabled = gym.vector.AutoresetMode.DISABLED
    vector = {} if kind is PaintCanvasEnv else {"num_envs": 3, "autoreset_mode": disabled}
    env = kind(dataset=pictures, size=32, max_strokes=30, bundle=2, device="cpu", **vector)
    env.reset(seed=0)
    shape = env.action_space.shape

    def random_action(random: np.random.Generator) -> Any:
        action = random.random(shape) * random.choice([1, 1, 2, 1e30, -1])
        if random.random() < 0.2:
            action.flat[random.integers(action.size)] = random.choice([np.nan, np.inf, -np.inf])
        with np.errstate(all="ignore"):
            other_type = action.astype(random.choice([np.int64, np.float16, bool, object, "U3"]))
        forms = [action, action, action[..., :-1], other_type, odd(random), action.tolist()]
        return [*forms, torch.tensor(action)][random.integers(7)]

    def random_options(random: np.random.Generator) -> Any:
        names = ("indices", "canvas", "step", "reset_mask", "more")
        options = {name: odd(random) for name in names if random.random() < 0.3}
        if random.random() < 0.3:
            options["indices"] = random.integers(-2, 14, len(shape) * 3 - 3 or 1)
        if random.random() < 0.3:
            options["canvas"] = random.random((3, 32, 32)) * random.choice([1, 1, 2, np.nan])
        return options if random.random() < 0.9 else odd(random)

    def attempt(random: np.random.Generator) -> None:
        if bool(np.asarray(env.task.is_terminal(env.state)).any()):
            env.reset(seed=0)
        before = [part.clone() for part in env.state]
        try:
            if random.random() < 0.5:
                env.step(random_action(random))
            else:
                env.reset(options=random_options(random))
        except CLEAR:
            assert all(torch.equal(*pair) for pair in zip(before, env.state, strict=True))
            raise
        canvas = env.state.canvas
        assert canvas.isfinite().all() and canvas.min() >= 0 and canvas.max() <= 1

    fuzz(attempt, "")
