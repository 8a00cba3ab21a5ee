"""The base class of actors, and the actions that they propose for lookahead."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn


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
        """Other actions that it could take, for lookahead; by default none.

        Args:
            canvas: ``(B, 3, H, W)`` in [0, 1].
            target: ``(B, 3, H, W)`` in [0, 1].
            step: ``(B,)`` int64, bundles painted so far.
            count: how many of each kind, at least 1.
        """
        return []

    def reseed(self, seed: int) -> None:
        """Paint another painting of the same picture for each seed.

        Raises:
            ValueError: by default any other than 0: most actors paint a picture in one way only.
        """
        if seed:
            raise ValueError("this agent has but one way to paint a picture, so a seed changes nothing")
