"""Constraints on strokes: colours of a palette, and radii within limits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.painting.palette import as_palette, nearest_colours
from paint_gym.strokes import COLOUR, MAX_RADIUS, MIN_RADIUS, StrokeDesign, thickness


@dataclass(frozen=True, eq=False)
class StrokeConstraints:
    """Projection of strokes to the nearest that are allowed; gradients pass straight through.

    Attributes:
        design: design of the strokes.
        palette: colours ``(K, 3)`` in [0, 1]; None for any.
        radii: least and greatest radius, in shorter canvas sides; None for any.

    Raises:
        ValueError: not a palette, or radii that no stroke can have.
    """

    design: StrokeDesign
    palette: Tensor | None = None
    radii: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.palette is not None:
            object.__setattr__(self, "palette", as_palette(self.palette))
        low, high = self.radii or (MIN_RADIUS, MAX_RADIUS)
        if not 0 <= low <= high or low > MAX_RADIUS or high < MIN_RADIUS:
            limits = f"in shorter canvas sides, within 1/256 to {MAX_RADIUS:.3f}"
            raise ValueError(f"radii must be least and greatest {limits}, not {self.radii}")

    @torch.no_grad()
    def nearest(self, strokes: Tensor) -> Tensor:
        """The nearest strokes ``(..., stroke_dim)`` that are allowed."""
        columns = list(strokes.unbind(-1))
        if self.radii is not None:
            low, high = (min(1.0, max(0.0, thickness(radius))) for radius in self.radii)
            for i, kind in enumerate(self.design.kinds):
                if kind == "radius":
                    columns[i] = columns[i].clamp(low, high)
        columns[-len(COLOUR) :] = self.nearest_colour(strokes[..., -len(COLOUR) :]).unbind(-1)
        return torch.stack(columns, -1)

    def nearest_colour(self, colours: Tensor) -> Tensor:
        """The nearest colours ``(..., 3)`` that are allowed."""
        return colours if self.palette is None else nearest_colours(colours, self.palette.to(colours))

    def __call__(self, strokes: Tensor) -> Tensor:
        """`nearest`, with the gradient of the identity."""
        if self.palette is None and self.radii is None:
            return strokes
        nearest = self.nearest(strokes)
        return strokes + (nearest - strokes).detach() if strokes.requires_grad else nearest
