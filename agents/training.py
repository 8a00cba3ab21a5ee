"""The training loop: the environment fills the replay, the agent learns from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from agents.model_based_ddpg import ModelBasedDDPG
from agents.replay import Replay, mirrored
from paint_gym.envs import PaintCanvasVectorEnv


@dataclass(frozen=True)
class LoopConfig:
    """How long and on what an agent learns."""

    updates: int = 1000
    """Steps of gradient."""
    batch: int = 64
    """States per update."""
    replay: int = 4000
    """States kept."""
    updates_per_step: int = 2
    """Updates for each step of the environments."""
    augment: bool = True
    """Turn, mirror and recolour the states of a batch."""
    seed: int = 0
    """Of the pictures, the batches and the actor's exploration."""


def train(
    agent: ModelBasedDDPG,
    env: PaintCanvasVectorEnv,
    config: LoopConfig,
    on_update: Callable[[int, dict[str, float]], None] | None = None,
) -> None:
    """Train an agent; the learning rates fall to 0 along a cosine.

    Args:
        agent: who learns.
        env: vector environment with ``array="torch"``.
        config: see `LoopConfig`.
        on_update: called with the number of updates done and the metrics of the last.
    """
    torch.manual_seed(config.seed)
    draw = torch.Generator().manual_seed(config.seed)
    replay = Replay(config.replay, env.task.dataset, env.task.device)
    env.reset(seed=config.seed)
    optimizers = (agent.actor_optimizer, agent.critic_optimizer)
    full_rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    for update in range(config.updates):
        if update % config.updates_per_step == 0:
            replay.add(env.state.canvas, torch.from_numpy(env.index), env.state.step)
            env.step(agent.act(env.state))
        share = 0.5 * (1 + math.cos(math.pi * update / config.updates))
        for optimizer, rate in zip(optimizers, full_rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate * share
        batch = replay.sample(config.batch, draw)
        metrics = agent.update(mirrored(batch, draw) if config.augment else batch)
        if on_update is not None:
            on_update(update + 1, metrics)
