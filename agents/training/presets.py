"""Presets of training runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from agents.common.config import AgentConfig, AlgorithmConfig, TrainConfig

Preset = Literal["smoke", "cpu", "paper"]

PRESETS: dict[str, TrainConfig] = {
    "smoke": TrainConfig(
        agent=AgentConfig(actor_width=8, critic_width=8, discriminator_width=4, max_strokes=20),
        size=32, updates=40, batch=8, num_envs=8, episodes=16, eval_every=20, eval_images=4,
    ),
    "cpu": TrainConfig(
        agent=AgentConfig(
            max_strokes=400,
            learning=AlgorithmConfig(
                actor_lr=1e-3, actor_lr_late=0.0, critic_lr=1e-3, critic_lr_late=0.0, schedule="cosine",
                gamma=0.0, normalize_by_error=True, augment=True,
            ),
        ),
        num_envs=32, episodes=96, updates_per_step=4,
    ),
    "paper": TrainConfig(
        agent=AgentConfig(
            actor="resnet", actor_width=64, critic_width=64, reward="wgan", discriminator_lr=1e-4,
            discriminator_tau=0.001,
        ),
        dataset="celeba", updates=200_000, batch=96, num_envs=96, episodes=800, updates_per_step=1,
        eval_every=2000,
    ),
}  # fmt: skip
"""smoke: seconds; cpu: learns fastest on two cores; paper: Tables 1 and 2, with our renderer."""

MODEL_FREE = AlgorithmConfig()
"""How model-free algorithms learn with preset cpu: as in Table 1. Its own rates are for gradients through the
renderer, and with its gamma of 0 their critics would see one step ahead."""


def preset_for(name: Preset, algo: str = "model-based") -> TrainConfig:
    """A preset's settings for an algorithm.

    Args:
        name: of the preset.
        algo: of the algorithm; any other than ``"model-based"`` is taken for model-free.
    """
    config = PRESETS[name]
    if name != "cpu" or algo == config.agent.algo:
        return replace(config, agent=replace(config.agent, algo=algo))
    agent = replace(config.agent, algo=algo, learning=MODEL_FREE)
    return replace(config, agent=agent, updates_per_step=1)
