"""Paint Gym: reinforcement learning that paints.

>>> import gymnasium as gym, paint_gym
>>> env = gym.make("PaintCanvas-v0", size=32, max_strokes=10)
>>> observation, info = env.reset(seed=0)
>>> observation.shape
(7, 32, 32)
"""

import gymnasium

from paint_gym.canvas import CanvasState, model_step
from paint_gym.datasets import load_dataset, register_dataset
from paint_gym.envs import PaintCanvasEnv, PaintCanvasVectorEnv
from paint_gym.painting import Painting
from paint_gym.renderers import RENDERERS, Renderer, make_renderer
from paint_gym.rewards import REWARDS, L2Reward, Reward, WGANReward
from paint_gym.strokes import StrokeDesign, register_stroke

__version__ = "0.1.0"
__all__ = [
    "RENDERERS",
    "REWARDS",
    "CanvasState",
    "L2Reward",
    "PaintCanvasEnv",
    "PaintCanvasVectorEnv",
    "Painting",
    "Renderer",
    "Reward",
    "StrokeDesign",
    "WGANReward",
    "load_dataset",
    "make_renderer",
    "model_step",
    "register_dataset",
    "register_stroke",
]

gymnasium.register(
    id="PaintCanvas-v0",
    entry_point="paint_gym.envs:PaintCanvasEnv",
    vector_entry_point="paint_gym.envs:PaintCanvasVectorEnv",
)

# for clients that take an id and nothing else
gymnasium.register(
    id="PaintCanvasFlat-v0",
    entry_point="paint_gym.envs:PaintCanvasEnv",
    kwargs={"size": 32, "max_strokes": 20, "observation": "float", "action_range": (-1, 1)},
    additional_wrappers=(gymnasium.wrappers.FlattenObservation.wrapper_spec(),),
)
# for debugging: an episode is two steps of a few milliseconds
gymnasium.register(
    id="PaintCanvasTiny-v0",
    entry_point="paint_gym.envs:PaintCanvasEnv",
    vector_entry_point="paint_gym.envs:PaintCanvasVectorEnv",
    kwargs={"size": 16, "max_strokes": 4, "bundle": 2},
)
