"""Paintings as JSON: one object, whose numbers read back exactly.

The format::

    {"format": "paint-gym-painting", "version": 1, "stroke": "bezier", "parameters": ["x0", ...],
     "size": [height, width], "background": [R, G, B], "opacity": [low, high], "strokes": [[...], ...]}

``background`` is null for a transparent layer. A file may come from a stranger: it is measured before it is
parsed, and holds numbers and names only.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Sequence
from typing import Any

from paint_gym.strokes import StrokeDesign, get_stroke

FORMAT = "paint-gym-painting"
VERSION = 1
MAX_JSON_BYTES = 25_000_000  # 160,000 Bezier strokes; parsed, a number takes up to eight times its text
MAX_LISTS = 1_000_000  # an empty list takes twenty times its text
KEYS = ("format", "version", "stroke", "parameters", "size", "background", "opacity", "strokes")


def dumps(painting: Any) -> str:
    """JSON of a painting, a stroke per line; numbers are the shortest that give the same float32."""
    fields = head(painting.design, painting.size, painting.background, painting.opacity)
    rows = ",".join(f"\n[{', '.join(map(str, stroke))}]" for stroke in painting.strokes)
    return f'{json.dumps(fields)[:-1]}, "strokes": [{rows}\n]}}\n'


def head(
    design: StrokeDesign, size: tuple[int, int], background: Sequence[float] | None, opacity: Sequence[float]
) -> dict[str, Any]:
    """Fields of a file but its strokes."""
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
    """The arguments of `Painting`, which checks their lengths and ranges.

    Raises:
        ValueError: it is no painting; the message says why.
    """
    if len(data) > MAX_JSON_BYTES or data.count(b"[") > MAX_LISTS:
        raise ValueError(f"more than {MAX_JSON_BYTES} bytes or {MAX_LISTS} lists")
    if data.count(b"{") != 1 or data.count(b'"') > 1000:
        raise ValueError(f"not a .json of Paint Gym, one object with the keys {', '.join(KEYS)}")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    version = content.get("version")
    if type(version) is not int or version != VERSION:
        raise ValueError(f"its version is {reprlib.repr(version)}, not {VERSION}: upgrade paint-gym")
    if set(content) != set(KEYS):
        raise ValueError(f"its keys are {reprlib.repr(sorted(content))}, not {', '.join(KEYS)}")
    names = list(get_stroke(content["stroke"]).parameters)
    if content["parameters"] != names:
        raise ValueError(f"its parameters are {reprlib.repr(content['parameters'])}, not {names}")
    for key in ("size", "background", "opacity"):
        if not _are_numbers(content[key]) and (key, content[key]) != ("background", None):
            raise ValueError(f"{key} is {reprlib.repr(content[key])}, not a list of numbers")
    if not isinstance(content["strokes"], list):
        raise ValueError("strokes is not a list")
    for i, stroke in enumerate(content["strokes"]):
        if not _are_numbers(stroke):
            raise ValueError(f"stroke {i} is {reprlib.repr(stroke)}, not a list of numbers")
    return {key: content[key] for key in ("strokes", "stroke", "size", "background", "opacity")}


def _are_numbers(values: object) -> bool:
    """True for a list of int and float; true and false are no numbers."""
    return isinstance(values, list) and set(map(type, values)) <= {int, float}
