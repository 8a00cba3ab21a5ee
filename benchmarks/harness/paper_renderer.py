"""The renderer of the paper, Fig. 12, with random weights: a baseline of speed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paint_gym.renderers import composite
from paint_gym.renderers.neural import SIZE, PaperNetwork

__all__ = ["SIZE", "PaperRenderer", "paper_renderer"]


class PaperRenderer(nn.Module):
    """Paints with the network, which takes no gradients, as when an actor learns through the finished one."""

    def __init__(self, parameters: int = 10) -> None:
        super().__init__()
        self.parameters_of_stroke = parameters
        self.network = PaperNetwork(parameters).requires_grad_(False)

    def forward(self, strokes: Tensor) -> Tensor:
        """Coverage ``(N, 128, 128)`` of stroke vectors ``(N, stroke_dim)``; their colour is ignored."""
        coverage: Tensor = self.network(strokes[:, : self.parameters_of_stroke])
        return coverage

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
