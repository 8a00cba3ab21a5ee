"""Paintings as SVG: filled shapes, or centre lines for a pen plotter."""

from paint_gym.painting.svg.paper import Paper

__all__ = ["Paper"]
