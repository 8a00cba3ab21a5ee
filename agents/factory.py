"""Agents and policies from their configuration; actors and algorithms by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, NamedTuple

import torch
from torch import nn

from agents.common.agent import Agent
from agents.common.config import AgentConfig
from agents.ddpg import DDPG
from agents.imitation import Imitation
from agents.model_based_ddpg import ModelBasedDDPG
from agents.networks import ActionCritic, Actor, GlimpseActor, ResNetActor, ValueCritic
from agents.painting.policy import PaintingPolicy
from agents.patchq_ddpg import PatchQDDPG
from paint_gym.envs.task import check_budget
from paint_gym.renderers import make_renderer
from paint_gym.rewards import RewardConfig, make_reward
from paint_gym.strokes import StrokeDesign, get_stroke
from paint_gym.utils.device import has_bf16, pick_device
from paint_gym.utils.networks import set_layout
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
        critic: ``(config, length of an action)`` to the critic; None for an algorithm without.
    """

    agent: type[Agent]
    critic: Callable[[AgentConfig, int], nn.Module] | None = _value_critic


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
        "imitation": Algorithm(Imitation, None),
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
    return ACTORS[config.actor](config, get_stroke(config.stroke))


def build_agent(config: AgentConfig, device: str | torch.device = "auto", seed: int = 0) -> Agent:
    """A new agent with random weights.

    Args:
        config: its configuration.
        device: device of its networks.
        seed: seed of the reward's weights; those of actor and critic come from torch's global generator.

    Raises:
        ValueError: an unknown name, or settings that do not go together.
    """
    check_budget(config.max_strokes, config.bundle)
    device = pick_device(device)
    renderer = make_renderer(config.renderer, config.stroke, config.opacity)
    algorithm, action_dim = ALGORITHMS[config.algo], config.bundle * renderer.design.dim
    actor = build_actor(config).to(device)
    critic = algorithm.critic(config, action_dim).to(device) if algorithm.critic else None
    settings = RewardConfig(
        config.patches, config.discriminator_width, config.discriminator_lr, config.discriminator_tau,
        online=False, seed=seed,
    )  # fmt: skip
    reward = make_reward(config.reward, device, settings)
    steps = config.max_strokes // config.bundle
    return algorithm.agent(actor, critic, renderer, reward, steps, config.bundle, config.learning)


def policy_settings(config: AgentConfig) -> dict[str, int]:
    """Lookahead and plan of an agent's policy; none for an algorithm that does not use the model."""
    if not ALGORITHMS[config.algo].agent.uses_model:
        return {"lookahead": 0, "plan": 0}
    return {"lookahead": config.lookahead, "plan": config.plan}


def build_policy(
    config: AgentConfig, weights: StateDict, device: str | torch.device = "auto", **changes: Any
) -> PaintingPolicy:
    """A policy with the weights of an actor.

    Args:
        config: the configuration of its agent.
        weights: of the actor, by name; compared with the configuration before memory is taken.
        device: device to paint on.
        changes: attributes of `PaintingPolicy`, in place of the agent's own.

    Raises:
        ValueError: an unknown name, settings that do not go together, or weights that do not fit.
    """
    check_budget(config.max_strokes, config.bundle)
    try:
        with torch.device("meta"):
            expected = build_actor(config).state_dict()
    except RuntimeError:
        pass  # an actor of a user's own, which computes while it is built; `fill` compares
    else:
        check_fit(expected, weights)
    device = pick_device(device)
    actor = build_actor(config).to(device)
    set_layout(actor, config.learning.channels_last)
    fill(actor, weights)
    bf16 = has_bf16(device) if config.learning.bf16 is None else config.learning.bf16
    renderer = make_renderer(config.renderer, config.stroke, config.opacity)
    settings: dict[str, Any] = {"bf16": bf16, "renderer": renderer} | policy_settings(config) | changes
    return PaintingPolicy(actor, bundle=config.bundle, steps=config.max_strokes // config.bundle, **settings)


def agent_config_from_dict(values: Any) -> AgentConfig:
    """The `AgentConfig` that `dataclasses.asdict` turned into plain values.

    Raises:
        ValueError: not the values of an `AgentConfig`.
    """
    if not isinstance(values, dict) or not isinstance(values.get("learning", {}), dict):
        raise ValueError("this is not an agent of Paint Gym")
    values = _upgraded(values)
    learning = ALGORITHMS[values.get("algo", "model-based")].agent.Config
    opacity = values.get("opacity", (0.0, 1.0))
    opacity = tuple(opacity) if isinstance(opacity, list) else opacity
    try:
        settings = learning(**values.get("learning", {}))
        return AgentConfig(**{**values, "learning": settings, "opacity": opacity})
    except TypeError as error:
        raise ValueError(f"settings that this Paint Gym does not know: {error}") from error


def _upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """Settings as they were saved while all algorithms had one class of settings."""
    learning = values.get("learning", {})
    if "lookahead" not in learning:
        return values
    policy = {name: learning[name] for name in ("lookahead", "plan") if name in learning}
    if learning.get("imitate"):
        values = values | {"algo": "imitation"}
    known = {field.name for field in fields(ALGORITHMS[values.get("algo", "model-based")].agent.Config)}
    learning = {name: value for name, value in learning.items() if name in known}
    return values | policy | {"learning": learning}
