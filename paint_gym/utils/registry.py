"""Parts by name: stroke designs, renderers, rewards, data sets, actors, algorithms; and users' modules."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from paint_gym.utils.errors import unknown_name

T = TypeVar("T")


class Registry(Generic[T]):
    """Entries by name, iterated in the order of their names; `what` is their kind, for errors.

    >>> shapes = Registry("shape", {"disc": 1})
    >>> shapes.register("square", 2)
    >>> list(shapes), shapes["square"], "cube" in shapes
    (['disc', 'square'], 2, False)
    """

    def __init__(self, what: str, entries: Mapping[str, T] | None = None) -> None:
        self.what = what
        self._entries: dict[str, T] = dict(entries or {})

    def register(self, name: str, entry: T, replace: bool = False) -> None:
        """Make an entry known by a name; a `ValueError` if the name is taken."""
        if name in self._entries and not replace:
            raise ValueError(f"{self.what} {name!r} is already registered; replace=True replaces it")
        self._entries[name] = entry

    def __getitem__(self, name: str) -> T:
        """The entry called `name`; else a `ValueError` that suggests the nearest name."""
        if name not in self:
            error = unknown_name(self.what, name, self._entries)
            raise ValueError(f"{error}; one of your own is known once its module is imported (--import)")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)


def import_module(name: str) -> None:
    """Import a module that registers parts, by its name, or by its file in the current folder."""
    if os.getcwd() not in sys.path:  # a script that pip installed does not look there
        sys.path.insert(0, os.getcwd())
    dotted = ".".join(Path(name.removesuffix(".py")).parts)
    try:
        importlib.import_module(dotted)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{dotted}.".startswith(f"{error.name}."):
            raise  # the module is there, and misses another
        raise ValueError(f"cannot import {name!r}: neither here nor where Python looks") from error
