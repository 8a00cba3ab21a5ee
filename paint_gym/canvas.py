"""The state of an episode and its transition: pure, batched, differentiable (paper, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from paint_gym.renderers.base import Renderer

RewardFunction = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``(canvas before, canvas after, target)``, each ``(B, 3, H, W)`` in [0, 1], to a reward ``(B,)``."""


class CanvasState(NamedTuple):
    """All that an agent may know: s_t = (C_t, I, t).

    Attributes:
        canvas: ``(B, 3, H, W)`` float in [0, 1], what has been painted so far; never rounded to bytes.
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
        raise ValueError(
            f"an action must be (batch, bundle * {stroke_dim}): bundles of strokes of {stroke_dim} numbers; "
            f"got shape {tuple(action.shape)}"
        )
    if not bool(torch.isfinite(action.detach()).all()):
        raise ValueError("the action holds NaN or inf; every number must be finite")
    return action.clamp(0, 1).reshape(len(action), -1, stroke_dim)


def model_step(
    state: CanvasState, action: Tensor, renderer: Renderer, reward: RewardFunction
) -> tuple[CanvasState, Tensor]:
    """trans(s_t, a_t) and r(s_t, a_t): paint a bundle of strokes, in order.

    Pure: nothing is changed in place. Differentiable in the action and the canvas if the renderer is.

    Args:
        state: where to paint.
        action: ``(B, bundle * stroke_dim)`` in [0, 1]; outside is clipped.
        renderer: paints the strokes.
        reward: eq. (1), or any other function of canvas before, canvas after and target.

    Returns:
        The next state, and the reward ``(B,)``.

    Raises:
        ValueError: an action with NaN or inf, or of the wrong shape.
    """
    canvas = renderer.paint(state.canvas, as_strokes(action, renderer.design.dim))
    return CanvasState(canvas, state.target, state.step + 1), reward(state.canvas, canvas, state.target)


def mean_squared_error(canvas: Tensor, target: Tensor) -> Tensor:
    """The l2 of the paper's tables: ``(B, 3, H, W)`` twice, in [0, 1], to ``(B,)`` in [0, 1]."""
    return (canvas - target).square().mean((1, 2, 3))


def crop(image: Tensor, top: Tensor, left: Tensor, size: tuple[int, int]) -> Tensor:
    """Parts of pictures, all of one size.

    Args:
        image: ``(B, C, H, W)``.
        top: ``(..., B)`` int64, where parts of each picture begin, in pixels.
        left: ``(..., B)`` int64.
        size: of the parts, height and width in pixels.

    Returns:
        ``(..., B, C, height, width)``, copied.
    """
    parts = image.unfold(2, size[0], 1).unfold(3, size[1], 1)  # a view: (B, C, every top, every left, h, w)
    return parts[torch.arange(len(image), device=image.device), :, top, left]


def to_floats(image: Tensor) -> Tensor:
    """Pictures as uint8, or as floats in [0, 1], to float32 in [0, 1]."""
    return image.float() / 255 if image.dtype == torch.uint8 else image.float()


def to_bytes(image: Tensor) -> Tensor:
    """Floats in [0, 1] to uint8, rounded."""
    return (image * 255).round_().clamp_(0, 255).to(torch.uint8)


def to_frames(canvas: Tensor) -> np.ndarray:
    """Canvases ``(B, 3, H, W)`` in [0, 1] as pictures, ``(B, H, W, 3)`` uint8."""
    return to_bytes(canvas).permute(0, 2, 3, 1).contiguous().cpu().numpy()
