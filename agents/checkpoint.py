"""Agents on disk: weights of the actor with the configuration, and the folders of runs."""

from __future__ import annotations

import dataclasses
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agents.common.agent import Agent
from agents.common.config import AgentConfig
from agents.factory import ALGORITHMS, agent_config_from_dict, build_policy
from agents.painting.policy import PaintingPolicy
from paint_gym.renderers import make_renderer
from paint_gym.strokes import get_stroke
from paint_gym.utils.device import pick_device
from paint_gym.utils.errors import named_file
from paint_gym.utils.weights import load_checkpoint, load_weights, save_weights

CHECKPOINT, AGENT = "checkpoint.pt", "agent.safetensors"  # names in the folder of a run
WEIGHTS = Path(__file__).with_name("weights")  # folder of the agents that come with the package


def shipped_agent(stroke: str) -> str:
    """Name, for `load`, of the agent that comes with the package and paints strokes of a design."""
    get_stroke(stroke)
    name = "pretrained" if stroke == "bezier" else f"pretrained-{stroke}"
    if not (WEIGHTS / f"{name}.safetensors").exists():
        raise ValueError(f"no agent for {stroke} strokes comes with the package; pass --agent")
    return name


def save_agent(path: str | PathLike[str], agent: Agent, config: AgentConfig) -> None:
    """Write the actor in half precision, with the configuration, as one safetensors file."""
    weights = {
        f"actor/{name}": value.half() if value.is_floating_point() else value
        for name, value in agent.actor.state_dict().items()
    }
    save_weights(path, weights, {"config": dataclasses.asdict(config)})


def load(
    path: str | PathLike[str] = "pretrained",
    device: str | torch.device = "auto",
    lookahead: int | None = None,
    plan: int | None = None,
    seed: int = 0,
    opacity: tuple[float, float] | None = None,
) -> PaintingPolicy:
    """A policy that paints. Only the actor is read from the checkpoint of a run.

    Args:
        path: a file of `save_agent`, a run's folder or checkpoint, or an agent that comes with the package:
            ``"pretrained"``, which paints Bezier strokes, ``"pretrained-circle"``, ``-straight`` and
            ``-triangle``, or for digits ``"pretrained-mnist"`` and ``-svhn``.
        device: device to paint on.
        lookahead: in place of the agent's own, see `PaintingPolicy`.
        plan: in place of the agent's own.
        seed: a different painting of the same picture for each seed.
        opacity: the range that alphas are mapped to, in place of the agent's own.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged, of a newer version, or its tensors do not fit.
    """
    device = pick_device(device)
    shipped = sorted(file.stem for file in WEIGHTS.glob("*.safetensors"))
    file = WEIGHTS / f"{path}.safetensors" if str(path) in shipped else Path(path)
    if file.is_dir():
        file = file / (CHECKPOINT if (file / CHECKPOINT).exists() else AGENT)
    if not file.is_file():
        raise FileNotFoundError(
            f"no agent at {file}; train one with `paint-gym train`, or take one of {', '.join(shipped)}"
        )
    with named_file(file):
        config, weights = _read(file)
        settings = {"seed": seed, "lookahead": lookahead, "plan": plan}
        changes: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
        if (lookahead or plan) and not ALGORITHMS[config.algo].agent.uses_model:
            raise ValueError(f"{path} is an agent that uses no model: leave lookahead and plan out")
        if opacity is not None:  # the analytic renderer paints any size
            changes["renderer"] = make_renderer("analytic", config.stroke, opacity)
        return build_policy(config, weights, device, **changes)


def _read(file: Path) -> tuple[AgentConfig, dict[str, Tensor]]:
    """Configuration of an agent and weights of its actor, from a checkpoint or a file of `save_agent`."""
    if file.suffix == ".pt":
        state = load_checkpoint(file)
        return agent_config_from_dict(state["config"]["agent"]), state["agent"]["actor"]
    weights, header = load_weights(file, "actor/")
    if "spec" in header:  # from version 0.1
        weights, _ = load_weights(file, "agent/actor/")
        return agent_config_from_dict(_upgraded(header["spec"])), weights
    return agent_config_from_dict(header.get("config")), weights


def _upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """Settings of version 0.1, in which all algorithms had one class of settings."""
    values = {"algo": "model-based", "learning": {}} | values
    if values["learning"].get("imitate"):
        values["algo"] = "imitation"
    learning, algo = values["learning"], ALGORITHMS[values["algo"]].agent
    known = {field.name for field in dataclasses.fields(algo.Config)}
    policy = {name: learning[name] for name in ("lookahead", "plan") if name in learning}
    return values | policy | {"learning": {name: v for name, v in learning.items() if name in known}}


def check_run(folder: Path, resume: bool) -> None:
    """Refuse to write over a run, or to resume a missing one."""
    if resume:
        checkpoint_of(folder)
    elif (folder / CHECKPOINT).exists():
        message = f"there is a run in {folder} already; add --resume to go on, or choose another folder"
        raise FileExistsError(message)


def checkpoint_of(folder: str | PathLike[str]) -> Path:
    """The checkpoint of a run, which must exist."""
    file = Path(folder) / CHECKPOINT
    if not file.is_file() and file.with_suffix(".safetensors").exists():
        raise ValueError(f"the run in {folder} is of version 0.1: start another from it with --init {folder}")
    if not file.is_file():
        has_settings = file.with_name("config.json").exists()
        advice = "wait if a training is at work there, else drop" if has_settings else "drop"
        raise FileNotFoundError(f"no run to resume in {folder}: there is no {CHECKPOINT}; {advice} --resume")
    return file
