"""Agents that learn to paint: model-based DDPG, and what trains, scores and stores it."""

from agents.checkpoint import AgentSpec, build_agent, load, save_agent
from agents.evaluation import paint
from agents.model_based_ddpg import ModelBasedConfig, ModelBasedDDPG

__all__ = ["AgentSpec", "ModelBasedConfig", "ModelBasedDDPG", "build_agent", "load", "paint", "save_agent"]
