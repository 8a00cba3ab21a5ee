"""Adam for stroke vectors, which stay in the unit cube (`torch.optim.Adam` takes seconds to import)."""

from __future__ import annotations

import torch
from torch import Tensor

from paint_gym.strokes import COLOUR, StrokeDesign


class StrokeAdam:
    """Adam (Kingma and Ba 2015) on strokes ``(B, K, stroke_dim)``, projected to the unit cube.

    Args:
        strokes: initial strokes, in [0, 1].
        rate: learning rate of each number, ``(stroke_dim,)``, or broadcastable to the strokes; see `rates`.
        betas: decay of the mean gradient, and of its mean square.

    Attributes:
        strokes: current strokes; a new tensor after each step.
    """

    def __init__(self, strokes: Tensor, rate: Tensor, betas: tuple[float, float]) -> None:
        self.strokes, self.rate, self.betas = strokes.detach().clone(), rate, betas
        self.mean, self.square = torch.zeros_like(self.strokes), torch.zeros_like(self.strokes)
        self.steps = self.strokes.new_zeros(*strokes.shape[:-1], 1)

    @torch.no_grad()
    def step(self, gradient: Tensor, scale: float = 1.0) -> None:
        """One step against the gradient ``(B, K, stroke_dim)``, at `scale` times the rate."""
        beta1, beta2 = self.betas
        self.steps += 1
        self.mean.lerp_(gradient, 1 - beta1)
        self.square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        mean = self.mean / (1 - beta1**self.steps)
        root = (self.square / (1 - beta2**self.steps)).sqrt_().add_(1e-8)
        self.strokes = (self.strokes - scale * self.rate * mean / root).clamp_(0, 1)

    @torch.no_grad()
    def recolour(self, colours: Tensor) -> None:
        """Set the colours ``(B, K, 3)``."""
        self.strokes = torch.cat([self.strokes[..., : -len(COLOUR)], colours], -1).detach()

    @torch.no_grad()
    def replace(self, index: Tensor, new: Tensor) -> None:
        """Drop strokes, and put new ones without moments on top.

        Args:
            index: ``(B, k)`` int64, the strokes that stay, in their order.
            new: ``(B, n, stroke_dim)``.
        """
        self.strokes = self._select(self.strokes, index, new)
        zeros = torch.zeros_like(new)
        self.mean, self.square = (self._select(m, index, zeros) for m in (self.mean, self.square))
        self.steps = self._select(self.steps, index, zeros[..., :1])

    @staticmethod
    def _select(old: Tensor, index: Tensor, new: Tensor) -> Tensor:
        return torch.cat([old.gather(1, index.unsqueeze(-1).expand(-1, -1, old.shape[-1])), new], 1)


def rates(design: StrokeDesign, geometry: float, paint: float) -> Tensor:
    """Learning rate of each number of a stroke, ``(stroke_dim,)``: geometry, or alphas and colours."""
    parameters = [paint if kind == "alpha" else geometry for kind in design.kinds]
    return torch.tensor([*parameters, *[paint] * len(COLOUR)])
