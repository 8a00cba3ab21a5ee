"""Agents on disk: safetensors with a JSON header, written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from agents.ddpg import DDPG
from agents.glimpse import GlimpseActor
from agents.learning import Agent, Learning
from agents.model_based_ddpg import ModelBasedDDPG
from agents.networks import ActionCritic, ResNetActor, ValueCritic
from agents.patchq_ddpg import PatchQDDPG
from paint_gym.envs.task import pick_device
from paint_gym.errors import unknown_name
from paint_gym.files import replace_when_done
from paint_gym.renderers import make_renderer
from paint_gym.rewards import L2Reward, WGANReward

VERSION = 1
WEIGHTS = Path(__file__).with_name("weights")  # agents that come with the package
Tree = dict[Any, Any]
"""Nested dicts whose leaves are tensors, or what JSON can hold."""


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
        file = file / "checkpoint.safetensors"
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
    _fill(agent.actor, tree.get("agent", {}).get("actor", {}), file)
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


def save_tree(path: str | PathLike[str], tree: Tree) -> None:
    """Write a tree of tensors and plain values as one file, whole or not at all."""
    tensors: dict[str, Tensor] = {}
    header = {"version": VERSION, "values": _split(tree, "", tensors)}
    with replace_when_done(path) as temporary:
        save_file(tensors, temporary, metadata={"paint_gym": json.dumps(header)})


def load_tree(file: Path) -> Tree:
    """Read what `save_tree` wrote.

    Raises:
        ValueError: the file is damaged, no file of ours, or of a newer version.
    """
    try:
        with safe_open(file, "pt") as opened:
            header = json.loads((opened.metadata() or {}).get("paint_gym", "null"))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, json.JSONDecodeError, RecursionError, OSError) as error:
        raise ValueError(f"{file} is damaged or not a safetensors file: {error}") from error
    if not isinstance(header, dict) or not isinstance(header.get("values"), dict):
        raise ValueError(f"{file} is a safetensors file, but not an agent of Paint Gym")
    if not isinstance(header.get("version"), int) or header["version"] > VERSION:
        raise ValueError(
            f"{file} is of version {header.get('version')}, this Paint Gym reads {VERSION}; upgrade it"
        )
    return _join(header["values"], tensors)


def check_fit(own: Tree, given: Tree, file: Path) -> None:
    """Compare two trees of tensors.

    Raises:
        ValueError: naming every tensor that is missing, left over or of another shape.
    """
    mine, theirs = _tensors(own), _tensors(given)
    missing, extra = sorted(mine.keys() - theirs.keys()), sorted(theirs.keys() - mine.keys())
    wrong = [
        f"{name} is {tuple(theirs[name].shape)}, not {tuple(mine[name].shape)}"
        for name in sorted(mine.keys() & theirs.keys())
        if mine[name].shape != theirs[name].shape
    ]
    if missing or extra or wrong:
        parts = (("missing", missing), ("left over", extra), ("other shapes", wrong))
        said = ", ".join(f"{what} {_few(names)}" for what, names in parts if names)
        raise ValueError(f"{file} does not fit its agent: {said}")


def _fill(network: nn.Module, tensors: Tree, file: Path) -> None:
    own = network.state_dict()
    check_fit(own, tensors, file)
    network.load_state_dict({name: value.to(own[name].dtype) for name, value in tensors.items()})


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more


def _tensors(tree: Tree, path: str = "") -> dict[str, Tensor]:
    """The tensors of a tree by their paths."""
    found: dict[str, Tensor] = {}
    for name, value in tree.items():
        if isinstance(value, Tensor):
            found[f"{path}{name}"] = value
        elif isinstance(value, dict):
            found |= _tensors(value, f"{path}{name}/")
    return found


def _split(tree: Tree, path: str, tensors: dict[str, Tensor]) -> Tree:
    """Put the tensors of a tree into `tensors`, by path; return the rest, with null where a tensor was."""
    rest: Tree = {}
    for name, value in tree.items():
        if isinstance(value, Tensor):
            tensors[f"{path}{name}"] = value.detach().cpu().contiguous().clone()
            rest[str(name)] = None
        else:
            rest[str(name)] = _split(value, f"{path}{name}/", tensors) if isinstance(value, dict) else value
    return rest


def _join(rest: Tree, tensors: dict[str, Tensor]) -> Tree:
    """The inverse of `_split`; names that are numbers, as optimizers have them, are numbers again."""
    tree = _numbered(rest)
    for path, tensor in tensors.items():
        *folders, leaf = (int(name) if name.isdigit() else name for name in path.split("/"))
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                raise ValueError(f"not an agent of Paint Gym: {path} lies inside a plain value")
        place[leaf] = tensor
    return tree


def _numbered(rest: Tree) -> Tree:
    return {
        int(name) if name.isdigit() else name: _numbered(value) if isinstance(value, dict) else value
        for name, value in rest.items()
    }
