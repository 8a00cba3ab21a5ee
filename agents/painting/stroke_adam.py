"""Adam for stroke vectors, which stay in the unit cube (`torch.optim.Adam` takes seconds to import)."""

from __future__ import annotations

import torch
from torch import Tensor

from paint_gym.strokes import COLOUR, StrokeDesign


class StrokeAdam:
    """Strokes ``(B, K, stroke_dim)`` on their way down a gradient (Kingma and Ba 2015).

    Args:
        strokes: where they begin, in [0, 1].
        rate: of each number, ``(stroke_dim,)``, or anything that goes with the strokes; see `rates`.
        betas: how much of the mean gradient, and of its mean square, is kept in a step.

    Attributes:
        strokes: where they are; a new tensor after each step.
    """

    def __init__(self, strokes: Tensor, rate: Tensor, betas: tuple[float, float]) -> None:
        self.strokes, self.rate, self.betas = strokes.detach().clone(), rate, betas
        self.mean, self.square = torch.zeros_like(self.strokes), torch.zeros_like(self.strokes)
        self.steps = self.strokes.new_zeros(*strokes.shape[:-1], 1)

    @torch.no_grad()
    def step(self, gradient: Tensor, scale: float = 1.0) -> None:
        """One step against the gradient, ``(B, K, stroke_dim)``, at so much of the rate."""
        short, long = self.betas
        self.steps += 1
        self.mean.lerp_(gradient, 1 - short)
        self.square.mul_(long).addcmul_(gradient, gradient, value=1 - long)
        mean = self.mean / (1 - short**self.steps)
        root = (self.square / (1 - long**self.steps)).sqrt_().add_(1e-8)
        self.strokes = (self.strokes - scale * self.rate * mean / root).clamp_(0, 1)

    @torch.no_grad()
    def replace(self, kept: Tensor, new: Tensor) -> None:
        """Keep some strokes, and put new ones on top, which have no past.

        Args:
            kept: ``(B, k)`` int64, which are kept, in their order.
            new: ``(B, n, stroke_dim)``.
        """
        self.strokes = self._joined(self.strokes, kept, new)
        zeros = torch.zeros_like(new)
        self.mean, self.square = (self._joined(each, kept, zeros) for each in (self.mean, self.square))
        self.steps = self._joined(self.steps, kept, zeros[..., :1])

    @staticmethod
    def _joined(old: Tensor, kept: Tensor, new: Tensor) -> Tensor:
        return torch.cat([old.gather(1, kept.unsqueeze(-1).expand(-1, -1, old.shape[-1])), new], 1)


def rates(design: StrokeDesign, geometry: float, paint: float) -> Tensor:
    """A rate for each number of a stroke, ``(stroke_dim,)``: of geometry, or of alphas and colours."""
    own = [paint if kind == "alpha" else geometry for kind in design.kinds]
    return torch.tensor([*own, *[paint] * len(COLOUR)])
