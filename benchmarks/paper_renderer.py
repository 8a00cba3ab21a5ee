"""The renderer of the paper, Fig. 12, as the baseline of `benchmarks.speed`."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from paint_gym.renderers import composite

SIZE = 128  # pixels; the only size that this network paints at


class PaperRenderer(nn.Module):
    """The network of Fig. 12: stroke parameters to coverage at 128 x 128, here with random weights.

    Four fully connected layers, then three times two convolutions and a sub-pixel shuffle. The figure leaves
    the widths after the third layer open; they are those of the code that the authors published. The weights
    take no gradients, as when an actor learns through the finished network.
    """

    def __init__(self, parameters: int = 10) -> None:
        super().__init__()
        self.parameters_of_stroke = parameters
        widths = (parameters, 512, 1024, 2048, 16 * 16 * 16)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        layers.append(nn.Unflatten(1, (16, 16, 16)))
        for inputs, hidden, outputs in ((16, 32, 32), (8, 16, 16), (4, 8, 4)):
            layers += [nn.Conv2d(inputs, hidden, 3, padding=1), nn.ReLU()]
            layers += [nn.Conv2d(hidden, outputs, 3, padding=1), nn.PixelShuffle(2)]
        self.layers = nn.Sequential(*layers, nn.Sigmoid()).requires_grad_(False)

    def forward(self, strokes: Tensor) -> Tensor:
        """Coverage ``(N, 128, 128)`` of stroke vectors ``(N, stroke_dim)``; their colour is ignored."""
        return self.layers(strokes[:, : self.parameters_of_stroke]).squeeze(1)

    def paint(self, canvas: Tensor, strokes: Tensor) -> Tensor:
        """The canvas ``(B, 3, 128, 128)`` after strokes ``(B, K, stroke_dim)``, in order."""
        coverage = self(strokes.flatten(0, 1)).unflatten(0, strokes.shape[:2])  # (B, K, 128, 128)
        for k in range(strokes.shape[1]):
            canvas = composite(canvas, coverage[:, k], strokes[:, k, -3:])
        return canvas


def paper_renderer(parameters: int, channels_last: bool = False) -> PaperRenderer:
    """The network for strokes of `parameters` numbers, colour not counted; the same weights at each call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = PaperRenderer(parameters)
    if channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    return network
