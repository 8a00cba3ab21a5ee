"""`PaintCanvas-v0`, one canvas."""

from __future__ import annotations

import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RescaleAction
from stable_baselines3.common.env_checker import check_env as check_env_sb3

import paint_gym
from paint_gym.adapters.sb3 import PaintVecEnv
from paint_gym.canvas import CanvasState


def make(pictures: np.ndarray, **arguments) -> gym.Env:
    settings = {"dataset": pictures, "size": 40, "max_strokes": 20, "device": "cpu"} | arguments
    return gym.make("PaintCanvas-v0", **settings)


NEURAL = {"renderer": "neural", "size": 128}  # the only size that it paints


@pytest.mark.parametrize(
    "arguments", [{}, {"observation": "dict"}, NEURAL], ids=["stacked", "dict", "neural"]
)
def test_gymnasium_finds_nothing_to_warn_of(pictures: np.ndarray, arguments: dict) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(pictures, **arguments).unwrapped, skip_render_check=True)


def test_stable_baselines3_finds_nothing_to_warn_of(pictures: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env_sb3(RescaleAction(make(pictures), np.float32(-1), np.float32(1)))


def test_stable_baselines3_only_recommends_another_action_range(pictures: np.ndarray) -> None:
    """Actions in [0, 1] are the contract; `RescaleAction` gives the [-1, 1] it would like."""
    with pytest.warns(UserWarning) as caught:
        check_env_sb3(make(pictures))
    assert ["symmetric and normalized" in str(warning.message) for warning in caught] == [True]


def test_spaces_and_observation(pictures: np.ndarray) -> None:
    env = make(pictures, size=32)
    observation, info = env.reset(seed=0)
    assert env.action_space == gym.spaces.Box(0, 1, (65,), np.float32)
    assert observation.shape == (7, 32, 32) and observation.dtype == np.uint8
    assert (observation[:3] == 0).all() and (observation[6] == 0).all()
    assert np.array_equal(observation[3:6], pictures[info["index"]])
    observation, *_ = env.step(env.action_space.sample())
    assert (observation[6] == round(255 / 4)).all()


@pytest.mark.parametrize("arguments", [{}, NEURAL], ids=["analytic", "neural"])
def test_step_equals_model_step(pictures: np.ndarray, arguments: dict, device: torch.device) -> None:
    env = make(pictures, device=device, **arguments)
    env.reset(seed=0)
    for _ in range(4):
        before, action = env.unwrapped.state, env.action_space.sample()
        expected, reward = env.unwrapped.model_step(before, torch.from_numpy(action)[None].to(device))
        _, got, terminated, truncated, info = env.step(action)
        assert torch.equal(env.unwrapped.state.canvas, expected.canvas)
        assert got == reward.item()
        assert info["l2"] == (expected.canvas - expected.target).square().mean().item()
    assert terminated and not truncated


@pytest.mark.parametrize("arguments", [{}, NEURAL], ids=["analytic", "neural"])
def test_rewards_add_up_to_the_loss(pictures: np.ndarray, arguments: dict) -> None:
    env = make(pictures, **arguments)
    _, info = env.reset(seed=1)
    start, total = info["l2"], 0.0
    for _ in range(4):
        _, reward, _, _, info = env.step(env.action_space.sample())
        total += reward
    assert total == pytest.approx(start - info["l2"], abs=1e-6)


@pytest.mark.parametrize("arguments", [{}, NEURAL], ids=["analytic", "neural"])
def test_same_seed_same_episode(pictures: np.ndarray, arguments: dict) -> None:
    episodes = []
    for _ in range(2):
        env = make(pictures, **arguments)
        env.action_space.seed(3)
        first, info = env.reset(seed=3)
        rest = [env.step(env.action_space.sample()) for _ in range(4)]
        episodes.append((first, info, rest))
    assert np.array_equal(episodes[0][0], episodes[1][0])
    for one, other in zip(episodes[0][2], episodes[1][2], strict=True):
        assert np.array_equal(one[0], other[0]) and one[1:] == other[1:]


def test_reset_to_a_picture_and_a_canvas(pictures: np.ndarray) -> None:
    env = make(pictures, size=32)
    start = np.full((3, 32, 32), 128, np.uint8)
    observation, info = env.reset(options={"indices": [7], "canvas": start})
    assert info["index"] == 7
    assert np.array_equal(observation[:3], start) and np.array_equal(observation[3:6], pictures[7])
    assert np.array_equal(env.reset(options={"canvas": start / 255})[0][:3], start)


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


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
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


def test_actions_out_of_range_are_clipped(pictures: np.ndarray) -> None:
    env = make(pictures).unwrapped
    results = []
    for scale in (1, 1000):
        env.reset(seed=0)
        action = np.where(np.arange(65) % 3, 1.0, 0.0).astype(np.float32)
        results.append(env.step((action - 0.5) * 2 * scale if scale > 1 else action)[0])
    assert np.array_equal(*results)


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
        ({"dataset": "celebaa"}, "did you mean 'celeba'"),
        ({"reward": "l3"}, "did you mean 'l2'"),
        ({"observation": "stack"}, "did you mean 'stacked'"),
        ({"split": "tests"}, "did you mean 'test'"),
        ({"max_strokes": 12}, "max_strokes=10"),
        ({"bundle": 0}, "whole number from 1"),
        ({"size": 4}, "whole number from 8"),
        ({"opacity": (1, 0)}, "low <= high"),
        ({"opacity": 2}, r"opacity must be two numbers \(low, high\), not 2"),
        ({"action_range": 2}, r"action_range must be two numbers \(low, high\), not 2"),
        ({"action_range": (1, 0)}, "action_range must be"),
        ({"action_range": (0, 0)}, "action_range must be"),
        ({"action_range": (0, np.inf)}, "action_range must be"),
        ({"action_range": (np.nan, 1)}, "action_range must be"),
        ({"background": (0, 0, 2)}, "background must be 3 numbers"),
        ({"render_mode": "rgb"}, "did you mean 'rgb_array'"),
    ],
)
def test_bad_arguments_say_what_to_do(pictures: np.ndarray, arguments: dict, text: str) -> None:
    settings = {"dataset": pictures, "size": 32} | arguments
    with pytest.raises(ValueError, match=text):
        paint_gym.PaintCanvasEnv(**settings)


