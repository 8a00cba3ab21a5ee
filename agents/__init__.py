"""Agents that learn to paint: model-based DDPG, DDPG, PatchQ-DDPG, and what trains and stores them."""

from agents.checkpoint import AgentSpec, build_agent, load, save_agent
from agents.ddpg import DDPG
from agents.evaluation import paint
from agents.learning import Agent, Diverged, Learning
from agents.model_based_ddpg import ModelBasedDDPG
from agents.patchq_ddpg import PatchQDDPG
from agents.refine import refine
from agents.training import PRESETS, TrainConfig, Trainer

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
