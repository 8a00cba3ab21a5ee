"""The base class of actors, and the actions that they propose for lookahead."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

FARTHEST = 5.0
"""Beyond this a logit is not driven further; the sigmoid is 0.0067 from its bound."""


def squash(logits: Tensor) -> Tensor:
    """Numbers of an action in (0, 1): the sigmoid, with a gradient by which one always finds back.

    Where a reward is wrong for a while, as that of a discriminator that still learns, an actor is driven to
    the bounds of its actions; there the sigmoid's own gradient is 0 in float32, and it would stay for ever.
    Beyond `FARTHEST` this one has the slope at `FARTHEST` for gradients that lead back, and 0 for those that
    lead further out (as in Hausknecht and Stone 2016, inverting gradients).
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
    """Actions that could be taken, and the part of the canvas that each touches.

    Attributes:
        action: ``(N, B, bundle * stroke_dim)`` in [0, 1].
        top: ``(N, B)`` int64, where the parts begin, in pixels.
        left: ``(N, B)`` int64.
        size: height and width of all parts, in pixels.
    """

    action: Tensor
    top: Tensor
    left: Tensor
    size: tuple[int, int]


class Actor(nn.Module):
    """The policy network. A subclass implements `forward`; the rest has defaults.

    Attributes:
        weight: how much the error of each pixel counts, ``(B, H, W)``, for actors that look where it is
            great; None where all count the same.
    """

    weight: Tensor | None = None

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
        """Other actions that it could take, for lookahead; by default none.

        Args:
            canvas: ``(B, 3, H, W)`` in [0, 1].
            target: ``(B, 3, H, W)`` in [0, 1].
            step: ``(B,)`` int64, bundles painted so far.
            count: how many of each kind, at least 1.
        """
        return []

    def side(self, step: Tensor, height: int, width: int) -> Tensor:
        """Side of the part of the canvas that an action is meant for, ``(B,)`` in shorter canvas sides.

        Args:
            step: ``(B,)`` int64, bundles painted so far.
            height: of the canvases, in pixels.
            width: of the canvases, in pixels.
        """
        return torch.ones(len(step), device=step.device)

    def reseed(self, seed: int) -> None:
        """Paint another painting of the same picture for each seed.

        Raises:
            ValueError: by default any other than 0: most actors paint a picture in one way only.
        """
        if seed:
            raise ValueError("this agent has but one way to paint a picture, so a seed changes nothing")
