"""From the flags of ``paint-gym paint`` to a `PhotoPainter`; wrong options are refused before the work."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Literal

from PIL import ImageColor
from torch import Tensor

from agents.checkpoint import load, shipped_agent
from agents.cli.outputs import endings_of
from agents.cli.paint_flags import Paint
from agents.cli.pictures import STREAM
from agents.cli.plotter import paper_of
from agents.painting.options import Background
from agents.painting.palette import MAX_COLOURS, parse_palette, read_palette
from agents.painting.photo import Photo, PhotoPainter
from agents.painting.policy import PaintingPolicy
from paint_gym.painting import FORMATS, Painting
from paint_gym.strokes import get_stroke

logger = logging.getLogger(__name__)


def painter_of(command: Paint, patterns: tuple[str, ...], pictures: int) -> PhotoPainter:
    """The painter that the options ask for, with outputs of `patterns` and a number of pictures."""
    look, machine, numbers = command.look, command.machine, command.numbers
    init = None if look.init is None else Painting.load(look.init)
    iterations = numbers.refine if machine.refine is None else machine.refine
    _check(command, init, pictures, iterations)
    paper = paper_of(command.plotter, endings_of(patterns, command.format))
    if paper is not None and look.palette is None:
        logger.warning("each colour is a layer of its own: --palette 6 makes it six")
    if command.many.ray is not None and str(STREAM) in patterns:
        raise ValueError("--ray writes files, not to standard output")
    return PhotoPainter(
        policy=_policy(command, init, opaque=look.opaque or paper is not None),
        iterations=iterations,
        until=machine.until,
        colour_steps=numbers.colour_steps,
        canvas=machine.canvas or numbers.canvas,
        background=_background(command, patterns),
        palette=_palette(look.palette),
        detail=_detail(look.detail),
        init=init,
        canvas_image=None if look.canvas_image is None else Photo(look.canvas_image),
        paper=paper,
    )


def inputs_of(command: Paint) -> list[Path]:
    """Files that must not be written over, beside the pictures."""
    lists = [Path(str(path).removeprefix("@")) for path in command.images]
    files = (command.look.detail, command.look.canvas_image, command.look.palette, command.look.init)
    return lists + [Path(file) for file in files if file is not None]


def _check(command: Paint, init: Painting | None, pictures: int, iterations: int) -> None:
    """Refuse options that do not go together."""
    look, machine = command.look, command.machine
    if command.is_draft and (machine.plan or machine.refine or machine.until):
        raise ValueError("a draft goes with none of --plan, --refine and --until; see --refine 0")
    if machine.until and not iterations:
        raise ValueError("--until ends refinement, and --refine 0 has none")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError("torchrun is for train; to paint on many processors use --shard, or --ray")
    if look.save_palette is not None and not (look.palette or "").isdigit():
        raise ValueError("--save-palette writes colours chosen by --palette and a number, as in --palette 8")
    if look.canvas_image is not None and (init is not None or look.background or pictures > 1):
        raise ValueError("--canvas-image goes with one picture, and with neither --from nor --background")
    if init is not None and (look.background or look.opaque or pictures > 1):
        raise ValueError("--from is the painting of one picture, with its own --background and --opaque")
    if init is not None and look.stroke not in (None, init.stroke):
        raise ValueError(f"{look.init} has {init.stroke} strokes, not {look.stroke}")
    if init is not None and command.plotter.svg == "plotter" and init.opacity != (1.0, 1.0):
        raise ValueError(f"{look.init} has transparent strokes, which pens cannot draw; paint with --opaque")
    if init is not None and max(command.budgets) <= len(init) and not iterations:
        raise ValueError(f"nothing to paint: {look.init} has {len(init)} strokes; ask for more --strokes")


def _detail(text: str) -> Photo | Literal["auto", "faces"] | None:
    if text in ("auto", "faces"):
        return "auto" if text == "auto" else "faces"
    if text != "none" and not Path(text).is_file():
        raise ValueError(f"detail is auto, faces, none or a picture, and there is no picture {text}")
    return None if text == "none" else Photo(Path(text))


def _policy(command: Paint, init: Painting | None, opaque: bool) -> PaintingPolicy:
    machine = command.machine
    stroke = command.look.stroke or (None if init is None else init.stroke)
    if stroke is not None:
        get_stroke(stroke)  # refuses unknown names
    path = shipped_agent(stroke or "bezier") if machine.agent is None else machine.agent
    plan = 0 if command.is_draft else machine.plan
    opacity = (1.0, 1.0) if opaque else None if init is None else init.opacity
    policy = load(path, machine.device, machine.lookahead, plan, command.look.seed, opacity)
    design = policy.renderer.design.name
    if stroke not in (None, design):
        raise ValueError(f"{path} paints {design} strokes, not {stroke}")
    return policy


def _palette(text: str | None) -> int | Tensor | None:
    """Number of colours, or the colours."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 6 and not Path(text).is_file():
        if not 1 <= int(text) <= MAX_COLOURS:
            raise ValueError(f"palette must be 1 to {MAX_COLOURS} colours, not {text}")
        return int(text)
    if text.startswith("#") or "," in text or text.lower() in ImageColor.colormap:
        return parse_palette([colour for colour in text.split(",") if colour.strip()], "palette")
    if not Path(text).is_file():
        raise ValueError(f"palette is a number, '#rrggbb,navy,...' or a file, and there is no file {text}")
    return read_palette(Path(text))


def _background(command: Paint, patterns: tuple[str, ...]) -> Background | Literal["photo"]:
    """Colour of the fresh canvas; a film begins with the mean colour."""
    text = command.look.background
    films = any(FORMATS[ending].is_film for ending in endings_of(patterns, command.format))
    if text is None and command.plotter.svg == "filled":
        return "auto" if films else "photo"
    if text in ("none", "transparent", "auto"):
        return "auto" if text == "auto" else None
    return tuple(parse_palette([text or "#fff"], "background")[0].tolist())
