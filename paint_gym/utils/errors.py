"""Errors that say what to do: an unknown name suggests the nearest known one, a bad file is named."""

from __future__ import annotations

import difflib
import operator
import reprlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


def unknown_name(what: str, name: object, known: Iterable[str]) -> ValueError:
    """The `ValueError` for a name that is not registered, with the nearest known name.

    Args:
        what: what the name stands for, e.g. ``"stroke"``.
        name: the name that was asked for.
        known: the names that exist.

    >>> str(unknown_name("stroke", "bezir", ["bezier", "circle"]))
    "unknown stroke 'bezir': did you mean 'bezier'? Known: bezier, circle"
    """
    return ValueError(f"unknown {what} {reprlib.repr(name)}: {_nearest(name, known)}")


def as_int(name: str, value: object, least: int, most: int) -> int:
    """An argument that must be a whole number, of Python or numpy.

    Raises:
        ValueError: it is not, or beyond its range.

    >>> as_int("size", 4.5, 8, 4096)
    Traceback (most recent call last):
    ValueError: size must be a whole number from 8 to 4,096, not 4.5
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or not least <= number <= most:
        words = f"a whole number from {least:,} to {most:,}"
        raise ValueError(f"{name} must be {words}, not {reprlib.repr(value)}")
    return number


def check_one_of(name: str, value: object, choices: Iterable[str]) -> None:
    """Refuse what is none of the choices; the `ValueError` suggests the nearest."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise unknown_name(name, value, known)


def as_pair(name: str, value: object) -> tuple[float, float]:
    """An argument that must be two numbers, (low, high).

    Raises:
        ValueError: it is not.

    >>> as_pair("opacity", 1)
    Traceback (most recent call last):
    ValueError: opacity must be two numbers (low, high), not 1
    """
    try:
        low, high = (float(number) for number in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be two numbers (low, high), not {reprlib.repr(value)}") from None
    return low, high


def check_arguments(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keyword arguments that do not exist.

    Raises:
        TypeError: naming the first one and the nearest that exists.

    >>> check_arguments(["datset"], ["dataset", "size"])
    Traceback (most recent call last):
    TypeError: got an unexpected keyword argument 'datset': did you mean 'dataset'? Known: dataset, size
    """
    names = list(known)
    for name in given:
        if name not in names:
            # In Python's own words, which libraries look for: TorchRL tries `frameskip` first.
            raise TypeError(f"got an unexpected keyword argument {name!r}: {_nearest(name, names)}")


def _nearest(name: object, known: Iterable[str]) -> str:
    """The nearest of the known names, if any is near, and all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? Known: " if close else "known are "
    return f"{hint}{', '.join(names)}"


def visible(text: str) -> str:
    r"""Text on one line, in which whatever a terminal would not show as itself is escaped.

    >>> visible("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\n'
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


@contextmanager
def named_file(file: object) -> Iterator[None]:
    """Make of the errors that a file's content causes a `ValueError` that names the file, once.

    Whatever else building from untrusted values raises means values that do not fit.

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
