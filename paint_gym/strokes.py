"""Stroke designs: what each number of a stroke vector means, one definition per design.

A stroke vector lies in the unit cube: the design's own parameters, then R, G, B (section 4.2 of the paper).
A design turns the parameters into *nodes*, and the nodes are all that renderers and file formats ever see.
So a new design is one `StrokeDesign`, and it works with every renderer, agent and file format:

>>> def cross_hatch(parameters, segments):
...     x, y, across, down, t = parameters.unbind(-1)
...     r = torch.full_like(x, 0.01)
...     start = torch.stack([x, y, r, t], -1)
...     end = torch.stack([x + across, y + down, r, t], -1)
...     return torch.stack([start, end], -2)
>>> hatch = StrokeDesign(
...     "hatch", ("x", "y", "across", "down", "t"), "sweep", cross_hatch,
...     kinds=("x", "y", "width", "height", "alpha"),
... )
>>> register_stroke(hatch, replace=True)
>>> get_stroke("hatch").dim
8
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeVar, get_args

import torch
from torch import Tensor

from paint_gym.utils.errors import as_pair, unknown_name
from paint_gym.utils.registry import Registry

COLOUR = ("R", "G", "B")
MIN_RADIUS = 1 / 256  # radius of thickness 0, in shorter canvas sides
MAX_RADIUS = 65 / 256  # radius of thickness 1, in shorter canvas sides

T = TypeVar("T", float, Tensor)
Primitive = Literal["sweep", "polygon"]
Kind = Literal["x", "y", "width", "height", "radius", "alpha", "relative", "free"]
PLAIN_NAMES: dict[str, Kind] = {
    "x": "x", "y": "y", "w": "width", "width": "width", "h": "height", "height": "height",
    "r": "radius", "radius": "radius", "t": "alpha", "alpha": "alpha",
}  # fmt: skip
"""Names, also with a number behind them, whose kind is clear."""


class StrokeLayout(NamedTuple):
    """Names of the parameters that nodes are made of, each exactly once. Kernels read it.

    With one parameter, all nodes have its value. With two, the value changes linearly from the first node to
    the last. Three are the corners of a triangle; or, in a sweep, the points of the quadratic curve of
    eq. (6), whose middle one is relative to the box of the ends.

    A sweep has one to three x, as many y, one or two thicknesses, see `radius`, and one or two alphas; a
    polygon has three x, three y and one alpha.
    """

    x: tuple[str, ...]
    y: tuple[str, ...]
    radius: tuple[str, ...]
    alpha: tuple[str, ...]


@dataclass(frozen=True)
class StrokeDesign:
    """Meaning of the numbers of a stroke vector.

    Attributes:
        name: the name that `stroke=` takes.
        parameters: names of the parameters, in order, without the colour.
        primitive: how the nodes are joined. ``"sweep"``: a disc is moved from node to node, its radius and
            alpha changing linearly between two nodes; where it overlaps itself, the later part covers the
            earlier. ``"polygon"``: the nodes are the corners of a convex polygon; its alpha is that of the
            first node.
        definition: a `StrokeLayout`, or a function ``(parameters (N, P) in [0, 1], segments) -> (N, M, 4)``,
            differentiable. A node is x, y, radius, alpha: x in canvas widths, y in heights (downwards),
            radius in shorter sides. `segments` is how many straight segments a curve should be cut into; a
            function without curves ignores it.
        kinds: the kind of each parameter. A layout decides them; for a function they are by default those of
            names such as ``x0``, ``y``, ``w``, ``height``, ``r1`` and ``t``. ``"x"`` and ``"y"`` are places,
            ``"width"`` and ``"height"`` lengths, each in canvas widths or heights; ``"radius"`` a thickness,
            see `radius`; ``"alpha"`` is what `opacity` rescales; ``"relative"`` is relative to other
            parameters, as the middle of a Bezier curve to the box of its ends; ``"free"`` is anything that
            does not change with the place and size of the stroke, such as an angle.

    Raises:
        ValueError: an unknown primitive or kind, a parameter whose kind is not clear from its name, or a
            layout that does not fit the parameters, the primitive or the kinds.
    """

    name: str
    parameters: tuple[str, ...]
    primitive: Primitive
    definition: StrokeLayout | Callable[[Tensor, int], Tensor]
    kinds: tuple[Kind, ...] = ()

    def __post_init__(self) -> None:
        if self.primitive not in get_args(Primitive):
            raise unknown_name("primitive", self.primitive, get_args(Primitive))
        object.__setattr__(self, "parameters", tuple(self.parameters))
        if isinstance(self.definition, StrokeLayout) and not self._layout_fits(self.definition):
            names = ", ".join(self.parameters)
            raise ValueError(
                f"stroke {self.name!r}: {self.definition} does not fit a {self.primitive} of {names}"
            )
        kinds = tuple(self.kinds) or self._default_kinds()
        if len(kinds) != len(self.parameters):
            counts = f"{len(self.parameters)} parameters, but {len(kinds)} kinds"
            raise ValueError(f"stroke {self.name!r} has {counts}")
        for kind in kinds:
            if kind not in get_args(Kind):
                raise unknown_name(f"kind of a parameter of stroke {self.name!r}", kind, get_args(Kind))
        if isinstance(self.definition, StrokeLayout) and kinds != self._default_kinds():
            decided = ", ".join(self._default_kinds())
            raise ValueError(f"stroke {self.name!r}: the layout decides the kinds; leave them out: {decided}")
        object.__setattr__(self, "kinds", kinds)

    def _layout_fits(self, layout: StrokeLayout) -> bool:
        """True if the layout names all parameters, of each kind as many as the primitive takes."""
        if sorted(name for column in layout for name in column) != sorted(self.parameters):
            return False
        points, *counts = map(len, layout)
        if self.primitive == "sweep":
            return counts[0] == points and 1 <= points <= 3 and all(1 <= n <= 2 for n in counts[1:])
        return (points, *counts) == (3, 3, 0, 1)

    def _default_kinds(self) -> tuple[Kind, ...]:
        """Kinds by the layout, else by the names of the parameters."""
        if not isinstance(self.definition, StrokeLayout):
            return tuple(map(self._kind_of, self.parameters))
        kinds: dict[str, Kind] = {}
        columns: tuple[Kind, ...] = ("x", "y", "radius", "alpha")
        for kind, column in zip(columns, self.definition, strict=True):
            kinds |= dict.fromkeys(column, kind)
            if self.primitive == "sweep" and len(column) == 3:
                kinds[column[1]] = "relative"
        return tuple(kinds[name] for name in self.parameters)

    def _kind_of(self, parameter: str) -> Kind:
        kind = PLAIN_NAMES.get(re.sub(r"[0-9]+$", "", parameter))
        if kind is None:
            raise ValueError(
                f"stroke {self.name!r}: it is not clear what {parameter!r} is; pass kinds=(...), one of "
                f"{', '.join(get_args(Kind))} for each of {', '.join(self.parameters)}"
            )
        return kind

    @property
    def dim(self) -> int:
        """Length of a stroke vector, colour included."""
        return len(self.parameters) + len(COLOUR)

    @cached_property
    def places(self) -> tuple[tuple[int, ...], ...]:
        """Indices of the layout's x, y, radius and alpha in a stroke vector."""
        assert isinstance(self.definition, StrokeLayout)
        return tuple(tuple(map(self.parameters.index, column)) for column in self.definition)

    def nodes(self, strokes: Tensor, segments: int, opacity: tuple[float, float] = (0.0, 1.0)) -> Tensor:
        """Nodes ``(..., M, 4)`` of strokes ``(..., dim)`` in [0, 1]: x, y, radius, alpha, see `definition`.

        Curves have `segments` straight segments, at least 1; alphas are mapped to the range `opacity`.
        """
        parameters = self.scale_alpha(strokes, opacity)
        define = self._interpolate if isinstance(self.definition, StrokeLayout) else self.definition
        nodes = define(parameters.reshape(-1, parameters.shape[-1]), segments)
        return nodes.reshape(*strokes.shape[:-1], *nodes.shape[1:])

    def _interpolate(self, parameters: Tensor, segments: int) -> Tensor:
        """Nodes ``(N, M, 4)`` of parameters ``(N, P)``, as the layout says."""
        numbers = parameters.unbind(-1)
        x, y, r, t = ([numbers[i] for i in column] for column in self.places)
        points = [torch.stack(point, -1).unsqueeze(-2) for point in zip(x, y, strict=True)]  # (N, 1, 2) each
        if self.primitive == "polygon":
            alpha = t[0].view(-1, 1, 1).expand(-1, len(points), 1)
            return torch.cat([torch.cat(points, -2), torch.zeros_like(alpha), alpha], -1)
        start, end, curve = points[0], points[-1], len(points) == 3
        count = segments + 1 if curve else len(points)
        s = torch.linspace(0, 1, count, dtype=parameters.dtype, device=parameters.device).unsqueeze(-1)
        if curve:
            middle = torch.lerp(start, end, points[1])
            start, end = torch.lerp(start, middle, s), torch.lerp(middle, end, s)  # de Casteljau
        first, last = (torch.stack([r[i], t[i]], -1).unsqueeze(-2) for i in (0, -1))
        thickness, alpha = torch.lerp(first, last, s).unbind(-1)
        return torch.stack([*torch.lerp(start, end, s).unbind(-1), radius(thickness), alpha], -1)

    def scale_alpha(self, strokes: Tensor, opacity: tuple[float, float]) -> Tensor:
        """Parameters ``(..., P)`` of strokes ``(..., dim)``, their alphas mapped to a range."""
        parameters = strokes[..., : len(self.parameters)]
        if opacity == (0.0, 1.0):
            return parameters
        low, high = opacity
        columns = zip(parameters.unbind(-1), self.kinds, strict=True)
        return torch.stack([x * (high - low) + low if kind == "alpha" else x for x, kind in columns], -1)

    def window_to_canvas(
        self, strokes: Tensor, x: Tensor, y: Tensor, width: Tensor, height: Tensor, side: Tensor
    ) -> Tensor:
        """Strokes ``(B, K, dim)`` in the coordinates of a square window, as strokes of the canvas.

        The window's left edge, top, width and height are ``(B,)``, in canvas widths and heights; `side` is in
        shorter canvas sides. Radii shrink with it, but not below the least.
        """
        x, y, width, height, side = (value.view(-1, 1).to(strokes) for value in (x, y, width, height, side))
        moved = list(strokes.unbind(-1))
        zero = torch.zeros_like(x)
        moves = {"x": (x, width), "y": (y, height), "width": (zero, width), "height": (zero, height)}
        for i, kind in enumerate(self.kinds):
            if kind in moves:
                start, scale = moves[kind]
                moved[i] = start + scale * moved[i]
            elif kind == "radius":
                moved[i] = thickness(side * radius(moved[i])).clamp(min=0)
        return torch.stack(moved, -1)


