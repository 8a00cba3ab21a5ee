"""The discriminator of Fig. 11: scores a pair of painting and target."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm


class TReLU(nn.Module):
    """Translated ReLU, ``max(x, a)`` with a parameter a (Xiang and Li 2017), for weight norm."""

    def __init__(self) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.zeros(1, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to a tensor of any shape."""
        return (x - self.threshold).relu() + self.threshold


class Discriminator(nn.Module):
    """Five 5x5 convolutions of stride 2 with weight norm, TReLU between them.

    The last convolution gives a score per patch. Fig. 11 has a TReLU after it, too, which is omitted here:
    where it clips, the score no longer depends on the canvas, so the worst paintings would get no gradient,
    and the gradient penalty could not act on them.

    Args:
        width: channels of the first convolution, doubled by each of the next three; 16 is the paper's.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([6, width, 2 * width, 4 * width, 8 * width]):
            layers += [_convolution(inputs, outputs), TReLU()]
        self.features = nn.Sequential(*layers)  # [8, 8, 128] of a canvas of 128 px
        self.score = _convolution(8 * width, 1)  # [4, 4, 1]

    def forward(self, painting: Tensor, target: Tensor) -> Tensor:
        """Score ``(B,)`` of pairs ``(B, 3, H, W)`` in [0, 1]; higher is more real. The mean of `patches`."""
        return self.patches(painting, target).mean((1, 2))

    def patches(self, painting: Tensor, target: Tensor) -> Tensor:
        """Score of each patch, ``(B, ceil(H / 32), ceil(W / 32))``: 4 x 4 for 128 px; see `forward`."""
        pair = torch.cat([painting, target], 1)  # (B, 6, H, W)
        return self.score(self.features(pair)).squeeze(1)


def _convolution(inputs: int, outputs: int) -> nn.Module:
    return weight_norm(nn.Conv2d(inputs, outputs, 5, stride=2, padding=2, dtype=torch.float32))