@pytest.mark.parametrize("stroke", ["bezier", "straight", "circle", "triangle"])
def test_gradient_of_model_step(pictures: np.ndarray, stroke: str) -> None:
    """Of the reward, by central differences in float64, away from kinks."""
    env = make(pictures, size=24, stroke=stroke, bundle=2, max_strokes=2).unwrapped
    torch.manual_seed(5)
    target, start = torch.rand(2, 1, 3, 24, 24, dtype=torch.float64)
    state = CanvasState(start, target, torch.zeros(1, dtype=torch.long))
    action = (torch.rand(1, *env.action_space.shape, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    env.model_step(state, action)[1].sum().backward()
    eps, agree = 1e-6, 0
    for i in range(action.numel()):
        step = torch.zeros_like(action).flatten()
        step[i] = eps
        ahead, behind = (env.model_step(state, action.detach() + s * step)[1].item() for s in (1, -1))
        agree += abs((ahead - behind) / (2 * eps) - action.grad[0, i].item()) < 1e-5
    assert agree >= action.numel() - 1  # one may sit on a kink


def test_own_reward(pictures: np.ndarray) -> None:
    env = make(pictures, reward=lambda before, after, target: after.mean((1, 2, 3)))
    env.reset(seed=0)
    assert env.step(np.ones(65, np.float32))[1] == pytest.approx(env.unwrapped.state.canvas.mean().item())


def test_a_painting_is_on_the_colour_that_it_began_with(pictures: np.ndarray) -> None:
    env = paint_gym.PaintCanvasEnv(
        dataset=pictures, size=32, background=(0.25, 0.5, 0.75), render_mode="rgb_array"
    )
    for options, colour in (
        (None, (0.25, 0.5, 0.75)),
        ({"canvas": np.full((3, 32, 32), 255, np.uint8)}, (1, 1, 1)),
    ):
        env.reset(seed=0, options=options)
        env.step(env.action_space.sample())
        assert env.painting.background == colour
        assert np.abs(env.painting.render().astype(int) - env.render()).max() <= 1
    env.reset(options={"canvas": pictures[0]})
    with pytest.raises(ValueError, match="began on a picture"):
        env.painting  # noqa: B018


def test_another_range_of_actions_paints_the_same(pictures: np.ndarray) -> None:
    shared = {"dataset": pictures, "size": 32, "max_strokes": 10}
    action = np.random.default_rng(0).random((2, 65), np.float32)
    results = []
    for low, high in ((0, 1), (-1, 1), (-3, 5)):
        scaled = low + action * (high - low)
        env = paint_gym.PaintCanvasEnv(**shared, action_range=(low, high))
        many = paint_gym.PaintCanvasVectorEnv(2, **shared, action_range=(low, high))
        adapter = PaintVecEnv(paint_gym.PaintCanvasVectorEnv(2, **shared, action_range=(low, high)))
        assert env.action_space.low[0] == low and env.action_space.high[0] == high
        for made in (env, many, adapter.env):
            made.reset(seed=0)
        info, infos = env.step(scaled[0])[4], many.step(scaled)[4]
        adapter.step(2 * action - 1)
        after, _ = env.model_step(env.state, torch.tensor(scaled[1:]))
        paintings = [env.painting, *many.paintings, *adapter.canvases.paintings]
        canvases = torch.cat([after.canvas, many.state.canvas, adapter.canvases.state.canvas])
        results.append(([info["l2"], *infos["l2"]], canvases, np.stack([p.strokes for p in paintings])))
    for l2, canvas, strokes in results[1:]:
        np.testing.assert_allclose(l2, results[0][0], atol=1e-5)
        np.testing.assert_allclose(canvas, results[0][1], atol=1e-4)
        np.testing.assert_allclose(strokes, results[0][2], atol=1e-5)


def test_float_observations_are_the_bytes(pictures: np.ndarray) -> None:
    shared = {"dataset": pictures, "size": 32, "max_strokes": 10}
    floats, stacked = (paint_gym.PaintCanvasEnv(**shared, observation=name) for name in ("float", "stacked"))
    check_env(floats, skip_render_check=True)
    action = floats.action_space.sample()
    for env in (floats, stacked):
        env.reset(seed=0)
    one, other = floats.step(action)[0], stacked.step(action)[0]
    assert one.dtype == np.float32 and np.abs(one * 255 - other).max() <= 0.5 + 1e-4
    assert not floats.is_terminal(floats.state).any()
    after, _ = floats.model_step(floats.state, torch.tensor(action)[None])
    assert floats.is_terminal(after).all() and floats.observe(after)[0, 6].unique().tolist() == [1.0]


@pytest.mark.parametrize(
    ("reward", "text"),
    [
        (lambda before, after, target: np.zeros(1), r"must return a tensor \(1,\), not ndarray"),
        (
            lambda before, after, target: (after - target).mean(),
            r"for each canvas, \(1,\), not \(\)",
        ),
        (
            lambda before, after, target: after.mean((1, 2)),
            r"for each canvas, \(1,\), not \(1, 40\)",
        ),
    ],
)
def test_a_reward_is_one_number_for_each_canvas(pictures: np.ndarray, reward: object, text: str) -> None:
    env = make(pictures, reward=reward)
    env.reset(seed=0)
    with pytest.raises((TypeError, ValueError), match=text):
        env.step(env.action_space.sample())
