"""Nested dicts of tensors and plain values on disk: safetensors with a JSON header, whole or not at all.

The JSON header holds the plain values; a tensor lies in the file under its path, the keys joined by ``/``.
Keys are text, or the whole numbers of an optimizer's state, which are written as digits; what could not be
told apart when it is read back is refused when it is written.
"""

from __future__ import annotations

import json
import shutil
from os import PathLike
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from paint_gym.utils.errors import named_file
from paint_gym.utils.files import replace_when_done
from paint_gym.utils.weights import check_fit as check_fit
from paint_gym.utils.weights import fill as fill

VERSION = 1
StateDict = dict[Any, Any]
"""Nested dicts whose leaves are tensors, or what JSON can hold; keys are str, or int from 0."""


def save_state(path: str | PathLike[str], state: StateDict) -> None:
    """Write nested tensors and plain values as one file, whole or not at all.

    Raises:
        ValueError: a key that would not be read back as it is, or numbers that are not finite; nothing has
            been written.
        OSError: it cannot be written, as on a full disk; the message names the file.
    """
    tensors: dict[str, Tensor] = {}
    header = {"version": VERSION, "values": _split(state, "", tensors)}
    with replace_when_done(path) as temporary:
        # safetensors writes a file of its own beside the one it is told, which a process that is killed
        # leaves: in a folder with the name of the temporary file it goes when that goes.
        folder = temporary.with_name(f"{temporary.name}.parts")
        folder.mkdir()
        try:
            save_file(tensors, folder / "state", metadata={"paint_gym": json.dumps(header)})
            (folder / "state").replace(temporary)
        except SafetensorError as error:
            raise OSError(f"cannot write {path}: {error}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def load_state(file: Path, only: str = "") -> StateDict:
    """Read what `save_state` wrote.

    Args:
        file: the file.
        only: of the tensors, just those below this path, as ``"agent/actor"``; by default all. The others
            are not read from the disk, and are None in what is returned.

    Raises:
        ValueError: the file is damaged, not written by `save_state`, or of a newer version.
    """
    try:
        with safe_open(file, "pt") as opened:
            header = json.loads((opened.metadata() or {}).get("paint_gym", "null"))
            names = [name for name in opened.keys() if f"{name}/".startswith(f"{only}/" if only else "")]  # noqa: SIM118
            tensors = {name: opened.get_tensor(name) for name in names}
    except (SafetensorError, json.JSONDecodeError, RecursionError, OSError) as error:
        foreign = file.suffix.lower() in (".zip", ".pt", ".pth", ".ckpt", ".pkl", ".bin")
        hint = "; files of other libraries cannot be read" if foreign else ""
        raise ValueError(f"{file} is damaged or not a safetensors file: {error}{hint}") from error
    if not isinstance(header, dict) or not isinstance(header.get("values"), dict):
        raise ValueError(f"{file} is a safetensors file, but none that Paint Gym wrote")
    if not isinstance(header.get("version"), int) or header["version"] > VERSION:
        raise ValueError(
            f"{file} is of version {header.get('version')}, this Paint Gym reads {VERSION}; upgrade it"
        )
    with named_file(file):
        return _join(header["values"], tensors)


def _split(state: StateDict, path: str, tensors: dict[str, Tensor]) -> StateDict:
    """Put the tensors into `tensors`, by path; return the rest, with null where a tensor was."""
    rest: StateDict = {}
    for key, value in state.items():
        name = _written(key, path)
        if isinstance(value, Tensor):
            if value.is_floating_point() and not value.isfinite().all():
                raise ValueError(f"{path}{name} holds NaN or inf, and is not saved")
            tensors[f"{path}{name}"] = value.detach().cpu().contiguous().clone()
            rest[name] = None
        elif isinstance(value, dict):
            rest[name] = _split(value, f"{path}{name}/", tensors)
        else:
            _check_plain(value, f"{path}{name}")
            rest[name] = value
    return rest


def _check_plain(value: object, path: str) -> None:
    """Refuse, in a list or beside one, what JSON would not give back."""
    if isinstance(value, list | tuple):
        for each in value:
            _check_plain(each, path)
    elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
        for each in value.values():
            _check_plain(each, path)
    elif not (value is None or isinstance(value, str | int | float)):
        raise ValueError(f"{path} cannot be saved: it holds a {type(value).__name__} where plain values go")


def _join(rest: StateDict, tensors: dict[str, Tensor]) -> StateDict:
    """The inverse of `_split`."""
    state = _read_keys(rest)
    for path, tensor in tensors.items():
        *folders, leaf = (_read(name) for name in path.split("/"))
        place = state
        for folder in folders:
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                raise ValueError(f"damaged: {path} lies inside a plain value")
        place[leaf] = tensor
    return state


def _written(key: object, path: str) -> str:
    """A key as it stands in the file."""
    if type(key) is int and key >= 0:
        return str(key)
    if not isinstance(key, str) or "/" in key or _is_number(key) or key == "__metadata__":
        raise ValueError(
            f"the key {key!r} of {path or 'the whole'} cannot be saved: keys are text without '/' that is no "
            "number, or whole numbers from 0"
        )
    return key


def _read(name: str) -> str | int:
    return int(name) if _is_number(name) else name


def _read_keys(rest: StateDict) -> StateDict:
    return {
        _read(name): _read_keys(value) if isinstance(value, dict) else value for name, value in rest.items()
    }


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()
