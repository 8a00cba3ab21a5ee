"""Errors that say what to do: they suggest the nearest known name, and name the file."""

from __future__ import annotations

import difflib
import operator
import re
import reprlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


def unknown_name(what: str, name: object, known: Iterable[str]) -> ValueError:
    """The `ValueError` for a name that is not registered, with the nearest known name.

    >>> str(unknown_name("stroke", "bezir", ["bezier", "circle"]))
    "unknown stroke 'bezir': did you mean 'bezier'? Known: bezier, circle"
    """
    return ValueError(f"unknown {what} {reprlib.repr(name)}: {_nearest(name, known)}")


def as_int(name: str, value: object, low: int, high: int) -> int:
    """Check that an argument is a whole number, of Python or numpy, from `low` to `high`.

    >>> as_int("size", 4.5, 8, 4096)
    Traceback (most recent call last):
    ValueError: size must be a whole number from 8 to 4,096, not 4.5
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = low - 1
    if isinstance(value, bool) or not low <= number <= high:
        words = f"a whole number from {low:,} to {high:,}"
        raise ValueError(f"{name} must be {words}, not {reprlib.repr(value)}")
    return number


def check_one_of(name: str, value: object, choices: Iterable[str]) -> None:
    """Check that an argument is one of the choices; the `ValueError` suggests the nearest."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise unknown_name(name, value, known)


def as_pair(name: str, value: object) -> tuple[float, float]:
    """Check that an argument is two numbers, (low, high); else raise a `ValueError`."""
    try:
        low, high = (float(number) for number in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be two numbers (low, high), not {reprlib.repr(value)}") from None
    return low, high


def check_arguments(arguments: Iterable[str], known: Iterable[str]) -> None:
    """Refuse unknown keyword arguments with a `TypeError` that names the nearest known one."""
    names = list(known)
    for name in arguments:
        if name not in names:
            # in Python's own words: TorchRL tries `frameskip` and looks for them in the message
            raise TypeError(f"got an unexpected keyword argument {name!r}: {_nearest(name, names)}")


def _nearest(name: object, known: Iterable[str]) -> str:
    """A hint: the nearest of the known names, if one is similar, and all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? Known: " if close else "known are "
    return f"{hint}{', '.join(names)}"


def visible(text: str) -> str:
    r"""Message for a terminal: one line, unprintable characters escaped, no numbers of system errors.

    >>> visible("[Errno 2] No such file: a\x1b[2Jb\n")
    'No such file: a\\x1b[2Jb\\n'
    """
    text = re.sub(r"\[Errno -?\d+\] ", "", text)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


@contextmanager
def named_file(file: object) -> Iterator[None]:
    """Turn errors that the content of a file causes into a `ValueError` that names the file, once.

    >>> with named_file("a.json"):
    ...     raise ValueError("no strokes")
    Traceback (most recent call last):
    ValueError: a.json: no strokes
    """
    try:
        yield
    except ValueError as error:
        if str(file) in str(error):
            raise
        raise ValueError(f"{file}: {error}") from error
    except (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError) as error:
        raise ValueError(f"{file}: damaged or of another kind, {type(error).__name__}: {error}") from error
