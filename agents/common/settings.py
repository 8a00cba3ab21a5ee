"""Settings: the type and the range of each are declared once, for the command line, presets and files."""

from __future__ import annotations

import dataclasses
import functools
import math
import reprlib
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import tyro


@dataclass(frozen=True)
class Between:
    """The range of a number, or of each number of a tuple, both ends included."""

    least: float
    most: float


MOST = 1_000_000_000
POSITIVE = Between(1, MOST)
COUNT = Between(0, MOST)
WIDTH = Between(1, 1024)
FRACTION = Between(0, 1)
RATE = Between(0, 10)


def flag(name: str) -> Any:
    """A short flag on the command line, beside the one with the path of the setting."""
    return tyro.conf.arg(aliases=[f"--{name}"])


def check_settings(settings: Any) -> None:
    """Hold all fields of a dataclass to their types and ranges.

    A range is `Between` in the annotation: ``Annotated[int, Between(1, 8)]``.

    Raises:
        ValueError: naming the setting, what it must be, and what it is.
    """
    of_class: Any = type(settings)
    for name, (kind, between) in _declared(of_class).items():
        value = getattr(settings, name)
        if not _fits(value, kind, between):
            raise ValueError(f"{name} must be {_say(kind, between)}, not {reprlib.repr(value)}")


@functools.cache
def _declared(kind: Any) -> dict[str, tuple[Any, Between | None]]:
    """Type and range of each field."""
    hints = typing.get_type_hints(kind, include_extras=True)
    found: dict[str, tuple[Any, Between | None]] = {}
    for field in dataclasses.fields(kind):
        hint, extras = hints[field.name], tuple[Any, ...]()
        if hasattr(hint, "__metadata__"):
            hint, extras = hint.__origin__, hint.__metadata__
        found[field.name] = hint, next((extra for extra in extras if isinstance(extra, Between)), None)
    return found


def _fits(value: Any, kind: Any, between: Between | None) -> bool:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in arguments)
    if origin in (types.UnionType, typing.Union):
        return any(_fits(value, choice, between) for choice in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if arguments[-1] is Ellipsis:
            arguments = (arguments[0],) * len(value)
        return len(value) == len(arguments) and all(
            _fits(one, each, between) for one, each in zip(value, arguments, strict=True)
        )
    if kind in (int, float):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole and not (kind is float and isinstance(value, float) and math.isfinite(value)):
            return False
        return between is None or between.least <= value <= between.most
    if kind is bool or kind is types.NoneType:
        return type(value) is kind
    return isinstance(value, kind) if isinstance(kind, type) else True


def _say(kind: Any, between: Between | None) -> str:
    """A type and a range in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(repr(choice) for choice in arguments)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_say(choice, between) for choice in arguments if choice is not types.NoneType)
    if origin is tuple:
        return f"({', '.join('...' if one is Ellipsis else _say(one, between) for one in arguments)})"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    words = names.get(kind, f"a {getattr(kind, '__name__', kind)}")
    return (
        f"{words} from {between.least:,} to {between.most:,}" if between and kind in (int, float) else words
    )
