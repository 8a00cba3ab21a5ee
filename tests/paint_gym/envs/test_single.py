"""`PaintCanvas-v0`, one canvas."""

import json
import warnings
from collections.abc import Callable

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.wrappers import RescaleAction
from stable_baselines3.common.env_checker import check_env as check_env_sb3

import paint_gym


def make(pictures: np.ndarray, **arguments) -> gym.Env:
    settings = {"dataset": pictures, "size": 40, "max_strokes": 20, "device": "cpu"} | arguments
    return gym.make("PaintCanvas-v0", **settings)


@pytest.mark.parametrize("arguments", [{}, {"observation": "dict"}, {"observation": "float"}])
def test_gymnasium_finds_nothing_to_warn_of(pictures: np.ndarray, arguments: dict) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(pictures, **arguments).unwrapped, skip_render_check=True)


def test_stable_baselines3_finds_nothing_to_warn_of(pictures: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env_sb3(RescaleAction(make(pictures), np.float32(-1), np.float32(1)))


def test_spaces_and_observation(pictures: np.ndarray) -> None:
    env = make(pictures, size=32)
    observation, info = env.reset(seed=0)
    assert env.action_space == gym.spaces.Box(0, 1, (65,), np.float32)
    assert observation.shape == (7, 32, 32) and observation.dtype == np.uint8
    assert (observation[:3] == 0).all() and (observation[6] == 0).all()
    assert np.array_equal(observation[3:6], pictures[info["index"]])
    observation, *_ = env.step(env.action_space.sample())
    assert (observation[6] == round(255 / 4)).all()


def test_step_equals_model_step(pictures: np.ndarray, device: torch.device) -> None:
    """And rewards add up to the decrease of the l2."""
    env = make(pictures, device=device)
    _, first = env.reset(seed=0)
    total = 0.0
    for _ in range(4):
        before, action = env.unwrapped.state, env.action_space.sample()
        expected, gain = env.unwrapped.model_step(before, torch.from_numpy(action)[None].to(device))
        _, reward, terminated, truncated, info = env.step(action)
        assert torch.equal(env.unwrapped.state.canvas, expected.canvas) and reward == gain.item()
        assert info["l2"] == (expected.canvas - expected.target).square().mean().item()
        total += reward
    assert terminated and not truncated and total == pytest.approx(first["l2"] - info["l2"], abs=1e-6)


@pytest.mark.parametrize("reward", ["l2", "wgan"])
def test_same_seed_same_episode(pictures: np.ndarray, reward: str) -> None:
    episodes = []
    for _ in range(2):
        env = make(pictures, reward=reward)
        env.action_space.seed(3)
        episodes.append([env.reset(seed=3), *(env.step(env.action_space.sample()) for _ in range(4))])
    assert data_equivalence(*episodes, exact=True)
    assert json.loads(json.dumps(episodes[0][-1][4]))["l2"] > 0


def test_reset_to_a_picture_and_a_canvas(pictures: np.ndarray) -> None:
    env = make(pictures, size=32)
    start = np.full((3, 32, 32), 128, np.uint8)
    observation, info = env.reset(options={"indices": [7], "canvas": start})
    assert info["index"] == 7
    assert np.array_equal(observation[:3], start) and np.array_equal(observation[3:6], pictures[7])
    assert np.array_equal(env.reset(options={"canvas": start / 255})[0][:3], start)


@pytest.mark.parametrize(
    "form", [np.ndarray.tolist, np.float16, lambda values: values.astype(">f4"), torch.tensor]
)
def test_numbers_in_any_form_are_actions_and_canvases(form: Callable, pictures: np.ndarray) -> None:
    random = np.random.default_rng(0)
    action, canvas = (random.integers(0, 9, shape) / np.float32(8) for shape in (65, (3, 40, 40)))
    canvases = []
    for convert in (np.array, form):
        env = make(pictures).unwrapped
        env.reset(seed=0, options={"canvas": convert(canvas)})
        env.step(convert(action))
        canvases.append(env.state.canvas)
    assert torch.equal(*canvases)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"indices": [99]}, IndexError, "0..11"),
        ({"indices": [1, 2]}, ValueError, "1 whole numbers"),
        ({"indices": [0.5]}, ValueError, "whole numbers"),
        ({"canvas": np.zeros((3, 8, 8))}, ValueError, r"options\['canvas'\] must be"),
        ({"canvas": np.full((3, 40, 40), np.nan)}, ValueError, "without NaN"),
        ({"canvas": np.full((3, 40, 40), 255.0)}, ValueError, r"in \[0, 1\]"),
        ({"index": [1]}, ValueError, r"unknown option of reset.* 'index': did you mean 'indices'"),
        ({"step": 4}, IndexError, "0..3"),
    ],
)
def test_bad_options(pictures: np.ndarray, options: dict, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make(pictures).reset(options=options)


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_bad_actions_leave_the_canvas_as_it_was(pictures: np.ndarray, bad: float) -> None:
    env = make(pictures).unwrapped
    env.reset(seed=0)
    action = env.action_space.sample()
    action[10] = bad
    before = env.state
    with pytest.raises(ValueError, match="NaN or inf"):
        env.step(action)
    with pytest.raises(ValueError, match=r"5 strokes of 13 numbers.*\(65,\); got \(64,\)"):
        env.step(np.zeros(64, np.float32))
    assert env.state is before and len(env.painting) == 0


def test_the_budget_ends_the_episode(pictures: np.ndarray) -> None:
    env = make(pictures).unwrapped
    with pytest.raises(gym.error.ResetNeeded):
        env.step(env.action_space.sample())
    env.reset(seed=0)
    for i in range(4):
        assert env.step(env.action_space.sample())[2] == (i == 3)
    with pytest.raises(gym.error.ResetNeeded, match="budget"):
        env.step(env.action_space.sample())


def test_painting_is_what_was_painted(pictures: np.ndarray) -> None:
    env = make(pictures, opacity=(0.3, 1), stroke="circle").unwrapped
    env.reset(seed=0)
    for _ in range(3):
        env.step(env.action_space.sample() * 3 - 1)
    painting = env.painting
    assert (len(painting), painting.stroke, painting.opacity) == (15, "circle", (0.3, 1))
    canvas = (env.state.canvas[0] * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    assert np.abs(painting.render().astype(int) - canvas).max() <= 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"stroke": "bezir"}, "did you mean 'bezier'"),
        ({"renderer": "rastr"}, "did you mean 'raster'"),
        ({"reward": "l3"}, "did you mean 'l2'"),
        ({"observation": "stack"}, "did you mean 'stacked'"),
        ({"max_strokes": 12}, "max_strokes=10"),
        ({"bundle": 0}, "whole number from 1"),
        ({"size": 4}, "whole number from 8"),
        ({"opacity": (1, 0)}, "low <= high"),
        ({"action_range": 2}, r"action_range must be two numbers \(low, high\), not 2"),
        ({"action_range": (0, 0)}, "action_range must be"),
        ({"action_range": (0, np.inf)}, "action_range must be"),
        ({"background": (0, 0, 2)}, "background must be 3 numbers"),
        ({"render_mode": "rgb"}, "did you mean 'rgb_array'"),
    ],
)
def test_bad_arguments_say_what_to_do(pictures: np.ndarray, arguments: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        paint_gym.PaintCanvasEnv(dataset=pictures, **arguments)


def test_a_painting_is_on_the_colour_that_it_began_with(pictures: np.ndarray) -> None:
    colours, white = (0.25, 0.5, 0.75), {"canvas": np.full((3, 32, 32), 255, np.uint8)}
    env = make(pictures, size=32, background=colours, render_mode="rgb_array").unwrapped
    for options, colour in ((None, colours), (white, (1, 1, 1))):
        env.reset(seed=0, options=options)
        env.step(env.action_space.sample())
        assert env.painting.background == colour
        assert np.abs(env.painting.render().astype(int) - env.render()).max() <= 1
    env.reset(options={"canvas": pictures[0]})
    with pytest.raises(ValueError, match="began on a picture"):
        env.painting  # noqa: B018


def test_another_range_of_actions_paints_the_same(pictures: np.ndarray) -> None:
    action = np.random.default_rng(0).random((2, 65), np.float32)
    canvases, paintings = [], []
    for low, high in ((0, 1), (-3, 5)):
        task = {"dataset": pictures, "size": 32, "max_strokes": 10, "action_range": (low, high)}
        scaled = low + action * (high - low)
        env, many = paint_gym.PaintCanvasEnv(**task), paint_gym.PaintCanvasVectorEnv(2, **task)
        assert env.action_space.low[0] == low and env.action_space.high[0] == high
        for environment, step in ((env, scaled[0]), (many, scaled)):
            environment.reset(seed=0)
            environment.step(step)
        after, _ = env.model_step(env.state, torch.tensor(scaled[1:]))
        canvases.append(torch.cat([after.canvas, many.state.canvas]))
        paintings.append(np.stack([painting.strokes for painting in (env.painting, *many.paintings)]))
    torch.testing.assert_close(*canvases, rtol=0, atol=1e-4)
    np.testing.assert_allclose(*paintings, atol=1e-4)
