"""Agents from their configuration; actors and algorithms by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
from paint_gym.strokes import StrokeDesign, get_stroke
from paint_gym.utils.device import pick_device
from paint_gym.utils.registry import Registry
from paint_gym.utils.serialization import StateDict, check_fit, fill


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


def build_actor(config: AgentConfig) -> Actor:
    """A new actor with random weights, on torch's default device.

    Raises:
        ValueError: an unknown name, or settings that do not go together.
    """
    design = get_stroke(config.stroke)
    return ACTORS[config.actor](config, design)


def build_painter(config: AgentConfig, weights: StateDict, device: str | torch.device = "auto") -> Agent:
    """An agent that can paint, with the weights of an actor: without critic, and with the reward l2.

    Args:
        config: its configuration.
        weights: of the actor, by name; compared with what the configuration says before memory is taken.
        device: where it is.

    Raises:
        ValueError: an unknown name, settings that do not go together, or weights that do not fit.
    """
    try:
        with torch.device("meta"):
            own = build_actor(config).state_dict()
    except RuntimeError:
        pass  # an actor of somebody's own, which computes while it is built; `fill` compares
    else:
        check_fit(own, weights)
    learning = replace(config.learning, compile=False)  # it takes longer than to paint
    agent = _build(replace(config, reward="l2", learning=learning), nn.Identity(), device, seed=0)
    fill(agent.actor, weights)
    return agent


def build_agent(config: AgentConfig, device: str | torch.device = "auto", seed: int = 0) -> Agent:
    """A new agent with random weights.

    Args:
        config: its configuration.
        device: where it is.
        seed: of the reward's weights; those of actor and critic come from torch's global generator.

    Raises:
        ValueError: an unknown name, or settings that do not go together.
    """
    return _build(config, None, device, seed)


def _build(config: AgentConfig, critic: nn.Module | None, device: str | torch.device, seed: int) -> Agent:
    """An agent; with the critic of its algorithm, if none is given."""
    check_budget(config.max_strokes, config.bundle)
    place = pick_device(device)
    renderer = make_renderer(config.renderer, config.stroke, config.opacity)
    algorithm, action_dim = ALGORITHMS[config.algo], config.bundle * renderer.design.dim
    actor = build_actor(config).to(place)
    critic = algorithm.critic(config, action_dim).to(place) if critic is None else critic
    settings = RewardConfig(
        config.patches, config.discriminator_width, config.discriminator_lr, config.discriminator_tau,
        online=False, seed=seed,
    )  # fmt: skip
    reward = make_reward(config.reward, place, settings)
    steps = config.max_strokes // config.bundle
    return algorithm.agent(actor, critic, renderer, reward, steps, config.bundle, config.learning)
