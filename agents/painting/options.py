"""Options of a painting: what it starts from, which strokes it may have, and where errors count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from paint_gym.painting import Painting

CANVAS = 256
"""Shorter side in pixels of the canvases that agents paint on: they paint larger ones worse, and slower."""


@dataclass(frozen=True)
class Quality:
    """The numbers that decide about quality and time: strokes, iterations of refinement, canvas, colours."""

    strokes: int
    refine: int
    canvas: int = CANVAS
    colour_steps: int = 0


QUALITIES = {
    "draft": Quality(500, 0, colour_steps=5),
    "normal": Quality(1000, 170),
    "fine": Quality(1500, 200, canvas=512),
}
PLOTTER_STROKES = 2000  # of a sheet; fewer leave much of it white
OnL2 = Callable[[float], object] | None
OnStrokes = Callable[[Tensor], object] | None
Background = Sequence[float] | Literal["auto"] | None
"""R, G, B in [0, 1]; "auto" for the mean colour of each picture; None for a transparent layer."""


@dataclass(frozen=True, eq=False)
class PaintOptions:
    """Options that `agents.paint` and `agents.refine` share.

    Attributes:
        background: colour of the fresh canvas; "auto" is the mean colour of each picture, with a palette the
            nearest in it; None is a transparent layer, which agents see as white.
        palette: the only colours of strokes, ``(K, 3)`` in [0, 1]; None for any.
        radii: least and greatest radius of a stroke, in shorter canvas sides; None for any.
        weight: weight of each pixel's error, ``(H, W)`` or ``(B, H, W)``, at least 0 and not 0 everywhere;
            l2 is then the weighted mean.
        canvas: greatest shorter side in pixels of the canvas that is painted on; None for that of the
            picture. Refinement takes the picture as it is.
        init: paintings to go on with, one for each picture, in its aspect, with the policy's design and
            opacity, all with the same number of strokes. Their background stays.
        canvas_image: pictures of the canvases before the first stroke, shaped as the targets, in place of a
            background. The paintings are the strokes to be added, on a transparent layer.
        alpha: opacity of the picture, ``(H, W)`` or ``(B, H, W)`` in [0, 1], for refinement without a
            background; the target is then the picture on white. Its transparent parts stay transparent.
        until: l2 in [0, 1] of the worst painting at which refinement ends.
        colour_steps: steps of conjugate gradients on the colours of a painting when its last stroke is done;
            with a palette or `init` there are none. Five bring .4 dB, and nothing after refinement.
    """

    background: Background = (0.0, 0.0, 0.0)
    palette: Tensor | None = None
    radii: tuple[float, float] | None = None
    weight: Tensor | None = None
    canvas: int | None = CANVAS
    init: Sequence[Painting] | None = None
    canvas_image: Tensor | None = None
    alpha: Tensor | None = None
    until: float = 0.0
    colour_steps: int = 0
