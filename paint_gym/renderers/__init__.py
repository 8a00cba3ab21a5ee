"""Renderers: stroke parameters to coverage, and strokes onto canvases."""

from __future__ import annotations

from collections.abc import Callable

from paint_gym.renderers.analytic import AnalyticRenderer
from paint_gym.renderers.base import Renderer, Size, check_strokes, composite
from paint_gym.renderers.neural import NeuralRenderer
from paint_gym.renderers.raster import RasterRenderer
from paint_gym.strokes import StrokeDesign, get_stroke
from paint_gym.utils.errors import unknown_name

__all__ = ["Renderer", "Size", "check_strokes", "composite", "make_renderer", "renderer_names"]

_RENDERERS: dict[str, Callable[[StrokeDesign, tuple[float, float]], Renderer]] = {
    "analytic": AnalyticRenderer,
    "neural": NeuralRenderer,
    "raster": RasterRenderer,
}


def renderer_names() -> list[str]:
    """Names of all renderers."""
    return sorted(_RENDERERS)


def make_renderer(
    name: str = "analytic", stroke: str | StrokeDesign = "bezier", opacity: tuple[float, float] = (0.0, 1.0)
) -> Renderer:
    """A renderer by name.

    Args:
        name: ``"analytic"`` (differentiable, fast, any size), ``"raster"`` (the ground truth), ``"neural"``
            (a network, 128 px), or ``"neural:"`` and a file of ``paint-gym train-renderer``.
        stroke: a design or the name of one.
        opacity: the range in [0, 1] that transparencies are mapped to; ``(1, 1)`` is opaque paint.

    Raises:
        ValueError: an unknown name (the nearest is suggested), or an opacity that is not a range in [0, 1].

    >>> import torch
    >>> coverage = make_renderer("analytic", stroke="circle")(torch.rand(8, 7), 64)
    >>> coverage.shape
    torch.Size([8, 64, 64])
    """
    kind, _, weights = name.partition(":")
    if kind not in _RENDERERS or (weights and kind != "neural"):
        raise unknown_name("renderer", name, _RENDERERS)
    low, high = (float(value) for value in opacity)
    if not 0 <= low <= high <= 1:
        raise ValueError(f"opacity must be (low, high) with 0 <= low <= high <= 1, not {opacity}")
    design = get_stroke(stroke) if isinstance(stroke, str) else stroke
    if weights:
        return NeuralRenderer(design, (low, high), weights)
    return _RENDERERS[kind](design, (low, high))
