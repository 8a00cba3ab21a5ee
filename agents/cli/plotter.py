"""The flags of a pen plotter, and its paper."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from paint_gym.painting import Paper

PAPERS = {"a5": "148x210", "a4": "210x297", "a3": "297x420", "a2": "420x594", "letter": "215.9x279.4"}


@dataclass(frozen=True, kw_only=True)
class Plotter:
    """For a pen plotter: --svg plotter, and the paper."""

    svg: Literal["filled", "plotter"] = "filled"
    """"filled" shapes, or opaque lines in mm with a layer for each colour, best with a --palette."""
    paper: str | None = None
    """Width and height in mm of a plotter's paper, or A5, A4, A3, A2 or letter. By default A4."""
    margin_mm: float | None = None
    """Empty margin of the paper on all sides in mm, by default 10."""
    width_mm: tuple[float, float] | None = None
    """Least and greatest width of a plotter's pens in mm, by default 0.5 and 6; they limit the strokes."""


def paper_of(plotter: Plotter, endings: set[str]) -> Paper | None:
    """Paper of a plotter, with outputs of these endings; None for other drawings."""
    if plotter.svg == "filled":
        for name in ("width_mm", "paper", "margin_mm"):
            if getattr(plotter, name) is not None:
                raise ValueError(f"--{name.replace('_', '-')} is of a plotter: it goes with --svg plotter")
        return None
    if ".svg" not in endings:
        raise ValueError("--svg plotter needs an output that ends in .svg, as in -o {name}.svg")
    paper = plotter.paper or "A4"
    sides = re.fullmatch(r"(\d{1,5}(?:\.\d+)?)x(\d{1,5}(?:\.\d+)?)", PAPERS.get(paper.lower(), paper))
    if sides is None:
        raise ValueError(f"paper is width x height in mm, as in 210x297, or A4, not {paper!r}")
    margin = 10.0 if plotter.margin_mm is None else plotter.margin_mm
    return Paper(float(sides[1]), float(sides[2]), margin, plotter.width_mm or Paper.pen)
