"""The flags of a pen plotter, and its paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from paint_gym.painting import Paper


@dataclass(frozen=True, kw_only=True)
class Plotter:
    """For a pen plotter: --svg plotter, its paper and its pens. Needs the extra [plotter]."""

    svg: Literal["filled", "plotter"] = "filled"
    """"filled" shapes, or lines in mm with a layer for each colour and pen, best with a --palette."""
    paper: str | None = None
    """A0 to A6, legal or letter, which turn with the picture; or "A4 landscape"; or width and height in mm,
    as in 210x297. By default A4."""
    margin_mm: float | None = None
    """Empty margin of the paper on all sides in mm, by default 10."""
    pens: Annotated[tuple[str, ...] | None, tyro.conf.arg(aliases=["--width-mm"])] = None
    """Widths of the pens in mm, by default 0.8; of several, as in "0.3,0.8,2", the widest that fits draws."""


def paper_of(plotter: Plotter, endings: set[str]) -> Paper | None:
    """Paper of a plotter, with outputs of these endings; None for other drawings."""
    if plotter.svg == "filled":
        for name in ("pens", "paper", "margin_mm"):
            if getattr(plotter, name) is not None:
                raise ValueError(f"--{name.replace('_', '-')} is of a plotter: it goes with --svg plotter")
        return None
    if ".svg" not in endings:
        raise ValueError("--svg plotter needs an output that ends in .svg, as in -o {name}.svg")
    margin = 10.0 if plotter.margin_mm is None else plotter.margin_mm
    return Paper.named(plotter.paper or "A4", margin, _pens(plotter.pens) if plotter.pens else Paper.pens)


def _pens(texts: tuple[str, ...]) -> tuple[float, ...]:
    """Widths in mm of "0.3,0.8" or "0.3 0.8"."""
    try:
        return tuple(float(pen) for text in texts for pen in text.split(","))
    except ValueError:
        raise ValueError(f"pens are widths in mm, as in 0.3,0.8, not {' '.join(texts)!r}") from None
