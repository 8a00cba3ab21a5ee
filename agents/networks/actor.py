"""The base class of actors, and the alternative actions that they propose for lookahead."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from paint_gym.canvas import CanvasState
from paint_gym.utils.device import float32_default

FARTHEST = 5.0
"""Logits are not driven beyond this; the sigmoid is then 0.0067 from its bound."""


def squash(logits: Tensor) -> Tensor:
    """Sigmoid that never saturates: numbers of an action in (0, 1).

    At the bounds of its actions an actor would stay for ever: the gradient of a sigmoid is 0 there.
    Beyond `FARTHEST` this function has the slope at `FARTHEST` for gradients that lead back, and 0 for
    gradients that lead further out (as in Hausknecht and Stone 2016, inverting gradients).
    """
    return _Squash.apply(logits)


class _Squash(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor) -> Tensor:
        return logits.sigmoid()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> Tensor:
        (logits,) = ctx.saved_tensors
        inner = logits.clamp(-FARTHEST, FARTHEST).sigmoid()
        outwards = (logits.abs() > FARTHEST) & (grad_out * logits < 0)  # descent goes against the gradient
        return (grad_out * inner * (1 - inner)).masked_fill(outwards, 0)


class Proposals(NamedTuple):
    """Alternative actions, and the part of the canvas that each can touch.

    Attributes:
        action: ``(N, B, bundle * stroke_dim)`` in [0, 1].
        top: ``(N, B)`` int64, upper edge of the parts, in pixels.
        left: ``(N, B)`` int64, left edge of the parts, in pixels.
        size: height and width of all parts, in pixels.
    """

    action: Tensor
    top: Tensor
    left: Tensor
    size: tuple[int, int]


class Actor(nn.Module):
    """The policy network. A subclass implements `forward`; the rest has defaults."""

    def forward(self, canvas: Tensor, target: Tensor, step: Tensor, steps: int) -> Tensor:
        """The action for each state, ``(B, bundle * stroke_dim)`` in [0, 1].

        Args:
            canvas: ``(B, 3, H, W)`` in [0, 1].
            target: ``(B, 3, H, W)`` in [0, 1].
            step: ``(B,)`` int64, bundles painted so far.
            steps: bundles per episode.
        """
        raise NotImplementedError

    def propose(self, canvas: Tensor, target: Tensor, step: Tensor, count: int) -> list[Proposals]:
        """Alternative actions for lookahead, `count` of each kind; by default none. See `forward`."""
        return []

    def side(self, step: Tensor, height: int, width: int) -> Tensor:
        """Side of the part of the canvas that an action is meant for, ``(B,)`` in shorter canvas sides."""
        return torch.ones(len(step), device=step.device)

    def focused(self, weight: Tensor | None = None, seed: int = 0) -> Actor:
        """The actor with the same parameters for a painting with other weights of errors, or another seed.

        Args:
            weight: weight of each pixel's error, ``(B, H, W)``; None for equal weights.
            seed: a different painting of the same picture for each seed.

        Raises:
            ValueError: a seed other than 0, which most actors have no use for.
        """
        if seed:
            raise ValueError("this agent has but one way to paint a picture, so a seed changes nothing")
        return self


@float32_default()
def apply_network(
    network: nn.Module, state: CanvasState, steps: int, bf16: bool, action: Tensor | None = None
) -> Tensor:
    """Output of ``network(canvas, target, step, steps[, action])``, float32; in bfloat16 inside, if asked."""
    extra = () if action is None else (action,)
    with torch.autocast(state.canvas.device.type, torch.bfloat16, enabled=bf16):
        output: Tensor = network(state.canvas, state.target, state.step, steps, *extra)
    return output.float()