def check_opacity(opacity: object) -> tuple[float, float]:
    """Check that an opacity is a range in [0, 1]; else raise a `ValueError`."""
    low, high = as_pair("opacity", opacity)
    if not 0 <= low <= high <= 1:
        raise ValueError(f"opacity must be (low, high) with 0 <= low <= high <= 1, not {opacity}")
    return low, high


def radius(r: Tensor) -> Tensor:
    """Radius in shorter canvas sides, from a thickness in [0, 1]: 1/256 to 65/256."""
    return r / 4 + MIN_RADIUS


def thickness(radius: T) -> T:
    """The thickness of a radius in shorter canvas sides: the inverse of `radius`."""
    return (256 * radius - 1) / 64


BUILT_IN = (
    StrokeDesign(
        "bezier", ("x0", "y0", "x1", "y1", "x2", "y2", "r0", "t0", "r1", "t1"), "sweep",
        StrokeLayout(("x0", "x1", "x2"), ("y0", "y1", "y2"), ("r0", "r1"), ("t0", "t1")),
    ),
    StrokeDesign(
        "straight", ("x0", "y0", "x1", "y1", "r0", "t0", "r1", "t1"), "sweep",
        StrokeLayout(("x0", "x1"), ("y0", "y1"), ("r0", "r1"), ("t0", "t1")),
    ),
    StrokeDesign("circle", ("x", "y", "r", "t"), "sweep", StrokeLayout(("x",), ("y",), ("r",), ("t",))),
    StrokeDesign(
        "triangle", ("x0", "y0", "x1", "y1", "x2", "y2", "t"), "polygon",
        StrokeLayout(("x0", "x1", "x2"), ("y0", "y1", "y2"), (), ("t",)),
    ),
)  # fmt: skip
STROKES = Registry[StrokeDesign]("stroke", {design.name: design for design in BUILT_IN})


def register_stroke(design: StrokeDesign, replace: bool = False) -> None:
    """Make `design` known by its name, to `stroke=` everywhere; a `ValueError` if taken, unless `replace`."""
    STROKES.register(design.name, design, replace)


def get_stroke(stroke: str | StrokeDesign) -> StrokeDesign:
    """The design called `stroke`, else a `ValueError` with the nearest name; a design as it is."""
    if stroke == "line":  # nearest in letters is "triangle"
        raise ValueError(f"unknown stroke 'line': did you mean 'straight'? Known: {', '.join(STROKES)}")
    return stroke if isinstance(stroke, StrokeDesign) else STROKES[stroke]
