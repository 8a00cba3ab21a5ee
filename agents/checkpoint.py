"""Agents: built from a spec, written to disk, and read from it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from agents.common.agent import Agent, Learning
from agents.ddpg import DDPG
from agents.model_based_ddpg import ModelBasedDDPG
from agents.networks.glimpse import GlimpseActor
from agents.networks.resnet import ActionCritic, ResNetActor, ValueCritic
from agents.patchq_ddpg import PatchQDDPG
from agents.training.logger import CHECKPOINT
from paint_gym.envs.task import pick_device
from paint_gym.renderers import make_renderer
from paint_gym.rewards import L2Reward, WGANReward
from paint_gym.utils.errors import unknown_name
from paint_gym.utils.serialization import fill, load_tree, save_tree

WEIGHTS = Path(__file__).with_name("weights")  # agents that come with the package


@dataclass(frozen=True)
class AgentSpec:
    """All that is needed to build an agent anew; saved beside its weights."""

    algo: Literal["model-based", "ddpg", "patchq"] = "model-based"
    """How it learns."""
    actor: Literal["glimpse", "resnet"] = "glimpse"
    """The network that paints."""
    actor_width: int = 48
    """Channels of the actor's first stage."""
    critic_width: int = 16
    """Channels of the critic's first stage."""
    depth: int = 2
    """Blocks per stage of the resnet actor and the critics; 2 is a ResNet-18."""
    stroke: str = "bezier"
    """Stroke design."""
    opacity: tuple[float, float] = (0.0, 1.0)
    """The range that transparencies are mapped to."""
    renderer: str = "analytic"
    """What the actor learns through."""
    reward: Literal["l2", "wgan"] = "l2"
    """What drives learning; the l2 gain is always logged beside it."""
    discriminator_width: int = 16
    """Channels of the discriminator's first layer, with reward wgan."""
    patches: int = 8
    """Patches a side of the critic of DDPG and PatchQ, and of patch-level rewards."""
    bundle: int = 5
    """Strokes per step."""
    max_strokes: int = 200
    """Strokes per episode of training."""
    learning: Learning = dataclasses.field(default_factory=Learning)
    """Settings of the algorithm."""


def build_agent(spec: AgentSpec, device: str | torch.device = "auto", seed: int = 0) -> Agent:
    """A new agent with random weights; `seed` is the discriminator's.

    Raises:
        ValueError: an unknown name, or settings that do not go together.
    """
    place = pick_device(device)
    renderer = make_renderer(spec.renderer, spec.stroke, spec.opacity)
    action_dim = spec.bundle * renderer.design.dim
    actor: nn.Module
    if spec.actor == "glimpse":
        actor = GlimpseActor(renderer.design, spec.bundle, spec.actor_width)
    elif spec.actor == "resnet":
        actor = ResNetActor(action_dim, spec.actor_width, spec.depth)
    else:
        raise unknown_name("actor", spec.actor, ("glimpse", "resnet"))
    critics: dict[str, tuple[type[Agent], nn.Module]] = {
        "model-based": (ModelBasedDDPG, ValueCritic(spec.critic_width, spec.depth)),
        "ddpg": (DDPG, ActionCritic(action_dim, spec.critic_width, spec.patches, spec.depth)),
        "patchq": (PatchQDDPG, ActionCritic(action_dim, spec.critic_width, spec.patches, spec.depth)),
    }
    if spec.algo not in critics:
        raise unknown_name("algo", spec.algo, critics)
    kind, critic = critics[spec.algo]
    reward: L2Reward | WGANReward = L2Reward(spec.patches)
    if spec.reward == "wgan":
        reward = WGANReward(spec.discriminator_width, patches=spec.patches, seed=seed).to(place)
    elif spec.reward != "l2":
        raise unknown_name("reward", spec.reward, ("l2", "wgan"))
    steps = spec.max_strokes // spec.bundle
    return kind(actor.to(place), critic.to(place), renderer, reward, steps, spec.bundle, spec.learning)


def save_agent(path: str | PathLike[str], agent: Agent, spec: AgentSpec) -> None:
    """Write what painting needs, the actor in half precision, as one safetensors file."""
    actor = {
        name: value.half() if value.is_floating_point() else value
        for name, value in agent.actor.state_dict().items()
    }
    save_tree(path, {"spec": dataclasses.asdict(spec), "agent": {"actor": actor}})


def load(
    path: str | PathLike[str] = "pretrained",
    device: str | torch.device = "auto",
    lookahead: int | None = None,
) -> Agent:
    """An agent that can paint.

    Args:
        path: a file of `save_agent`, a run's folder or checkpoint, or an agent that comes with the package:
            ``"pretrained"``, which paints Bezier strokes, or ``"pretrained-circle"``, ``-straight`` and
            ``-triangle``.
        device: where it paints.
        lookahead: in place of the agent's own, see `Learning`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged, of a newer version, or its tensors do not fit; the message says
            which.
    """
    shipped = sorted(file.stem for file in WEIGHTS.glob("*.safetensors"))
    file = WEIGHTS / f"{path}.safetensors" if str(path) in shipped else Path(path)
    if file.is_dir():
        file = file / CHECKPOINT
    if not file.is_file():
        raise FileNotFoundError(
            f"no agent at {file}; train one with `paint-gym train`, or take one that comes with the package: "
            f"{', '.join(shipped)}"
        )
    tree = load_tree(file)
    spec = read_spec(file, tree.get("spec"))
    if lookahead is not None:
        spec = replace(spec, learning=replace(spec.learning, lookahead=lookahead))
    agent = build_agent(spec, device)
    fill(agent.actor, tree.get("agent", {}).get("actor", {}), file)
    return agent


def read_spec(file: Path, values: Any) -> AgentSpec:
    """The `AgentSpec` of a file's header.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{file} is a safetensors file, but not an agent of Paint Gym")
    try:
        learning = Learning(**values.get("learning", {}))
        opacity = tuple(values.get("opacity", (0.0, 1.0)))
        return AgentSpec(**{**values, "learning": learning, "opacity": opacity})
    except TypeError as error:
        raise ValueError(f"{file} has settings this Paint Gym does not know: {error}") from error
