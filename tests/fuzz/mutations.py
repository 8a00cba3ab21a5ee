"""Damage: to bytes, and to values that JSON can hold."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

NUMBERS = (
    0, -1, 1, 2, 0.5, -0.0, 1e308, 1e-308, 10**9, 2**31, 2**63, 10**30, -(10**9), float("nan"), float("inf"),
    float("-inf"),
)  # fmt: skip
VALUES = (
    *NUMBERS, None, True, False, "", "x", "32", "\0", "²", "x" * 5000, [], [1], [[]], {}, {"a": 1}, [None],
)  # fmt: skip


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """Bytes with some changed, lost, doubled or moved."""
    data = bytearray(content)
    for _ in range(random.integers(1, 4)):
        if not data:
            break
        place = int(random.integers(len(data)))
        if random.random() < 0.5:  # headers decide most
            place = int(min(len(data) - 1, random.exponential(60)))
        count = int(min(len(data) - place, 1 + random.exponential(4)))
        match random.integers(8):
            case 0:
                data[place] ^= 1 << int(random.integers(8))
            case 1:
                data[place : place + count] = random.bytes(count)
            case 2:
                data[place : place + count] = bytes([(0, 255, 127, 128)[random.integers(4)]]) * count
            case 3:
                del data[place:]
            case 4:
                del data[place : place + count]
            case 5:
                data[place:place] = data[place : place + 20 * count]
            case 6:
                other = int(random.integers(len(data)))
                data[place : place + count] = data[other : other + count]
            case 7:
                number = (int(NUMBERS[random.integers(4)]) + int(random.integers(-2, 3))) % 2**32
                data[place : place + 4] = number.to_bytes(4, ("big", "little")[random.integers(2)])
    return bytes(data)


def changed(value: Any, random: np.random.Generator, depth: int = 0) -> Any:
    """A value with one part, somewhere inside, replaced, missing or doubled."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        value = dict(value)
        key = list(value)[random.integers(len(value))]
        match random.integers(12):
            case 0:
                del value[key]
            case 1:
                value[str(VALUES[random.integers(len(VALUES))])[:50]] = value[key]
            case _:
                value[key] = changed(value[key], random, depth + 1)
        return value
    if isinstance(value, list) and value and random.random() < 0.8:
        value = list(value)
        place = int(random.integers(len(value)))
        match random.integers(8):
            case 0:
                del value[place]
            case 1:
                value = value * int(random.integers(2, 5))
            case _:
                value[place] = changed(value[place], random, depth + 1)
        return value
    if random.random() < 0.02:
        nested: Any = []
        for _ in range(int(random.integers(10, 600))):
            nested = [nested]
        return nested
    return copy.deepcopy(VALUES[random.integers(len(VALUES))])
