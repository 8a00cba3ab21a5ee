"""Agents on disk: safetensors with a JSON header, written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from agents.glimpse import GlimpseActor
from agents.model_based_ddpg import ModelBasedConfig, ModelBasedDDPG
from agents.networks import ResNetActor, ValueCritic
from paint_gym.envs.task import pick_device
from paint_gym.errors import unknown_name
from paint_gym.files import replace_when_done
from paint_gym.renderers import make_renderer
from paint_gym.rewards import make_reward

VERSION = 1
PRETRAINED = Path(__file__).with_name("weights") / "pretrained.safetensors"


@dataclass(frozen=True)
class AgentSpec:
    """All that is needed to build an agent anew; saved beside its weights."""

    actor: Literal["glimpse", "resnet"] = "glimpse"
    """The network that paints."""
    actor_width: int = 48
    """Channels of the actor's first stage."""
    critic_width: int = 16
    """Channels of the critic's first stage."""
    stroke: str = "bezier"
    """Stroke design."""
    opacity: tuple[float, float] = (0.0, 1.0)
    """The range that transparencies are mapped to."""
    renderer: str = "analytic"
    """What the actor learns through."""
    reward: str = "l2"
    """What it learns from."""
    bundle: int = 5
    """Strokes per step."""
    max_strokes: int = 200
    """Strokes per episode of training."""
    learning: ModelBasedConfig = dataclasses.field(default_factory=ModelBasedConfig)
    """Settings of the algorithm."""


def build_agent(spec: AgentSpec, device: str | torch.device = "auto") -> ModelBasedDDPG:
    """A new agent with random weights."""
    renderer = make_renderer(spec.renderer, spec.stroke, spec.opacity)
    actor: nn.Module
    if spec.actor == "glimpse":
        actor = GlimpseActor(renderer.design, spec.bundle, spec.actor_width)
    elif spec.actor == "resnet":
        actor = ResNetActor(spec.bundle * renderer.design.dim, spec.actor_width)
    else:
        raise unknown_name("actor", spec.actor, ("glimpse", "resnet"))
    place, reward = pick_device(device), make_reward(spec.reward)
    critic = ValueCritic(spec.critic_width)
    steps = spec.max_strokes // spec.bundle
    return ModelBasedDDPG(
        actor.to(place), critic.to(place), renderer, reward, steps, spec.bundle, spec.learning
    )


def save_agent(path: str | PathLike[str], agent: ModelBasedDDPG, spec: AgentSpec) -> None:
    """Write what painting needs, the actor in half precision, as one safetensors file."""
    tensors = {
        name: value.detach()
        .to("cpu", torch.float16 if value.is_floating_point() else value.dtype)
        .contiguous()
        for name, value in agent.actor.state_dict().items()
    }
    header = {"version": VERSION, "spec": dataclasses.asdict(spec)}
    with replace_when_done(path) as temporary:
        save_file(tensors, temporary, metadata={"paint_gym": json.dumps(header)})


def load(path: str | PathLike[str] = "pretrained", device: str | torch.device = "auto") -> ModelBasedDDPG:
    """An agent that can paint.

    Args:
        path: a file of `save_agent`, or ``"pretrained"``, the agent that comes with the package.
        device: where it paints.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged, of a newer version, or its tensors do not fit; the message says
        which.
    """
    file = PRETRAINED if str(path) == "pretrained" else Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"no agent at {file}; train one with `paint-gym demo`, it writes agent.safetensors"
        )
    try:
        with safe_open(file, "pt") as opened:
            header = json.loads((opened.metadata() or {}).get("paint_gym", "null"))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, json.JSONDecodeError, OSError) as error:
        raise ValueError(f"{file} is damaged or not a safetensors file: {error}") from error
    agent = build_agent(_read_spec(file, header), device)
    _fill(agent.actor, tensors, file)
    return agent


def _read_spec(file: Path, header: Any) -> AgentSpec:
    if not isinstance(header, dict) or "version" not in header or not isinstance(header.get("spec"), dict):
        raise ValueError(f"{file} is a safetensors file, but not an agent of Paint Gym")
    if header["version"] > VERSION:
        raise ValueError(
            f"{file} is of version {header['version']}, this Paint Gym reads {VERSION}; upgrade it"
        )
    values = dict(header["spec"])
    try:
        values["learning"] = ModelBasedConfig(**values.get("learning", {}))
        values["opacity"] = tuple(values.get("opacity", (0.0, 1.0)))
        return AgentSpec(**values)
    except TypeError as error:
        raise ValueError(f"{file} has settings this Paint Gym does not know: {error}") from error


def _fill(network: nn.Module, tensors: dict[str, torch.Tensor], file: Path) -> None:
    """Load weights, naming every tensor that is missing, left over or of another shape."""
    own = network.state_dict()
    missing, extra = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    wrong = [
        f"{name} is {tuple(tensors[name].shape)}, not {tuple(own[name].shape)}"
        for name in sorted(own.keys() & tensors.keys())
        if own[name].shape != tensors[name].shape
    ]
    if missing or extra or wrong:
        raise ValueError(
            f"{file} does not fit its agent: missing {missing}, left over {extra}, other shapes {wrong}"
        )
    network.load_state_dict({name: value.to(own[name].dtype) for name, value in tensors.items()})
