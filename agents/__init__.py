"""Agents that learn to paint: model-based DDPG, DDPG and PatchQ-DDPG, and what trains and stores them."""

import agents.cli.threads  # noqa: F401  before torch
from agents.checkpoint import load, save_agent
from agents.common.agent import Agent
from agents.common.config import AgentConfig, AlgorithmConfig, TrainConfig
from agents.common.optim import TrainingDivergedError
from agents.ddpg import DDPG
from agents.factory import ACTORS, ALGORITHMS, Algorithm, build_agent
from agents.model_based_ddpg import ModelBasedDDPG
from agents.networks.actor import Actor
from agents.painting.paint import paint
from agents.painting.refinement import refine
from agents.patchq_ddpg import PatchQDDPG
from agents.training.presets import PRESETS
from agents.training.trainer import Trainer

__all__ = [
    "ACTORS",
    "ALGORITHMS",
    "DDPG",
    "PRESETS",
    "Actor",
    "Agent",
    "AgentConfig",
    "Algorithm",
    "AlgorithmConfig",
    "ModelBasedDDPG",
    "PatchQDDPG",
    "TrainConfig",
    "Trainer",
    "TrainingDivergedError",
    "build_agent",
    "load",
    "paint",
    "refine",
    "save_agent",
]
