"""Presets of training runs."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Literal

from agents.common.config import AgentConfig, TrainConfig
from agents.factory import ALGORITHMS
from agents.model_based_ddpg import ModelBasedDDPG

Preset = Literal["smoke", "cpu", "paper"]

PRESETS: dict[str, TrainConfig] = {
    "smoke": TrainConfig(
        agent=AgentConfig(
            actor_width=8, critic_width=8, discriminator_width=4, max_strokes=20,
            learning=ModelBasedDDPG.Config(),
        ),
        size=32, updates=40, batch=8, num_envs=8, episodes=16, eval_every=20, eval_images=4,
    ),
    "cpu": TrainConfig(
        agent=AgentConfig(
            max_strokes=400,
            learning=ModelBasedDDPG.Config(
                actor_lr=1e-3, actor_lr_late=0.0, critic_lr=1e-3, critic_lr_late=0.0, schedule="cosine",
                gamma=0.0, normalize_by_error=True, augment=True,
            ),
        ),
        num_envs=32, episodes=96, updates_per_step=4,
    ),
    "paper": TrainConfig(
        agent=AgentConfig(
            actor="resnet", actor_width=64, critic_width=64, reward="wgan", discriminator_lr=1e-4,
            discriminator_tau=0.001, learning=ModelBasedDDPG.Config(),
        ),
        dataset="celeba", updates=200_000, batch=96, num_envs=96, episodes=800, updates_per_step=1,
        eval_every=2000,
    ),
}  # fmt: skip
"""smoke: seconds; cpu: learns fastest on two cores; paper: Tables 1 and 2, with our renderer."""


def preset_for(name: Preset, algo: str = "model-based") -> TrainConfig:
    """Settings of a preset for an algorithm.

    With preset cpu, algorithms that do not use the model learn as in Table 1: the rates of the preset are
    for gradients through the renderer, and with its gamma of 0 a critic would see one step ahead.

    Raises:
        ValueError: an unknown algorithm.
    """
    config, agent = PRESETS[name], ALGORITHMS[algo].agent
    known = {field.name for field in fields(agent.Config)}
    rates = {key: value for key, value in asdict(config.agent.learning).items() if key in known}
    learning = agent.Config(**rates) if agent.uses_model else agent.Config()
    updates_per_step = config.updates_per_step if agent.uses_model or name != "cpu" else 1
    agent_config = replace(config.agent, algo=algo, learning=learning)
    return replace(config, agent=agent_config, updates_per_step=updates_per_step)
