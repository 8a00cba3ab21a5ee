"""Agents on disk: written with their configuration, read without what painting does not need."""

from __future__ import annotations

import dataclasses
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from agents.common.agent import Agent
from agents.common.config import AgentConfig, agent_config_from_dict
from agents.factory import build_painter
from paint_gym.strokes import get_stroke
from paint_gym.utils.device import pick_device
from paint_gym.utils.errors import named_file
from paint_gym.utils.serialization import load_state, save_state

CHECKPOINT = "checkpoint.safetensors"  # of a run, in its folder
WEIGHTS = Path(__file__).with_name("weights")  # agents that come with the package


def shipped_agent(stroke: str) -> str:
    """Name, for `load`, of the agent that comes with the package and paints strokes of a design.

    Raises:
        ValueError: there is no such design, or no agent for it.
    """
    get_stroke(stroke)
    name = "pretrained" if stroke == "bezier" else f"pretrained-{stroke}"
    if not (WEIGHTS / f"{name}.safetensors").exists():
        raise ValueError(f"no agent for {stroke} strokes comes with the package; pass --agent")
    return name


def save_agent(path: str | PathLike[str], agent: Agent, config: AgentConfig) -> None:
    """Write what painting needs, the actor in half precision, as one safetensors file."""
    actor = {
        name: value.half() if value.is_floating_point() else value
        for name, value in agent.actor.state_dict().items()
    }
    save_state(path, {"spec": dataclasses.asdict(config), "agent": {"actor": actor}})


def load(
    path: str | PathLike[str] = "pretrained",
    device: str | torch.device = "auto",
    lookahead: int | None = None,
    plan: int | None = None,
) -> Agent:
    """An agent that can paint. Of a run's checkpoint, only the actor is read.

    Args:
        path: a file of `save_agent`, a run's folder or checkpoint, or an agent that comes with the package:
            ``"pretrained"``, which paints Bezier strokes, ``"pretrained-circle"``, ``-straight`` and
            ``-triangle``, or for digits ``"pretrained-mnist"`` and ``-svhn``.
        device: where it paints.
        lookahead: in place of the agent's own, see `AlgorithmConfig`.
        plan: in place of the agent's own.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged, of a newer version, or its tensors do not fit; the message says
            which.
    """
    where = pick_device(device)
    shipped = sorted(file.stem for file in WEIGHTS.glob("*.safetensors"))
    file = WEIGHTS / f"{path}.safetensors" if str(path) in shipped else Path(path)
    if file.is_dir():
        file = file / CHECKPOINT
    if not file.is_file():
        raise FileNotFoundError(
            f"no agent at {file}; train one with `paint-gym train`, or take one that comes with the package: "
            f"{', '.join(shipped)}"
        )
    state = load_state(file, only="agent/actor")
    with named_file(file):
        config, own = agent_config_from_dict(state.get("spec")), state.get("agent")
        weights = own.get("actor") if isinstance(own, dict) else None
        if not isinstance(weights, dict):
            raise ValueError("damaged: it has no actor")
        agent = build_painter(config, weights, where)
    given = {"lookahead": lookahead, "plan": plan}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if any(changes.values()) and not agent.uses_model:
        raise ValueError(f"{path} is an agent that uses no model: leave lookahead and plan out")
    agent.config = dataclasses.replace(agent.config, **changes)
    return agent


def check_run(folder: Path, resume: bool) -> None:
    """Refuse to begin a run where there is one, or to go on with none.

    Raises:
        FileNotFoundError: there is no run to resume.
        FileExistsError: there is one that would be written over.
    """
    if resume:
        checkpoint_of(folder)
    elif (folder / CHECKPOINT).exists():
        raise FileExistsError(
            f"there is a run in {folder} already; add --resume to go on, or choose another --out"
        )


def checkpoint_of(folder: str | PathLike[str]) -> Path:
    """The file that a run goes on from.

    Raises:
        FileNotFoundError: there is no run in this folder.
    """
    file = Path(folder) / CHECKPOINT
    if not file.is_file():
        raise FileNotFoundError(
            f"no run to resume in {folder}: {file.name} is missing; train without --resume"
        )
    return file
