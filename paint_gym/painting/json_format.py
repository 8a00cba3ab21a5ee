"""Paintings as JSON: one object, numbers that read back exactly; files that are not paintings are refused.

The format::

    {"format": "paint-gym-painting", "version": 1, "stroke": "bezier", "parameters": ["x0", ...],
     "size": [height, width], "background": [R, G, B], "opacity": [low, high], "strokes": [[...], ...]}

``background`` is null where there is none.

A file may come from anyone, so nothing in it is believed: it is measured before it is parsed, and each field
is checked.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from paint_gym.strokes import StrokeDesign, get_stroke

FORMAT = "paint-gym-painting"
VERSION = 1
MAX_BYTES = 200_000_000
MAX_STROKES = 1_000_000
MAX_NUMBERS = 20_000_000  # in all: parsed, each takes 32 bytes
KEYS = ("format", "version", "stroke", "parameters", "size", "background", "opacity", "strokes")


def dumps(
    strokes: np.ndarray,
    design: StrokeDesign,
    size: tuple[int, int],
    background: Sequence[float] | None,
    opacity: Sequence[float],
) -> str:
    """A painting as JSON, one stroke per line. Numbers are the shortest that give the same float32.

    Args:
        strokes: ``(K, stroke_dim)`` float32 in [0, 1].
        design: what the numbers of a stroke mean.
        size: (height, width) in pixels.
        background: R, G, B in [0, 1], or None.
        opacity: the range that alphas are mapped to.
    """
    rows = ",".join(f"\n[{', '.join(map(str, stroke))}]" for stroke in strokes)
    return f'{json.dumps(head(design, size, background, opacity))[:-1]}, "strokes": [{rows}\n]}}\n'


def head(
    design: StrokeDesign, size: tuple[int, int], background: Sequence[float] | None, opacity: Sequence[float]
) -> dict[str, Any]:
    """All of a painting but its strokes, as it stands in a file."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "stroke": design.name,
        "parameters": list(design.parameters),
        "size": list(size),
        "background": None if background is None else list(background),
        "opacity": list(opacity),
    }


def loads(data: bytes) -> dict[str, Any]:
    """The arguments of `Painting` that JSON holds: strokes, stroke, size, background, opacity.

    Raises:
        ValueError: it is no painting; the message says what is wrong.
    """
    content = _parse(data)
    _check_head(content)
    _check_strokes(content["strokes"])
    return {key: content[key] for key in ("strokes", "stroke", "size", "background", "opacity")}


def _parse(data: bytes) -> dict[str, Any]:
    # Counting first: a hostile file of nested or many small lists would take gigabytes when parsed.
    if data.count(b"[") > MAX_STROKES + 4:
        raise ValueError(f"more than {MAX_STROKES} strokes")
    if data.count(b",") > MAX_NUMBERS:
        raise ValueError(f"more than {MAX_NUMBERS} numbers")
    if data.count(b"{") != 1 or data.count(b'"') > 1000:
        raise ValueError(f"not a .json of Paint Gym, one object with the keys {', '.join(KEYS)}")
    try:
        content = json.loads(
            data.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_no_twice
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"not JSON ({error.msg if isinstance(error, json.JSONDecodeError) else error.reason})"
        ) from None
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    return content


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}; every number must be finite")


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key is there twice")
    return content


def _check_head(content: dict[str, Any]) -> None:
    if content.get("format") != FORMAT:
        raise ValueError(f"its format is {reprlib.repr(content.get('format'))}, not {FORMAT!r}")
    version = content.get("version")
    if type(version) is not int or version < 1:
        raise ValueError(f"its version is {reprlib.repr(version)}, not a whole number from 1")
    if version > VERSION:
        raise ValueError(f"it has version {reprlib.repr(version)}, newer than {VERSION}: upgrade paint-gym")
    if set(content) != set(KEYS):
        raise ValueError(f"its keys are {reprlib.repr(sorted(content))}, not {', '.join(KEYS)}")
    stroke = content["stroke"]
    if not isinstance(stroke, str) or len(stroke) > 100:
        raise ValueError(f"stroke is {reprlib.repr(stroke)}, not a name")
    names = list(get_stroke(stroke).parameters)
    if content["parameters"] != names:
        raise ValueError(
            f"parameters of {stroke!r} are {reprlib.repr(content['parameters'])}, but here {names}"
        )
    for key in ("size", "background", "opacity"):
        if not (_is_numbers(content[key]) or (key == "background" and content[key] is None)):
            raise ValueError(f"{key} is {reprlib.repr(content[key])}, not a list of numbers")


def _check_strokes(strokes: object) -> None:
    if not isinstance(strokes, list):
        raise ValueError("strokes is not a list")
    if len(strokes) > MAX_STROKES:
        raise ValueError(f"more than {MAX_STROKES} strokes")
    for i, stroke in enumerate(strokes):
        if not _is_numbers(stroke):
            raise ValueError(f"stroke {i} is {reprlib.repr(stroke)}, not a list of numbers")
        if len(stroke) != len(strokes[0]):
            raise ValueError(f"stroke {i} has {len(stroke)} numbers, but stroke 0 has {len(strokes[0])}")
        if stroke and not 0 <= min(stroke) <= max(stroke) <= 1:
            raise ValueError(f"stroke {i} has numbers outside [0, 1]: {reprlib.repr(stroke)}")


def _is_numbers(value: object) -> bool:
    """True for a list of int and float; true and false are no numbers."""
    return isinstance(value, list) and set(map(type, value)) <= {int, float}
