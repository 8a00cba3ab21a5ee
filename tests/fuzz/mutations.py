"""Damage: to bytes, and to values that JSON can hold."""

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
        other = int(random.integers(len(data)))
        number = (int(NUMBERS[random.integers(4)]) + int(random.integers(-2, 3))) % 2**32
        old, length = data[place : place + count], count
        match random.integers(6):
            case 0:
                new, length = bytes([data[place] ^ 1 << int(random.integers(8))]), 1
            case 1:
                new = random.bytes(count)
            case 2:
                new = bytes([(0, 255, 127, 128)[random.integers(4)]]) * count
            case 3:
                new, length = b"", count if random.random() < 0.5 else len(data)
            case 4:
                new = bytes(old * 20) if random.random() < 0.5 else bytes(data[other : other + count])
            case _:
                new, length = number.to_bytes(4, ("big", "little")[random.integers(2)]), 4
        data[place : place + length] = new
    return bytes(data)


def changed(value: Any, random: np.random.Generator) -> Any:
    """A value with one part, somewhere inside, replaced, missing or doubled."""
    if isinstance(value, dict | list) and value and random.random() < 0.85:
        value = copy.copy(value)
        key = (
            list(value)[random.integers(len(value))]
            if isinstance(value, dict)
            else random.integers(len(value))
        )
        match random.integers(10):
            case 0:
                del value[key]
            case 1 if isinstance(value, dict):
                value[str(VALUES[random.integers(len(VALUES))])[:50]] = value[key]
            case 1:
                value *= int(random.integers(2, 5))
            case _:
                value[key] = changed(value[key], random)
        return value
    if random.random() < 0.02:
        nested: Any = []
        for _ in range(int(random.integers(10, 600))):
            nested = [nested]
        return nested
    return copy.deepcopy(VALUES[random.integers(len(VALUES))])
