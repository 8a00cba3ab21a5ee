"""Agents from their configuration; actors and algorithms by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from agents.common.agent import Agent
from agents.common.config import AgentConfig
from agents.ddpg import DDPG
from agents.model_based_ddpg import ModelBasedDDPG
from agents.networks import ActionCritic, Actor, GlimpseActor, ResNetActor, ValueCritic
from agents.patchq_ddpg import PatchQDDPG
from paint_gym.envs.task import check_budget
from paint_gym.renderers import make_renderer
from paint_gym.rewards import RewardConfig, make_reward
from paint_gym.strokes import StrokeDesign
from paint_gym.utils.device import pick_device
from paint_gym.utils.registry import Registry


def _value_critic(config: AgentConfig, action_dim: int) -> nn.Module:
    return ValueCritic(config.critic_width, config.depth)


def _action_critic(config: AgentConfig, action_dim: int) -> nn.Module:
    return ActionCritic(action_dim, config.critic_width, config.patches, config.depth)


class Algorithm(NamedTuple):
    """The class of an agent, and the factory of its critic, by default the paper's V(s).

    Attributes:
        agent: a subclass of `Agent` with its constructor.
        critic: ``(config, length of an action)`` to the critic.
    """

    agent: type[Agent]
    critic: Callable[[AgentConfig, int], nn.Module] = _value_critic


ACTORS = Registry[Callable[[AgentConfig, StrokeDesign], Actor]](
    "actor",
    {
        "glimpse": lambda config, design: GlimpseActor(design, config.bundle, config.actor_width),
        "resnet": lambda config, design: ResNetActor(
            config.bundle * design.dim, config.actor_width, config.depth
        ),
    },
)
"""Actors by name: ``(config, design)`` to an actor of ``config.bundle`` strokes."""

ALGORITHMS = Registry[Algorithm](
    "algo",
    {
        "model-based": Algorithm(ModelBasedDDPG),
        "ddpg": Algorithm(DDPG, _action_critic),
        "patchq": Algorithm(PatchQDDPG, _action_critic),
    },
)
"""Algorithms by name."""


def build_agent(config: AgentConfig, device: str | torch.device = "auto", seed: int = 0) -> Agent:
    """A new agent with random weights.

    Args:
        config: its configuration.
        device: where it is.
        seed: of the reward's weights; those of actor and critic come from torch's global generator.

    Raises:
        ValueError: an unknown name, or settings that do not go together.
    """
    check_budget(config.max_strokes, config.bundle)
    place = pick_device(device)
    renderer = make_renderer(config.renderer, config.stroke, config.opacity)
    algorithm, action_dim = ALGORITHMS[config.algo], config.bundle * renderer.design.dim
    actor = ACTORS[config.actor](config, renderer.design).to(place)
    critic = algorithm.critic(config, action_dim).to(place)
    settings = RewardConfig(
        config.patches, config.discriminator_width, config.discriminator_lr, config.discriminator_tau,
        online=False, seed=seed,
    )  # fmt: skip
    reward = make_reward(config.reward, place, settings)
    steps = config.max_strokes // config.bundle
    return algorithm.agent(actor, critic, renderer, reward, steps, config.bundle, config.learning)
