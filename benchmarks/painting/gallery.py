"""Photos of scikit-image, painted by the agent that comes with the package: pictures and seconds.

Run: python -m benchmarks.painting.gallery --json benchmarks/results/gallery.json --sheet docs/gallery.png
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from agents import load, paint, refine
from agents.checkpoint import shipped_agent
from agents.painting.evaluation import l2_by_raster
from agents.painting.palette import choose_palette
from benchmarks.harness.tables import BenchmarkConfig, Row, Table, main
from paint_gym import Painting, make_renderer
from paint_gym.datasets.images import resize_box
from paint_gym.utils.files import replace_when_done

CROPS = {  # name in skimage.data: left, top, side of the square that is painted
    "astronaut": (96, 0, 256),
    "chelsea": (60, 10, 280),
    "coffee": (100, 0, 400),
}
FRAMES, RATE = 50, 12  # of a film, and a second
STYLES = (  # stroke, strokes, opaque, colours
    ("bezier", 300, False, None),
    ("straight", 300, False, None),
    ("circle", 500, False, None),
    ("triangle", 300, False, None),
    ("bezier", 300, True, None),
    ("bezier", 500, True, 6),
)


@dataclass(frozen=True)
class Gallery(BenchmarkConfig):
    """Photos painted with and without refinement."""

    strokes: tuple[int, ...] = (200, 1000)
    """Strokes per painting."""
    iterations: int = 100
    """Iterations of refinement."""
    size: int = 256
    """Side of the canvas in pixels."""
    sheet: Path | None = None
    """PNG with a row for each photo: the photo, then each budget by the agent alone, and refined."""
    styles: Path | None = None
    """PNG of one photo in the styles of `STYLES`, three in a row."""
    film: Path | None = None
    """Animated WebP of the refined paintings side by side, as they grow."""


def photo(name: str, size: int) -> np.ndarray:
    """``(3, size, size)`` uint8."""
    from skimage import data

    left, top, side = CROPS[name]
    picture = Image.fromarray(getattr(data, name)())
    return resize_box(picture, (left, top, left + side, top + side), size).transpose(2, 0, 1).copy()


def _styles(picture: torch.Tensor) -> Iterator[Painting]:
    """A picture ``(3, H, W)`` uint8 in each of `STYLES`."""
    for stroke, strokes, opaque, colours in STYLES:
        agent = load(shipped_agent(stroke))
        agent.renderer = make_renderer("analytic", stroke, (1.0, 1.0) if opaque else (0.0, 1.0))
        palette = None if colours is None else choose_palette(picture[None] / 255, colours)
        (painting,) = paint(agent, picture[None], strokes, palette=palette)
        yield refine(painting, picture, 150, palette=palette)


def tables(options: Gallery) -> Iterator[Table]:
    """A row for each painting."""
    agent = load("pretrained")
    rows: list[Row] = []
    sheet: list[list[np.ndarray]] = []
    films: list[list[np.ndarray]] = []
    for name in CROPS:
        target = photo(name, options.size)
        picture = torch.from_numpy(target)
        sheet.append([target.transpose(1, 2, 0)])
        for strokes in options.strokes:
            began = time.perf_counter()
            (painting,) = paint(agent, picture[None], strokes)
            alone = time.perf_counter() - began
            refined = refine(painting, picture, options.iterations)
            whole = time.perf_counter() - began
            l2 = l2_by_raster([painting, refined], np.stack([target, target]))
            rows.append(
                {
                    "photo": name, "strokes": strokes, "l2, agent alone": float(l2[0]), "seconds": alone,
                    "l2, refined": float(l2[1]), "seconds, with refinement": whole,
                }
            )  # fmt: skip
            sheet[-1] += [painting.render(), refined.render()]
        films.append(list(refined.frames(max(1, strokes // FRAMES))))
    yield f"{options.iterations} iterations of refinement, {options.size} px", rows
    if options.sheet:
        with replace_when_done(options.sheet) as file:
            Image.fromarray(np.concatenate([np.concatenate(row, 1) for row in sheet], 0)).save(file)
    if options.styles:
        painted = [style.render() for style in _styles(torch.from_numpy(photo("chelsea", options.size)))]
        lines = [np.concatenate(painted[first : first + 3], 1) for first in (0, 3)]
        with replace_when_done(options.styles) as file:
            Image.fromarray(np.concatenate(lines, 0)).save(file, optimize=True)
    if options.film:
        frames = [np.concatenate(row, 1) for row in zip(*films, strict=True)]
        duration = [1000 // RATE] * (len(frames) - 1) + [1500]
        first, *rest = [Image.fromarray(frame) for frame in frames]
        with replace_when_done(options.film) as file:
            first.save(
                file,
                "WEBP",
                save_all=True,
                append_images=rest,
                duration=duration,
                loop=0,
                quality=70,
                method=6,
            )


if __name__ == "__main__":
    main(Gallery, tables)
