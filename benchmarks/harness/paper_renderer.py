"""Renderer of the paper, Fig. 12, with random weights: a baseline of speed.

Which memory layout of its convolutions is faster depends on the processor, so `gpu`, `rendering`
and `refinement` time both, and compare with the faster one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from paint_gym.renderers import Renderer, Size, composite
from paint_gym.renderers.base import check_size, colours_of
from paint_gym.renderers.neural import SIZE, PaperNetwork
from paint_gym.strokes import StrokeDesign, get_stroke

__all__ = ["SIZE", "PaperRenderer"]


class PaperRenderer(Renderer):
    """Network of random weights that takes no gradients, as when an actor learns through the finished one.

    Args:
        stroke: a design or the name of one.
        channels_last: memory layout of the convolutions.
    """

    name, differentiable, side = "fig. 12", True, SIZE

    def __init__(self, stroke: str | StrokeDesign = "bezier", channels_last: bool = False) -> None:
        super().__init__(get_stroke(stroke))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # the same weights at each call
            self.network = PaperNetwork(len(self.design.parameters)).requires_grad_(False)
        if channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs

    def __call__(self, strokes: Tensor, size: Size = SIZE) -> Tensor:
        """Coverage ``(N, 128, 128)`` of stroke vectors ``(N, stroke_dim)``; their colour is ignored.

        Raises:
            ValueError: another size than that of the network.
        """
        check_size(self, size)
        coverage: Tensor = self.network(strokes[:, : len(self.design.parameters)])
        return coverage

    @classmethod
    def in_both_layouts(cls, stroke: str | StrokeDesign = "bezier") -> dict[str, PaperRenderer]:
        """The same network twice, by the name of its memory layout."""
        return {"contiguous": cls(stroke), "channels_last": cls(stroke, channels_last=True)}

    def paint(self, canvas: Tensor, strokes: Tensor) -> Tensor:
        """The canvas ``(B, 3, 128, 128)`` after strokes ``(B, K, stroke_dim)``; one batch for the network."""
        coverage = self(strokes.flatten(0, 1)).unflatten(0, strokes.shape[:2])  # (B, K, 128, 128)
        for k in range(strokes.shape[1]):
            canvas = composite(canvas, coverage[:, k], colours_of(strokes[:, k]))
        return canvas
