"""Errors that say what to do: an unknown name suggests the nearest known one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown_name(what: str, name: object, known: Iterable[str]) -> ValueError:
    """The `ValueError` for a name that is not registered, with the nearest known name.

    Args:
        what: what the name stands for, e.g. ``"stroke"``.
        name: the name that was asked for.
        known: the names that exist.

    >>> str(unknown_name("stroke", "bezir", ["bezier", "circle"]))
    "unknown stroke 'bezir': did you mean 'bezier'? Known: bezier, circle"
    """
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return ValueError(f"unknown {what} {name!r}: {hint}Known: {', '.join(names)}")
