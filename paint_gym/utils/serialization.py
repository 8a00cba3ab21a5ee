"""Trees of tensors and plain values on disk: safetensors with a JSON header, written whole or not at all."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from paint_gym.utils.files import replace_when_done

VERSION = 1
Tree = dict[Any, Any]
"""Nested dicts whose leaves are tensors, or what JSON can hold."""


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
        raise ValueError(f"{file} is a safetensors file, but none that Paint Gym wrote")
    if not isinstance(header.get("version"), int) or header["version"] > VERSION:
        raise ValueError(
            f"{file} is of version {header.get('version')}, this Paint Gym reads {VERSION}; upgrade it"
        )
    return _join(header["values"], tensors, file)


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
        raise ValueError(f"{file} does not fit: {said}")


def fill(network: nn.Module, tensors: Tree, file: Path) -> None:
    """Set a network's tensors, in the precision that they have there.

    Raises:
        ValueError: they do not fit; see `check_fit`.
    """
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


def _join(rest: Tree, tensors: dict[str, Tensor], file: Path) -> Tree:
    """The inverse of `_split`; names that are numbers, as optimizers have them, are numbers again."""
    tree = _numbered(rest)
    for path, tensor in tensors.items():
        *folders, leaf = (int(name) if name.isdigit() else name for name in path.split("/"))
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                raise ValueError(f"{file} is damaged: {path} lies inside a plain value")
        place[leaf] = tensor
    return tree


def _numbered(rest: Tree) -> Tree:
    return {
        int(name) if name.isdigit() else name: _numbered(value) if isinstance(value, dict) else value
        for name, value in rest.items()
    }
