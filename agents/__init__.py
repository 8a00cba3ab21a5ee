"""Agents that learn to paint: model-based DDPG, DDPG, PatchQ-DDPG, and policies that paint pictures."""

import agents.cli.threads  # noqa: F401  before torch
from agents.checkpoint import load, save_agent
from agents.common.agent import Agent
from agents.common.config import AgentConfig, LearningConfig, TrainConfig
from agents.common.optim import TrainingDivergedError
from agents.ddpg import DDPG
from agents.factory import ACTORS, ALGORITHMS, Algorithm, build_agent
from agents.imitation import Imitation
from agents.model_based_ddpg import ModelBasedDDPG
from agents.networks.actor import Actor
from agents.painting.evaluation import evaluate
from agents.painting.options import PaintOptions
from agents.painting.paint import paint
from agents.painting.photo import paint_photo
from agents.painting.policy import PaintingPolicy
from agents.painting.refinement import refine
from agents.patchq_ddpg import PatchQDDPG
from agents.training.presets import PRESETS
from agents.training.trainer import Trainer

__all__ = [
    "ACTORS", "ALGORITHMS", "DDPG", "PRESETS", "Actor", "Agent", "AgentConfig", "Algorithm", "Imitation",
    "LearningConfig", "ModelBasedDDPG", "PaintOptions", "PaintingPolicy", "PatchQDDPG", "TrainConfig",
    "Trainer", "TrainingDivergedError", "build_agent", "evaluate", "load", "paint", "paint_photo",
    "refine", "save_agent",
]  # fmt: skip
