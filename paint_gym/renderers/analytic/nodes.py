"""Nodes of strokes in pixels, by their design in PyTorch; kernels compute the same from a `StrokeLayout`."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from paint_gym.renderers.base import colours_of
from paint_gym.strokes import StrokeDesign


class NodeArgs(NamedTuple):
    """Arguments of `pixel_nodes`: strokes' design and opacity, the canvas's sides in pixels."""

    design: StrokeDesign
    opacity: tuple[float, float]
    height: int
    width: int

    @property
    def polygon(self) -> bool:
        """True if the primitive is a polygon."""
        return self.design.primitive == "polygon"

    @property
    def places(self) -> list[tuple[int, int, int]]:
        """Indices of the layout's x, y, radius and alpha in a stroke vector: first, middle or -1, last."""
        columns = (column or (0,) for column in self.design.places)  # a polygon has no radius
        return [(c[0], c[1] if len(c) == 3 else -1, c[-1]) for c in columns]

    @property
    def node_count(self) -> int:
        """Nodes of a stroke, if the design has a layout."""
        points = len(self.design.places[0])
        return segments(self.height, self.width) + 1 if points == 3 and not self.polygon else points


def segments(height: int, width: int) -> int:
    """Straight segments of a curve: 12 at 128 px, more on larger canvases, so that no corner is seen.

    The polyline of n segments is nowhere further from its curve than 0.35 / n^2 canvas sides: at most 0.35
    pixels, a hundredth of that for most strokes.
    """
    return max(8, math.ceil(math.sqrt(max(height, width))))


def pixel_nodes(strokes: Tensor, args: NodeArgs) -> tuple[Tensor, Tensor]:
    """Nodes ``(..., M, 4)``, see `to_pixels`, and colours ``(..., 3)`` of strokes ``(..., dim)``."""
    design, opacity, height, width = args
    nodes = design.nodes(strokes, segments(height, width), opacity)
    return to_pixels(nodes, height, width, design.primitive), colours_of(strokes)


def to_pixels(nodes: Tensor, height: int, width: int, primitive: str) -> Tensor:
    """Nodes ``(..., M, 4)`` in canvas sides to nodes in pixels.

    A disc thinner than a pixel is drawn a pixel wide and as much fainter, so that strokes never fall between
    pixels. Alphas beyond [0, 1] are clipped.
    """
    x, y, radius, alpha = nodes.unbind(-1)
    radius, alpha = radius * min(height, width), alpha.clamp(0, 1)
    if primitive == "sweep":
        alpha = alpha * (2 * radius).clamp(max=1)
        radius = radius.clamp(min=0.5)
    return torch.stack([x * width, y * height, radius, alpha], -1)
