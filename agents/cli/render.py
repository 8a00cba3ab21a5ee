"""``paint-gym render``: a painting from its strokes, at any size."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.cli.command import Command
from paint_gym.painting import Painting


@dataclass(frozen=True, kw_only=True)
class Render(Command):
    """Draw a painting again, from its strokes, at any size."""

    painting: tyro.conf.Positional[Path]
    """A painting's .json."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("painting.png")
    """File to write: .png .jpg .svg .json .gif .mp4."""
    size: int | None = None
    """Longer side in pixels, by default that at which it was painted."""


def render(command: Render) -> None:
    """Read and write; the input is never written over."""
    if os.path.realpath(command.output) == os.path.realpath(command.painting):
        raise ValueError(f"{command.output} is the painting to be drawn; choose another file")
    Painting.load(command.painting).save(command.output, size=command.size)
