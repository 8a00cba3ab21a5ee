"""Parts by name: one registry for stroke designs, renderers, rewards, data sets, actors and algorithms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from paint_gym.utils.errors import unknown_name

T = TypeVar("T")


class Registry(Generic[T]):
    """Entries by name, iterated in the order of their names.

    Args:
        what: what an entry is, for errors, e.g. ``"stroke"``.
        entries: the built-in ones.

    >>> shapes = Registry("shape", {"disc": 1})
    >>> shapes.register("square", 2)
    >>> list(shapes), shapes["square"], "cube" in shapes
    (['disc', 'square'], 2, False)
    """

    def __init__(self, what: str, entries: Mapping[str, T] | None = None) -> None:
        self.what = what
        self._entries: dict[str, T] = dict(entries or {})

    def register(self, name: str, entry: T, replace: bool = False) -> None:
        """Make an entry known by a name.

        Raises:
            ValueError: the name is taken and `replace` is False.
        """
        if name in self._entries and not replace:
            raise ValueError(f"{self.what} {name!r} is already registered; replace=True replaces it")
        self._entries[name] = entry

    def __getitem__(self, name: str) -> T:
        """The entry called `name`.

        Raises:
            ValueError: there is none; the nearest name is suggested.
        """
        if not isinstance(name, str) or name not in self._entries:
            raise unknown_name(self.what, name, self._entries)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
