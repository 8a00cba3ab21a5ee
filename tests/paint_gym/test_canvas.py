"""The transition as a pure function."""

import numpy as np
import pytest
import torch

from paint_gym import CanvasState, L2Reward, make_renderer, model_step
from paint_gym.canvas import as_strokes


def test_actions_are_clipped_and_cut_into_strokes() -> None:
    strokes = as_strokes(torch.tensor([[-1.0, 0.5, 2.0, 0.25]]), 2)
    assert strokes.tolist() == [[[0.0, 0.5], [1.0, 0.25]]]


def test_some_paintings_of_a_state() -> None:
    state = parts(4, 4, 4)
    mask = torch.tensor([True, False, True, False])
    for part, steps in (
        (state[mask], [0, 2]),
        (state[1:3], [1, 2]),
        (state[[3, 0]], [3, 0]),
        (state[-1], [3]),
        (state[np.int64(2)], [2]),
        (state[state.step.argmax()], [3]),
    ):
        assert part.step.tolist() == steps
        assert torch.equal(part.canvas, state.canvas[steps]) and torch.equal(part.target, state.target[steps])
    assert CanvasState.cat([state[2:], state[:2]]).step.tolist() == [2, 3, 0, 1]
    assert state[:2].repeat(3).step.tolist() == [0, 1] * 3 and len(state.repeat(2).canvas) == 8
    ahead = state._replace(step=state.step + 10)
    assert state.where(mask, ahead).step.tolist() == [0, 11, 2, 13]
    assert state.index_copy(torch.tensor([3, 1]), ahead[:2]).step.tolist() == [0, 11, 2, 10]
    double = state.to("cpu", torch.float64)
    assert [value.dtype for value in double] == [torch.float64, torch.float64, torch.int64]


def test_masks_that_would_choose_other_paintings_are_refused() -> None:
    state = parts(3, 3, 3)
    assert state.where(np.array([True, False, True]), state).step.tolist() == [0, 1, 2]
    for mask in (torch.tensor([0, 2]), torch.tensor([[True], [False], [True]]), torch.ones(3)):
        with pytest.raises(ValueError, match=r"mask must be \(3,\) bool"):
            state.where(mask, state)


def test_a_state_keeps_its_gradients_until_it_is_detached() -> None:
    state = parts(3, 3, 3)
    state.canvas.requires_grad_()
    mask = torch.tensor([True, False, True])
    joined = CanvasState.cat([state.where(mask, state.detach()), state[:1]]).repeat(2)
    joined.canvas.sum().backward()
    assert state.canvas.grad[:, 0, 0, 0].tolist() == [4, 0, 2]
    assert not state.detach().canvas.requires_grad


def test_a_step_is_pure_and_differentiable() -> None:
    """An opaque white disc over the middle: the canvas given stays, the reward is the fall of the l2."""
    target = torch.ones(1, 3, 16, 16)
    state = CanvasState(torch.zeros(1, 3, 16, 16), target, torch.tensor([4]))
    action = torch.tensor([[0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0]], requires_grad=True)
    next_state, reward = model_step(state, action, make_renderer("analytic", "circle"), L2Reward())
    assert state.canvas.abs().sum() == 0 and state.step.item() == 4
    assert next_state.step.item() == 5 and next_state.target is target
    assert next_state.canvas[0, :, 8, 8].tolist() == [1.0, 1.0, 1.0]
    torch.testing.assert_close(reward, 1 - (next_state.canvas - 1).square().mean((1, 2, 3)))
    reward.sum().backward()
    assert action.grad[0, 2] > 0  # a larger disc gains more


def parts(canvases: int, targets: int, steps: int) -> CanvasState:
    generator = torch.Generator().manual_seed(0)
    canvas, target = (torch.rand(count, 3, 8, 8, generator=generator) for count in (canvases, targets))
    return CanvasState(canvas, target, torch.arange(steps))


@pytest.mark.parametrize(
    ("counts", "action", "error", "text"),
    [
        ((1, 1, 1), np.zeros((1, 14)), TypeError, r"not ndarray: pass torch\.as_tensor"),
        ((1, 1, 1), torch.zeros(4), ValueError, r"an action must be \(batch, bundle \* 7\)"),
        ((1, 1, 1), torch.zeros(1, 15), ValueError, r"an action must be \(batch, bundle \* 7\)"),
        ((1, 3, 1), torch.zeros(1, 14), ValueError, "1 canvases, but targets or steps"),
        ((3, 3, 2), torch.zeros(3, 14), ValueError, "3 canvases, but targets or steps"),
    ],
)
def test_what_does_not_fit_is_refused(
    counts: tuple[int, int, int], action: object, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        model_step(parts(*counts), action, make_renderer("analytic", "circle"), L2Reward())


@pytest.mark.parametrize("canvas", [np.zeros((1, 3, 8, 8)), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)])
def test_a_canvas_of_bytes_or_of_numpy_is_refused(canvas: object) -> None:
    renderer, state = make_renderer("analytic"), parts(1, 1, 1)
    with pytest.raises(TypeError, match="canvas of a state must be a tensor of floats"):
        model_step(state._replace(canvas=canvas), torch.rand(1, 13), renderer, L2Reward())


def test_no_canvases_at_all() -> None:
    renderer = make_renderer("analytic", "circle")
    state, gain = model_step(parts(0, 0, 0), torch.rand(0, 14), renderer, L2Reward())
    assert state.canvas.shape == (0, 3, 8, 8) and gain.shape == state.step.shape == (0,)


def test_one_target_or_step_serves_for_all() -> None:
    renderer, action = make_renderer("analytic", "circle"), torch.rand(3, 14)
    before = parts(3, 1, 1)
    state, gain = model_step(before, action, renderer, L2Reward())
    assert state.target.shape == (3, 3, 8, 8) and state.step.tolist() == [1, 1, 1]
    single = before._replace(canvas=before.canvas[1:2])
    torch.testing.assert_close(model_step(single, action[1:2], renderer, L2Reward())[1], gain[1:2])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros(1), r"must return a tensor \(1,\), not ndarray"),
        (torch.tensor(0.0), r"for each canvas, \(1,\), not \(\)"),
        (torch.zeros(1, 40), r"for each canvas, \(1,\), not \(1, 40\)"),
    ],
)
def test_a_reward_is_one_number_for_each_canvas(value: object, text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        model_step(parts(1, 1, 1), torch.zeros(1, 14), make_renderer("analytic", "circle"), lambda *_: value)
