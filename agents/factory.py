"""Agents and policies from their configuration; actors and algorithms by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

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
from paint_gym.rewards import RewardConfig, WGANReward, make_reward
from paint_gym.strokes import STROKES, StrokeDesign
from paint_gym.utils.device import float32_default, has_bf16, pick_device
from paint_gym.utils.registry import Registry
from paint_gym.utils.weights import check_fit, fill, set_layout


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
    """A new actor with random weights, on torch's default device."""
    return ACTORS[config.actor](config, STROKES[config.stroke])


@float32_default()
def build_agent(config: AgentConfig, device: str | torch.device = "auto", seed: int = 0) -> Agent:
    """A new agent with random weights.

    The weights of actor and critic come from torch's global generator, those of the reward from `seed`.

    Raises:
        ValueError: an unknown name, or settings that do not go together.
    """
    check_budget(config.max_strokes, config.bundle)
    device = pick_device(device)
    renderer = make_renderer(config.renderer, STROKES[config.stroke], config.opacity)
    algorithm, action_dim = ALGORITHMS[config.algo], config.bundle * renderer.design.dim
    actor = build_actor(config).to(device)
    critic = algorithm.critic(config, action_dim).to(device) if algorithm.critic else None
    discriminator = WGANReward.Config(
        config.discriminator_width, config.discriminator_lr, config.discriminator_tau
    )
    settings = RewardConfig(config.patches, discriminator, online=False, seed=seed)
    reward = make_reward(config.reward, device, settings)
    steps = config.max_strokes // config.bundle
    return algorithm.agent(actor, critic, renderer, reward, steps, config.bundle, config.learning)


@float32_default()
def build_policy(
    config: AgentConfig, weights: dict[str, Tensor], device: str | torch.device = "auto", **changes: Any
) -> PaintingPolicy:
    """A policy with the weights of an actor, which are checked before memory is taken.

    `changes` are attributes of `PaintingPolicy`, in place of the agent's own.
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
    with torch.random.fork_rng(devices=[]):  # the weights are replaced: a user's random numbers stay
        actor = build_actor(config).to(device)
    set_layout(actor, config.learning.channels_last)
    fill(actor, weights)
    bf16 = has_bf16(device) if config.learning.bf16 is None else config.learning.bf16
    renderer = make_renderer(config.renderer, config.stroke, config.opacity)
    settings: dict[str, Any] = {"bf16": bf16, "renderer": renderer}
    if ALGORITHMS[config.algo].agent.uses_model:
        settings |= {"lookahead": config.lookahead, "plan": config.plan}
    settings |= {"bundle": config.bundle, "steps": config.max_strokes // config.bundle} | changes
    return PaintingPolicy(actor, **settings)


def agent_config_from_dict(values: Any) -> AgentConfig:
    """The `AgentConfig` that `dataclasses.asdict` turned into plain values."""
    if not isinstance(values, dict) or not isinstance(values.get("learning", {}), dict):
        raise ValueError("this is not an agent of Paint Gym")
    algorithm = ALGORITHMS[values.get("algo", "model-based")].agent
    opacity = values.get("opacity", (0.0, 1.0))
    opacity = tuple(opacity) if isinstance(opacity, list) else opacity
    try:
        learning = algorithm.Config(**values.get("learning", {}))
        return AgentConfig(**{**values, "learning": learning, "opacity": opacity})
    except TypeError as error:
        raise ValueError(f"settings that this Paint Gym does not know: {error}") from error
