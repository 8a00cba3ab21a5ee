"""Paper and pens of a plotter."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from importlib.util import find_spec

SIZES = {
    "a0": (841.0, 1189.0), "a1": (594.0, 841.0), "a2": (420.0, 594.0), "a3": (297.0, 420.0),
    "a4": (210.0, 297.0), "a5": (148.0, 210.0), "a6": (105.0, 148.0),
    "legal": (215.9, 355.6), "letter": (215.9, 279.4),
}  # fmt: skip
"""Width and height in mm, upright."""


@dataclass(frozen=True)
class Paper:
    """Paper and pens of a plotter, in millimetres.

    Raises:
        ValueError: no room to draw on, or pens without a width.
        ImportError: the extra [plotter] is not installed.
    """

    width: float = 210.0
    height: float = 297.0
    margin: float = 10.0  # empty border on all four sides
    pens: tuple[float, ...] = (0.8,)  # widths of their lines
    turns: bool = False  # upright or across, as the painting is

    def __post_init__(self) -> None:
        sides = (self.width, self.height, self.margin)
        if not all(math.isfinite(side) for side in sides) or self.margin < 0:
            raise ValueError(f"paper and margin must be in mm, at least 0, not {sides}")
        if max(sides[:2]) > 10_000 or min(sides[:2]) <= 2 * self.margin:
            paper = f"a paper of {self.width:g} x {self.height:g} mm with a margin of {self.margin:g} mm"
            raise ValueError(f"{paper} has no room to draw on, or is longer than 10 m")
        if not self.pens or not all(0.05 <= pen <= 100 for pen in self.pens):
            raise ValueError(f"pens must be widths of lines from 0.05 to 100 mm, not {self.pens}")

        if find_spec("shapely") is None:
            raise ImportError("a drawing for a plotter needs shapely: pip install 'paint-gym[plotter]'")

    @staticmethod
    def named(name: str, margin: float, pens: tuple[float, ...]) -> Paper:
        """A paper such as "A4", which turns with the painting, or "A4 landscape", or "210x297".

        Raises:
            ValueError: no such paper.
        """
        size, _, lie = name.lower().partition(" ")
        numbers = re.fullmatch(r"(\d{1,5}(?:\.\d+)?)x(\d{1,5}(?:\.\d+)?)", size)
        if lie not in ("", "landscape", "portrait") or not (numbers or size in SIZES):
            raise ValueError(
                f"paper is A0 to A6, legal, letter, 'A4 landscape' or 210x297 in mm, not {name!r}"
            )
        width, height = SIZES[size] if numbers is None else (float(numbers[1]), float(numbers[2]))
        if lie:
            width, height = sorted((width, height), reverse=lie == "landscape")
        return Paper(width, height, margin, pens, turns=numbers is None and not lie)

    def turned(self, size: tuple[int, int]) -> Paper:
        """The paper as it lies under a canvas of height and width in pixels."""
        if self.turns and (size[1] - size[0]) * (self.width - self.height) < 0:
            return replace(self, width=self.height, height=self.width)
        return self

    def canvas(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Left, top, width and height of a canvas of height and width in pixels, as large as fits."""
        scale = min((self.width - 2 * self.margin) / size[1], (self.height - 2 * self.margin) / size[0])
        width, height = size[1] * scale, size[0] * scale
        return (self.width - width) / 2, (self.height - height) / 2, width, height

    def min_radius(self, size: tuple[int, int]) -> float:
        """Half of the thinnest pen, in shorter sides of a canvas of height and width in pixels."""
        return min(self.pens) / 2 / min(self.turned(size).canvas(size)[2:])
