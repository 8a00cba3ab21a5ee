"""The analytic renderer: one definition of coverage, and the backends that compute it."""

from paint_gym.renderers.analytic.renderer import AnalyticRenderer

__all__ = ["AnalyticRenderer"]
