"""Weights of networks: target copies, files to share (safetensors), and checkpoints to resume from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from paint_gym.utils.errors import named_file
from paint_gym.utils.files import replace_when_done

VERSION = 1
# larger ones are damaged, or made to exhaust the memory
MAX_WEIGHTS_BYTES = 2**31
MAX_HEADER = 2**20
MAX_DIMS = 8


def save_weights(path: str | PathLike[str], tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write tensors by name, and a header of JSON values, as one safetensors file, whole or not at all.

    Raises:
        ValueError: numbers that are not finite.
        OSError: the file cannot be written; the message names it.
    """
    _check_finite(tensors)
    text = json.dumps({"version": VERSION, "values": header}, allow_nan=False)
    copies = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    data = safetensors.torch.save(copies, {"paint_gym": text})
    with replace_when_done(path) as temporary:
        temporary.write_bytes(data)


def load_weights(path: str | PathLike[str], prefix: str = "") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name, on the CPU, and header of a file; sizes are checked before memory is taken.

    With a prefix, as in ``"actor/"``, only the tensors whose names begin with it, and their names without it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged, not from `save_weights`, or of a newer version.
    """
    file = Path(path)
    with file.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
    with named_file(file):
        foreign = f"{file} is damaged or not a safetensors file; files of other libraries cannot be read"
        if size > MAX_HEADER or file.stat().st_size > MAX_WEIGHTS_BYTES:
            raise ValueError(foreign)
        try:
            with safe_open(file, "pt") as content:
                text = (content.metadata() or {}).get("paint_gym", "null")
                names = [name for name in content.keys() if name.startswith(prefix)]  # noqa: SIM118
                if any(len(content.get_slice(name).get_shape()) > MAX_DIMS for name in names):
                    raise ValueError(f"damaged: a tensor has more than {MAX_DIMS} dimensions")
                header = json.loads(text, parse_constant=_refuse_constant)
                tensors = {name.removeprefix(prefix): content.get_tensor(name) for name in names}
        except SafetensorError as error:
            raise ValueError(f"{foreign}: {error}") from error
        if not isinstance(header, dict) or not isinstance(header.get("values"), dict):
            raise ValueError(f"{file} is a safetensors file, but none that Paint Gym wrote")
        if header.get("version") != VERSION:
            version = header.get("version")
            raise ValueError(f"{file} is of version {version}, this Paint Gym reads {VERSION}; upgrade it")
    return tensors, header["values"]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"damaged: {name} is no number of JSON")


def save_checkpoint(path: str | PathLike[str], state: dict[str, Any]) -> None:
    """Write nested tensors and plain values to resume from, whole or not at all.

    Raises:
        ValueError: numbers that are not finite, or an object that `load_checkpoint` refuses.
        OSError: the file cannot be written; the message names it.
    """
    _check_finite(_flatten(state))
    with replace_when_done(path) as temporary:
        try:
            torch.save(state, temporary)
        except RuntimeError as error:
            raise OSError(f"cannot write {path}: {error}") from error
        load_checkpoint(temporary)


def load_checkpoint(path: str | PathLike[str]) -> dict[str, Any]:
    """Read a file of `save_checkpoint`; tensors are on the CPU, and read from the disk when they are used.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged, not a checkpoint, or holds more than tensors and plain values.
    """
    with open(path, "rb"):  # errors from here on are of the content
        try:
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except Exception as error:  # torch raises anything on damaged bytes
            advice = "a run can be started from its agent.safetensors, with --init"
            raise ValueError(f"{path} is damaged or not a checkpoint; {advice}") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} is not a checkpoint: it holds a {type(state).__name__}")
    return state


def fill(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Set the tensors of a network, in its own precision; a `ValueError` if they do not fit."""
    state = network.state_dict()
    check_fit(state, tensors)
    _check_finite(tensors)
    network.load_state_dict({name: value.to(state[name].dtype) for name, value in tensors.items()})


def check_fit(expected: dict[str, Any], state: dict[str, Any]) -> None:
    """Compare the tensors of two nested dicts; a `ValueError` names what is missing or of another shape."""
    old = {name: tuple(value.shape) for name, value in _flatten(expected).items()}
    new = {name: tuple(value.shape) for name, value in _flatten(state).items()}
    shapes = [name for name in old.keys() & new.keys() if old[name] != new[name]]
    problems = {
        "missing": old.keys() - new.keys(),
        "left over": new.keys() - old.keys(),
        "other shapes": [f"{name} is {new[name]}, not {old[name]}" for name in shapes],
    }
    if parts := [f"{problem} {_shorten(names)}" for problem, names in problems.items() if names]:
        raise ValueError(f"does not fit: {', '.join(parts)}")


def _check_finite(tensors: dict[str, Tensor]) -> None:
    """Refuse tensors with NaN or inf."""
    if names := [name for name, value in tensors.items() if not value.isfinite().all()]:
        raise ValueError(f"holds NaN or inf: {_shorten(names)}")


def _flatten(state: dict[Any, Any], prefix: str = "") -> dict[str, Tensor]:
    """The tensors of nested dicts by their paths, joined by ``/``."""
    tensors: dict[str, Tensor] = {}
    for name, value in state.items():
        if isinstance(value, Tensor):
            tensors[f"{prefix}{name}"] = value
        elif isinstance(value, dict):
            tensors |= _flatten(value, f"{prefix}{name}/")
    return tensors


def _shorten(names: Iterable[str]) -> str:
    first, *rest = sorted(names)
    return f"{first} and {len(rest)} more" if len(rest) > 5 else ", ".join([first, *rest])


@torch.no_grad()
def polyak_update(target: nn.Module, source: nn.Module, tau: float) -> None:
    """Move a target network towards its source: parameters by `tau`; buffers (batch norm's) are copied."""
    for old, new in zip(target.parameters(), source.parameters(), strict=True):
        old.lerp_(new, tau)
    for copied, buffer in zip(target.buffers(), source.buffers(), strict=True):
        copied.copy_(buffer)


def set_layout(network: nn.Module, channels_last: bool) -> nn.Module:
    """Put the convolutions of a network in channels_last, if asked to; returns the network."""
    return network.to(memory_format=torch.channels_last) if channels_last else network  # type: ignore[call-overload]
