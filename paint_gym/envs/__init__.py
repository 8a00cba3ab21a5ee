"""Gymnasium environments: one canvas, and many at once."""

from paint_gym.envs.single import PaintCanvasEnv
from paint_gym.envs.task import PaintTask
from paint_gym.envs.vector import PaintCanvasVectorEnv

__all__ = ["PaintCanvasEnv", "PaintCanvasVectorEnv", "PaintTask"]
