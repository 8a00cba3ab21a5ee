"""The state of an episode and its transition: pure, batched, differentiable (paper, section 3.2)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from paint_gym.renderers.base import Renderer, match_batches
from paint_gym.rewards.base import RewardFunction
from paint_gym.utils.images import check_finite, to_floats


class CanvasState(NamedTuple):
    """The state of B paintings, s_t = (C_t, I, t): a value, which no method changes.

    ``state[mask]``, ``state[2:4]`` and ``state[indices]`` are some of the paintings; ``state[3]`` and
    ``state[reward.argmax()]`` are batches of one. Unpacked, a state is canvas, target and step.

    Attributes:
        canvas: ``(B, 3, H, W)`` float in [0, 1], the paintings so far; never rounded to bytes.
        target: ``(B, 3, H, W)`` float in [0, 1], the pictures to paint.
        step: ``(B,)`` int64, bundles painted so far.
    """

    canvas: Tensor
    target: Tensor
    step: Tensor

    @staticmethod
    def from_observation(observation: Any, steps: int) -> CanvasState:
        """The state of a batch of observations, tensors or arrays, in any of the environment's forms.

        `steps` are those of an episode. From bytes, the step is exact up to 255 of them.

        Raises:
            ValueError: a single observation, or pictures of another shape or range.
        """
        if isinstance(observation, Mapping):
            parts = [torch.as_tensor(observation[name]) for name in ("canvas", "target", "step")]
        else:
            planes = torch.as_tensor(observation)
            if planes.ndim != 4 or planes.shape[1] != 7:
                wrong = f"not {tuple(planes.shape)}; of a single one pass observation[None]"
                raise ValueError(f"observations must be a batch (B, 7, H, W), {wrong}")
            parts = [planes[:, :3], planes[:, 3:6], planes[:, 6, 0, 0]]
        canvas, target, progress = map(to_floats, parts)
        if canvas.ndim != 4 or canvas.shape != target.shape:
            wrong = f"not {tuple(canvas.shape)} and {tuple(target.shape)}"
            raise ValueError(f"canvas and target of observations must be batches (B, 3, H, W), {wrong}")
        return CanvasState(canvas, target, (progress.flatten() * steps).round().long())

    @staticmethod
    def cat(states: Sequence[CanvasState]) -> CanvasState:
        """One batch of the paintings of several states."""
        return CanvasState(*map(torch.cat, zip(*states, strict=True)))

    def __getitem__(self, rows: Any) -> CanvasState:  # type: ignore[override]
        is_number = not isinstance(rows, slice) and np.ndim(rows) == 0  # of Python, numpy or PyTorch
        index = [operator.index(rows)] if is_number else rows
        return self._map(lambda value: value[index])

    def detach(self) -> CanvasState:
        """The state without its gradients."""
        return self._map(Tensor.detach)

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> CanvasState:
        """The state on a device; `dtype` is that of canvas and target."""
        canvas, target = (value.to(device=device, dtype=dtype) for value in (self.canvas, self.target))
        return CanvasState(canvas, target, self.step.to(device=device))

    def repeat(self, n: int) -> CanvasState:
        """The batch `n` times, ``(n * B, ...)``, for example for `n` candidates of each painting."""
        return self._map(lambda value: value.repeat(n, *[1] * (value.ndim - 1)))

    def where(self, mask: Tensor, other: CanvasState) -> CanvasState:
        """The paintings of this state where the mask ``(B,)`` is True, else those of another.

        Raises:
            ValueError: the mask is not ``(B,)`` bool.
        """
        mask, pairs = as_mask("mask", mask, self), zip(self, other, strict=True)
        return CanvasState(*(torch.where(mask.view(-1, *[1] * (a.ndim - 1)), a, b) for a, b in pairs))

    def index_copy(self, rows: Tensor, other: CanvasState) -> CanvasState:
        """The state with other paintings at the indices ``(n,)``."""
        pairs = zip(self, other, strict=True)
        return CanvasState(*(value.index_copy(0, rows, new) for value, new in pairs))

    def _map(self, function: Callable[[Tensor], Tensor]) -> CanvasState:
        return CanvasState(*map(function, self))


def as_mask(name: str, mask: Any, state: CanvasState) -> Tensor:
    """A mask of the paintings of a state, array or tensor, as a tensor ``(B,)`` bool on its device.

    Raises:
        ValueError: another shape, or not bool, such as indices.
    """
    mask = torch.as_tensor(mask, device=state.canvas.device)
    if mask.shape != state.canvas.shape[:1] or mask.dtype != torch.bool:
        needed = f"({len(state.canvas)},) bool, a value for each canvas"
        raise ValueError(f"{name} must be {needed}, not {tuple(mask.shape)} {mask.dtype}")
    return mask


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


def transition(state: CanvasState, action: Tensor, renderer: Renderer) -> CanvasState:
    """The next state, trans(s_t, a_t); see `model_step`."""
    if not isinstance(action, Tensor):
        kind = type(action).__name__
        raise TypeError(f"the model takes a tensor as action, not {kind}: pass torch.as_tensor(action)")
    if not isinstance(state.canvas, Tensor) or not state.canvas.is_floating_point():
        kind = state.canvas.dtype if isinstance(state.canvas, Tensor) else type(state.canvas).__name__
        raise TypeError(f"the canvas of a state must be a tensor of floats in [0, 1], not {kind}")
    wants_gradient = torch.is_grad_enabled() and (action.requires_grad or state.canvas.requires_grad)
    if wants_gradient and not renderer.differentiable:
        remedy = "take renderer='analytic', detach the action, or step under torch.no_grad()"
        raise ValueError(f"the renderer {renderer.name!r} has no gradients; {remedy}")
    canvas, strokes = match_batches(state.canvas, as_strokes(action, renderer.design.dim))
    target, step = (_expand(value, len(canvas)) for value in (state.target, state.step))
    return CanvasState(renderer.paint(canvas, strokes), target, step + 1)


def model_step(
    state: CanvasState, action: Tensor, renderer: Renderer, reward: RewardFunction
) -> tuple[CanvasState, Tensor]:
    """Paint a bundle of strokes, in order: trans(s_t, a_t) and r(s_t, a_t).

    Pure: nothing is changed in place. Differentiable, once, in the action and the canvas if the renderer is.
    A single state is combined with every action, and a single action with every state. A bundle may have any
    number of strokes, and the model goes on past the end of the budget: it only counts the steps.

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
        TypeError: an action or a reward that is not a tensor, or a canvas that is not one of floats.
    """
    next_state = transition(state, action, renderer)
    return next_state, reward_of(reward, state.canvas, next_state)


def reward_of(reward: RewardFunction, canvas: Tensor, next_state: CanvasState) -> Tensor:
    """The reward ``(B,)`` of the step from a canvas to the next state."""
    after = next_state.canvas
    gain, shape = reward(canvas.expand_as(after), after, next_state.target), f"({len(after)},)"
    if not isinstance(gain, Tensor):
        raise TypeError(f"a reward function must return a tensor {shape}, not {type(gain).__name__}")
    if gain.shape != (len(after),):
        wrong = f"for each canvas, {shape}, not {tuple(gain.shape)}"
        raise ValueError(f"a reward function must return one number {wrong}")
    return gain


def _expand(value: Tensor, count: int) -> Tensor:
    """Targets or steps for `count` canvases; a single one is repeated."""
    if value.ndim and len(value) not in (1, count):
        raise ValueError(f"{count} canvases, but targets or steps of {len(value)}: give as many, or one")
    return value if value.ndim and len(value) == count else value.expand(count, *value.shape[1:])
