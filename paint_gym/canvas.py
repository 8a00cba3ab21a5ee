"""The state of an episode and its transition: pure, batched, differentiable (paper, section 3.2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from paint_gym.renderers.base import Renderer, match_batches
from paint_gym.rewards.base import RewardFunction
from paint_gym.utils.images import check_finite


class CanvasState(NamedTuple):
    """The state of a painting, s_t = (C_t, I, t).

    Attributes:
        canvas: ``(B, 3, H, W)`` float in [0, 1], the painting so far; never rounded to bytes.
        target: ``(B, 3, H, W)`` float in [0, 1], the picture to paint.
        step: ``(B,)`` int64, bundles painted so far.
    """

    canvas: Tensor
    target: Tensor
    step: Tensor


def as_strokes(action: Tensor, stroke_dim: int) -> Tensor:
    """Actions ``(B, bundle * stroke_dim)`` as strokes ``(B, bundle, stroke_dim)``, clipped to [0, 1].

    Raises:
        ValueError: NaN or inf, or a length that is not a whole number of strokes.
    """
    if action.ndim != 2 or action.shape[1] % stroke_dim:
        expected = f"(batch, bundle * {stroke_dim}): bundles of strokes of {stroke_dim} numbers"
        raise ValueError(f"an action must be {expected}; got shape {tuple(action.shape)}")
    check_finite(action, "the action holds NaN or inf; every number must be finite")
    return action.clamp(0, 1).reshape(len(action), action.shape[1] // stroke_dim, stroke_dim)


def model_step(
    state: CanvasState, action: Tensor, renderer: Renderer, reward: RewardFunction
) -> tuple[CanvasState, Tensor]:
    """Paint a bundle of strokes, in order: trans(s_t, a_t) and r(s_t, a_t).

    Pure: nothing is changed in place. Differentiable, once, in the action and the canvas if the renderer is.
    A single state is combined with every action, and a single action with every state.

    Args:
        state: of B canvases, or of one.
        action: ``(B, bundle * stroke_dim)`` in [0, 1], or one row; clipped to that range.
        renderer: paints the strokes.
        reward: eq. (1), or any other function of canvas before, canvas after and target.

    Returns:
        The next state, and the reward ``(B,)``.

    Raises:
        ValueError: an action with NaN or inf, or of the wrong shape; unequal numbers of states and actions;
            a gradient through a renderer that has none; a reward that is not one number for each canvas.
        TypeError: a reward that is not a tensor.
    """
    wants_gradient = torch.is_grad_enabled() and (action.requires_grad or state.canvas.requires_grad)
    if wants_gradient and not renderer.differentiable:
        remedy = "take renderer='analytic', detach the action, or step under torch.no_grad()"
        raise ValueError(f"the renderer {renderer.name!r} has no gradients; {remedy}")
    before, strokes = match_batches(state.canvas, as_strokes(action, renderer.design.dim))
    target, step = (_expand(value, len(before)) for value in (state.target, state.step))
    canvas = renderer.paint(before, strokes)
    gain, shape = reward(before, canvas, target), f"({len(before)},)"
    if not isinstance(gain, Tensor):
        raise TypeError(f"a reward function must return a tensor {shape}, not {type(gain).__name__}")
    if gain.shape != (len(before),):
        wrong = f"for each canvas, {shape}, not {tuple(gain.shape)}"
        raise ValueError(f"a reward function must return one number {wrong}")
    return CanvasState(canvas, target, step + 1), gain


def _expand(value: Tensor, count: int) -> Tensor:
    """Targets or steps for `count` canvases; a single one is repeated."""
    if value.ndim and len(value) not in (1, count):
        raise ValueError(f"{count} canvases, but targets or steps of {len(value)}: give as many, or one")
    return value if value.ndim and len(value) == count else value.expand(count, *value.shape[1:])
