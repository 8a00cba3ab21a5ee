"""Agents that learn to paint: model-based DDPG, DDPG, PatchQ-DDPG, and what trains and stores them."""

from agents.checkpoint import AgentSpec, build_agent, load, save_agent
from agents.common.agent import Agent, Diverged, Learning
from agents.ddpg import DDPG
from agents.model_based_ddpg import ModelBasedDDPG
from agents.painter import paint
from agents.patchq_ddpg import PatchQDDPG
from agents.refinement import refine
from agents.training.trainer import PRESETS, TrainConfig, Trainer

__all__ = [
    "DDPG",
    "PRESETS",
    "Agent",
    "AgentSpec",
    "Diverged",
    "Learning",
    "ModelBasedDDPG",
    "PatchQDDPG",
    "TrainConfig",
    "Trainer",
    "build_agent",
    "load",
    "paint",
    "refine",
    "save_agent",
]
