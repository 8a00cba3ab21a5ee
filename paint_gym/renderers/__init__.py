"""Renderers: stroke parameters to coverage, and strokes onto canvases."""

from __future__ import annotations

from collections.abc import Callable

from paint_gym.renderers.analytic import AnalyticRenderer
from paint_gym.renderers.base import Renderer, Size, composite
from paint_gym.renderers.neural import NeuralRenderer
from paint_gym.renderers.raster import RasterRenderer
from paint_gym.strokes import StrokeDesign, check_opacity, get_stroke
from paint_gym.utils.device import allow_forks
from paint_gym.utils.errors import unknown_name
from paint_gym.utils.registry import Registry

__all__ = ["RENDERERS", "Renderer", "Size", "composite", "make_renderer"]

RENDERERS = Registry[Callable[[StrokeDesign, tuple[float, float]], Renderer]](
    "renderer", {"analytic": AnalyticRenderer, "neural": NeuralRenderer, "raster": RasterRenderer}
)
"""Renderers by name; each entry makes one of ``(design, opacity)``."""


def make_renderer(
    renderer: str | Renderer = "analytic",
    stroke: str | StrokeDesign = "bezier",
    opacity: tuple[float, float] = (0.0, 1.0),
) -> Renderer:
    """A renderer by name; a `Renderer` is returned as it is, with the design and opacity that it has.

    Args:
        renderer: ``"analytic"`` (differentiable, fast, any size), ``"raster"`` (the ground truth),
            ``"neural"`` (a network, 128 px), ``"neural:"`` and a file of ``paint-gym train-renderer``, or any
            other name in `RENDERERS`.
        stroke: a design or the name of one.
        opacity: the range in [0, 1] that alphas are mapped to; ``(1, 1)`` is opaque paint.

    Raises:
        TypeError: neither a name nor a `Renderer`.
        ValueError: an unknown name (the nearest is suggested), or an opacity that is not a range in [0, 1].

    >>> import torch
    >>> coverage = make_renderer("analytic", stroke="circle")(torch.rand(8, 7), 64)
    >>> coverage.shape
    torch.Size([8, 64, 64])
    """
    allow_forks()
    if isinstance(renderer, Renderer):
        return renderer
    if not isinstance(renderer, str):
        raise TypeError(f"a renderer is a name or a Renderer, not {renderer!r}")
    name, _, weights = renderer.partition(":")
    if weights and name != "neural":
        raise unknown_name("renderer", renderer, RENDERERS)
    factory = RENDERERS[name]
    design, opacity = get_stroke(stroke), check_opacity(opacity)
    return NeuralRenderer(design, opacity, weights) if weights else factory(design, opacity)
