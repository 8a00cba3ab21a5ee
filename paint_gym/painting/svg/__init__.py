"""Paintings as SVG: filled shapes, or centre lines for a pen plotter."""

from paint_gym.painting.svg.paper import Paper
from paint_gym.painting.svg.writer import SEGMENTS, shapes, view_box

__all__ = ["SEGMENTS", "Paper", "shapes", "view_box"]
