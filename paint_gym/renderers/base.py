"""The base class of renderers, and compositing."""

from __future__ import annotations

from torch import Tensor

from paint_gym.strokes import COLOUR, StrokeDesign
from paint_gym.utils.images import check_finite, crop

Size = int | tuple[int, int]


class Renderer:
    """Turns stroke vectors into paint. A subclass implements `__call__`; the rest has defaults.

    Args:
        design: the stroke design it paints.
        opacity: the range in [0, 1] that alphas are mapped to.

    Attributes:
        name: the name that `renderer=` takes.
        differentiable: whether gradients flow from the canvas to the strokes.
        side: side in pixels of the only canvas that it paints, a square; None if it paints any size.
    """

    name: str = "renderer"
    differentiable: bool = False
    side: int | None = None

    def __init__(self, design: StrokeDesign, opacity: tuple[float, float] = (0.0, 1.0)) -> None:
        self.design, self.opacity = design, opacity

    def __call__(self, strokes: Tensor, size: Size) -> Tensor:
        """Coverage ``(N, H, W)`` in [0, 1] of strokes ``(N, stroke_dim)``; their colour is ignored."""
        raise NotImplementedError

    def paint(self, canvas: Tensor, strokes: Tensor) -> Tensor:
        """A new canvas ``(B, 3, H, W)``: `canvas` after strokes ``(B, K, stroke_dim)``, in order.

        A batch of one, of canvases or of strokes, is broadcast to the other's batch. By default stroke by
        stroke, in the canvas's dtype.

        Raises:
            ValueError: shapes that do not go together.
        """
        canvas, strokes = match_batches(canvas, strokes)
        if not strokes.shape[1]:
            return canvas.clone()
        colours = colours_of(strokes).to(canvas.dtype)
        for k in range(strokes.shape[1]):
            alpha = self(strokes[:, k], (canvas.shape[-2], canvas.shape[-1]))
            canvas = composite(canvas, alpha.to(canvas.dtype), colours[:, k])
        return canvas

    def paint_part(self, part: Tensor, strokes: Tensor, top: Tensor, left: Tensor, size: Size) -> Tensor:
        """A part of each canvas after strokes; by default cut out of the whole coverage.

        Args:
            part: ``(B, 3, h, w)``, cut out of the canvases.
            strokes: ``(B, K, stroke_dim)``, in the coordinates of the whole canvases.
            top: ``(B,)`` int64, where the parts begin, in pixels.
            left: ``(B,)`` int64.
            size: of the whole canvases.

        Raises:
            ValueError: shapes that do not go together.
        """
        part, strokes = match_batches(part, strokes)
        check_places(part, top, left)
        colours, shape = colours_of(strokes).to(part.dtype), (part.shape[-2], part.shape[-1])
        for k in range(strokes.shape[1]):
            alpha = crop(self(strokes[:, k], size).unsqueeze(1), top, left, shape).squeeze(1)
            part = composite(part, alpha.to(part.dtype), colours[:, k])
        return part


def match_batches(canvas: Tensor, strokes: Tensor) -> tuple[Tensor, Tensor]:
    """Canvases ``(B, C, H, W)`` and strokes ``(B, K, stroke_dim)``; a batch of one is broadcast.

    Raises:
        ValueError: other shapes, or two batch sizes of which none is 1.
    """
    if canvas.ndim != 4 or strokes.ndim != 3:
        shapes = f"{tuple(canvas.shape)} and {tuple(strokes.shape)}"
        raise ValueError(f"painting takes canvases (B, 3, H, W) and strokes (B, K, stroke_dim), not {shapes}")
    if len(canvas) == len(strokes):
        return canvas, strokes
    if 1 not in (len(canvas), len(strokes)):
        numbers = f"{len(canvas)} canvases, but strokes for {len(strokes)}"
        raise ValueError(f"{numbers}: the numbers must be equal, or one of them 1")
    batch = len(canvas) * len(strokes)  # one of them is 1
    return canvas.expand(batch, *canvas.shape[1:]), strokes.expand(batch, *strokes.shape[1:])


def check_places(part: Tensor, top: Tensor, left: Tensor) -> None:
    """Raise a `ValueError` unless there is a `top` and a `left` ``(B,)`` for each part ``(B, C, h, w)``."""
    if top.shape != part.shape[:1] or left.shape != part.shape[:1]:
        shapes = f"{tuple(top.shape)} and {tuple(left.shape)}"
        raise ValueError(f"top and left must be ({len(part)},), a place for each part; got {shapes}")


def height_width(size: Size) -> tuple[int, int]:
    """A side, or (height, width), as (height, width) in pixels; a `ValueError` for sides below 1."""
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        raise ValueError(f"size must be at least 1 pixel a side, not {size}")
    return int(height), int(width)


def check_size(renderer: Renderer, size: Size) -> None:
    """Raise a `ValueError` if a renderer does not paint canvases of this size."""
    if renderer.side is not None and height_width(size) != (renderer.side, renderer.side):
        raise ValueError(
            f"the {renderer.name} renderer paints {renderer.side} x {renderer.side} pixels, not {size}; "
            'for other sizes take renderer="analytic"'
        )


def check_strokes(strokes: Tensor, design: StrokeDesign) -> None:
    """Raise a `ValueError` for strokes of the wrong length, or with NaN or inf."""
    if strokes.shape[-1] != design.dim:
        shape = tuple(strokes.shape)
        raise ValueError(f"a {design.name} stroke has {design.dim} numbers, but strokes are {shape}")
    check_finite(strokes, f"{design.name} strokes hold NaN or inf; every number must be finite")


def colours_of(strokes: Tensor) -> Tensor:
    """R, G, B of strokes: ``(..., stroke_dim)`` -> ``(..., 3)``."""
    return strokes[..., -len(COLOUR) :]


def composite(canvas: Tensor, alpha: Tensor, colour: Tensor) -> Tensor:
    """Paint a colour ``(B, 3)``, of alpha ``(B, H, W)`` in [0, 1], over a canvas ``(B, 3, H, W)``."""
    return canvas + alpha.unsqueeze(1) * (colour[:, :, None, None] - canvas)
