"""From the flags of ``paint-gym paint`` to a `PhotoPainter`; wrong options are refused before the work."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Literal

from torch import Tensor

from agents.checkpoint import load, shipped_agent
from agents.cli.paint_flags import Paint
from agents.painting.batch import STREAM
from agents.painting.options import Background
from agents.painting.palette import MAX_COLOURS, parse_palette, read_palette
from agents.painting.photo import REFINE, Photo, PhotoPainter
from agents.painting.policy import PaintingPolicy
from paint_gym.painting import Painting, Paper, check_size
from paint_gym.strokes import get_stroke
from paint_gym.utils.files import check_writable

logger = logging.getLogger(__name__)


def painter_of(command: Paint, patterns: tuple[str, ...], pictures: int) -> PhotoPainter:
    """The painter that the options ask for, with outputs of `patterns` and a number of pictures."""
    init = None if command.init is None else Painting.load(command.init)
    _check(command, init, pictures)
    paper, palette = _paper(command, patterns), _palette(command.palette)
    background = _background(command) if init is None else init.background
    if command.ray is not None and str(STREAM) in patterns:
        raise ValueError("--ray writes files, not to standard output")
    return PhotoPainter(
        policy=_policy(command, init, opaque=command.opaque or paper is not None),
        iterations=0 if command.draft else REFINE if command.refine is None else command.refine,
        until=command.until,
        canvas=command.canvas,
        background=background,
        palette=palette,
        detail=_detail(command.detail),
        init=init,
        canvas_image=None if command.canvas_image is None else Photo(command.canvas_image),
        paper=paper,
    )


def inputs_of(command: Paint) -> list[Path]:
    """Files that must not be written over, beside the pictures."""
    lists = [Path(str(path).removeprefix("@")) for path in command.images]
    files = (command.detail, command.canvas_image, command.palette)
    return lists + [Path(file) for file in files if file is not None]


def _check(command: Paint, init: Painting | None, pictures: int) -> None:
    """Refuse options that do not go together."""
    if command.draft and (command.plan or command.refine or command.until):
        raise ValueError("--draft goes with none of --plan, --refine and --until; see --refine 0")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError("torchrun is for train; to paint on many processors use --shard, or --ray")
    if command.report is not None:
        check_writable(command.report)
        command.report.parent.mkdir(parents=True, exist_ok=True)
    if command.size is not None:
        check_size(command.size)
    if init is not None and (command.background or command.opaque):
        raise ValueError("--from goes with neither --background nor --opaque: the painting has its own")
    if command.canvas_image is not None and (init is not None or command.background or pictures > 1):
        raise ValueError("--canvas-image goes with one picture, and with neither --from nor --background")
    if init is not None and pictures > 1:
        raise ValueError("--from goes on with the painting of one picture")


def _detail(text: str | None) -> Photo | Literal["faces"] | None:
    if text is None or text == "faces":
        return None if text is None else "faces"
    if not Path(text).is_file():
        raise ValueError(f"detail is 'faces' or a picture, and there is no picture {text}")
    return Photo(Path(text))


def _policy(command: Paint, init: Painting | None, opaque: bool) -> PaintingPolicy:
    stroke = command.stroke or (None if init is None else init.stroke)
    if stroke is not None:
        get_stroke(stroke)  # refuses unknown names
    path = shipped_agent(stroke or "bezier") if command.agent is None else command.agent
    plan = 0 if command.draft else command.plan
    opacity = (1.0, 1.0) if opaque else None if init is None else init.opacity
    policy = load(path, command.device, command.lookahead, plan, command.seed, opacity)
    design = policy.renderer.design.name
    if stroke not in (None, design):
        raise ValueError(f"{path} paints {design} strokes, not {stroke}")
    return policy


def _paper(command: Paint, patterns: tuple[str, ...]) -> Paper | None:
    """Paper of a plotter; None for other drawings."""
    if command.svg == "filled":
        for name in ("pens", "paper", "margin_mm"):
            if getattr(command, name) is not None:
                raise ValueError(f"--{name.replace('_', '-')} is of a plotter: it goes with --svg plotter")
        return None
    endings = {Path(pattern).suffix.lower() or f".{command.format}" for pattern in patterns}
    if ".svg" not in endings:
        raise ValueError("--svg plotter needs an output that ends in .svg, as in -o {name}.svg")
    if command.palette is None:
        logger.warning("each colour is a layer of its own: --palette 6 makes it six")
    margin = 10.0 if command.margin_mm is None else command.margin_mm
    return Paper.named(command.paper or "A4", margin, _pens(command.pens) if command.pens else Paper.pens)


def _pens(texts: tuple[str, ...]) -> tuple[float, ...]:
    """Widths in mm of "0.3,0.8" or "0.3 0.8"."""
    try:
        return tuple(float(pen) for text in texts for pen in text.split(","))
    except ValueError:
        raise ValueError(f"pens are widths in mm, as in 0.3,0.8, not {' '.join(texts)!r}") from None


def _palette(text: str | None) -> int | Tensor | None:
    """Number of colours, or the colours."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 6 and not Path(text).is_file():
        if not 1 <= int(text) <= MAX_COLOURS:
            raise ValueError(f"palette must be 1 to {MAX_COLOURS} colours, not {text}")
        return int(text)
    if text.startswith("#") or "," in text:
        return parse_palette([colour for colour in text.split(",") if colour.strip()], "palette")
    if not Path(text).is_file():
        raise ValueError(f"palette is a number, '#rrggbb,#rrggbb,...' or a file, and there is no file {text}")
    return read_palette(Path(text))


def _background(command: Paint) -> Background:
    """Colour of the fresh canvas."""
    if command.background in ("none", "auto"):
        return None if command.background == "none" else "auto"
    colour = command.background or ("#fff" if command.svg == "plotter" else "#000")
    return tuple(parse_palette([colour], "background")[0].tolist())
