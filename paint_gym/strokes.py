"""Stroke designs: what each number of a stroke vector means, one definition per design.

A stroke vector lives in the unit cube: the design's own parameters, then R, G, B (section 4.2 of the paper).
A design turns the parameters into *nodes*, and the nodes are all that renderers and file formats ever see.
So a new design is one `StrokeDesign`, and it works with every renderer, agent and file format:

>>> def cross_hatch(parameters, segments):
...     x, y, length, t = parameters.unbind(-1)
...     r = torch.full_like(x, 0.01)
...     start = torch.stack([x, y, r, t], -1)
...     end = torch.stack([x + length, y + length, r, t], -1)
...     return torch.stack([start, end], -2)
>>> register_stroke(StrokeDesign("hatch", ("x", "y", "length", "t"), "sweep", cross_hatch), replace=True)
>>> get_stroke("hatch").dim
7
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from paint_gym.utils.errors import unknown_name

COLOUR = ("R", "G", "B")


@dataclass(frozen=True)
class StrokeDesign:
    """What the numbers of a stroke vector mean.

    Attributes:
        name: the name that `stroke=` takes.
        parameters: names of the parameters, in order, without the colour. Those that begin with ``t`` are
            transparencies (alpha): `opacity` rescales them.
        shape: how the nodes are joined. ``"sweep"``: a disc is moved from node to node, its radius and alpha
        changing
            linearly between two nodes; where it overlaps itself, the later part covers the earlier.
            ``"polygon"``: the nodes are the corners of a convex polygon; its alpha is that of the first node.
        nodes: ``(parameters (N, P) in [0, 1], segments) -> (N, M, 4)``, differentiable. A node is x, y,
        radius, alpha:
            x in canvas widths, y in heights (downwards), radius in shorter sides. `segments` is how many
            straight pieces a curve should be cut into; a design without curves ignores it.
        relative: parameters that are relative to others, so that `place` leaves them alone.
    """

    name: str
    parameters: tuple[str, ...]
    shape: Literal["sweep", "polygon"]
    nodes: Callable[[Tensor, int], Tensor]
    relative: tuple[str, ...] = ()

    @property
    def dim(self) -> int:
        """Length of a stroke vector, colour included."""
        return len(self.parameters) + len(COLOUR)

    @property
    def transparencies(self) -> tuple[bool, ...]:
        """Of each parameter, whether it is a transparency."""
        return tuple(name.startswith("t") for name in self.parameters)

    def outline(self, strokes: Tensor, segments: int, opacity: tuple[float, float] = (0.0, 1.0)) -> Tensor:
        """Nodes of stroke vectors.

        Args:
            strokes: ``(..., dim)`` in [0, 1]; the colour is ignored.
            segments: straight pieces per curve, at least 1.
            opacity: the range that transparencies are mapped to.

        Returns:
            ``(..., M, 4)``: x, y, radius, alpha of each node, in canvas sides (see `nodes`).
        """
        parameters = self.faded(strokes, opacity)
        nodes = self.nodes(parameters.reshape(-1, parameters.shape[-1]), segments)
        return nodes.reshape(*strokes.shape[:-1], *nodes.shape[1:])

    def faded(self, strokes: Tensor, opacity: tuple[float, float]) -> Tensor:
        """Parameters ``(..., P)`` of strokes ``(..., dim)``, their transparencies mapped to a range."""
        parameters = strokes[..., : len(self.parameters)]
        if opacity == (0.0, 1.0):
            return parameters
        low, high = opacity
        scale = parameters.new_tensor([high - low if fade else 1.0 for fade in self.transparencies])
        shift = parameters.new_tensor([low if fade else 0.0 for fade in self.transparencies])
        return parameters * scale + shift

    def place(
        self, strokes: Tensor, x: Tensor, y: Tensor, width: Tensor, height: Tensor, side: Tensor
    ) -> Tensor:
        """Strokes in the coordinates of a window, as strokes of the canvas.

        By the first letter of their names, parameters are points (x, y) or radii (r); the others stay as
        they are.

        Args:
            strokes: ``(B, K, dim)``, where 1 is the side of the window.
            x: ``(B,)`` left edge of the window, in canvas widths.
            y: ``(B,)`` its top, in canvas heights.
            width: ``(B,)`` its width, in canvas widths.
            height: ``(B,)`` its height, in canvas heights.
            side: ``(B,)`` its side, in shorter canvas sides; radii shrink with it.
        """
        x, y, width, height, side = (value.view(-1, 1).to(strokes) for value in (x, y, width, height, side))
        placed = list(strokes.unbind(-1))
        for i, name in enumerate(self.parameters):
            if name[0] in "xy" and name not in self.relative:
                placed[i] = x + width * placed[i] if name[0] == "x" else y + height * placed[i]
            elif name[0] == "r":
                placed[i] = ((side * (1 + 64 * placed[i]) - 1) / 64).clamp(min=0)  # the inverse of `radius`
        return torch.stack(placed, -1)


THICKEST = 65 / 256  # radius of thickness 1, in shorter canvas sides


def radius(r: Tensor) -> Tensor:
    """Radius in shorter canvas sides, from a thickness in [0, 1]: 1/256 to 65/256."""
    return (1 + 64 * r) / 256


def _bezier(parameters: Tensor, segments: int) -> Tensor:
    """Quadratic curve of eq. (6), its middle point relative to the box of its ends; parameters of eq. (5)."""
    x0, y0, x1, y1, x2, y2, r0, t0, r1, t1 = parameters.unsqueeze(-1).unbind(-2)  # each (N, 1)
    s = torch.linspace(0, 1, segments + 1, dtype=parameters.dtype, device=parameters.device)
    first, middle, last = (1 - s) ** 2, 2 * s * (1 - s), s**2
    x = first * x0 + middle * (x0 + (x2 - x0) * x1) + last * x2
    y = first * y0 + middle * (y0 + (y2 - y0) * y1) + last * y2
    return torch.stack([x, y, radius(r0 + (r1 - r0) * s), t0 + (t1 - t0) * s], -1)


def _straight(parameters: Tensor, segments: int) -> Tensor:
    x0, y0, x1, y1, r0, t0, r1, t1 = parameters.unbind(-1)
    start = torch.stack([x0, y0, radius(r0), t0], -1)
    end = torch.stack([x1, y1, radius(r1), t1], -1)
    return torch.stack([start, end], -2)


def _circle(parameters: Tensor, segments: int) -> Tensor:
    x, y, r, t = parameters.unbind(-1)
    return torch.stack([x, y, radius(r), t], -1).unsqueeze(-2)


def _triangle(parameters: Tensor, segments: int) -> Tensor:
    corners = parameters[..., :6].reshape(-1, 3, 2)
    alpha = parameters[..., 6:].unsqueeze(-2).expand(-1, 3, 1)
    return torch.cat([corners, torch.zeros_like(alpha), alpha], -1)


_DESIGNS: dict[str, StrokeDesign] = {}


def register_stroke(design: StrokeDesign, replace: bool = False) -> None:
    """Make `design` known by its name, to `stroke=` everywhere.

    Raises:
        ValueError: the name is taken and `replace` is False.
    """
    if design.name in _DESIGNS and not replace:
        raise ValueError(f"stroke {design.name!r} is already registered; pass replace=True to replace it")
    _DESIGNS[design.name] = design


for _design in (
    StrokeDesign(
        "bezier",
        ("x0", "y0", "x1", "y1", "x2", "y2", "r0", "t0", "r1", "t1"),
        "sweep",
        _bezier,
        relative=("x1", "y1"),
    ),
    StrokeDesign("straight", ("x0", "y0", "x1", "y1", "r0", "t0", "r1", "t1"), "sweep", _straight),
    StrokeDesign("circle", ("x", "y", "r", "t"), "sweep", _circle),
    StrokeDesign("triangle", ("x0", "y0", "x1", "y1", "x2", "y2", "t"), "polygon", _triangle),
):
    register_stroke(_design)


def stroke_names() -> list[str]:
    """Names of all registered designs."""
    return sorted(_DESIGNS)


def get_stroke(name: str) -> StrokeDesign:
    """The design called `name`.

    Raises:
        ValueError: no design has this name; the nearest is suggested.
    """
    try:
        return _DESIGNS[name]
    except KeyError:
        raise unknown_name("stroke", name, _DESIGNS) from None
