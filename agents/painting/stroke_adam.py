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
    def replace(self, index: Tensor, new: Tensor) -> None:
        """Keep the strokes `index`, ``(B, k)`` int64, and put new ones ``(B, n, stroke_dim)`` on top."""

        def select(old: Tensor, added: Tensor) -> Tensor:
            rows = index.unsqueeze(-1).expand(-1, -1, old.shape[-1])
            return torch.cat([old.gather(1, rows), added], 1)

        zeros = torch.zeros_like(new)
        self.strokes, self.steps = select(self.strokes, new), select(self.steps, zeros[..., :1])
        self.mean, self.square = select(self.mean, zeros), select(self.square, zeros)


def rates(design: StrokeDesign, geometry: float, paint: float) -> Tensor:
    """Learning rate of each number of a stroke, ``(stroke_dim,)``: geometry, or alphas and colours."""
    parameters = [paint if kind == "alpha" else geometry for kind in design.kinds]
    return torch.tensor([*parameters, *[paint] * len(COLOUR)])
