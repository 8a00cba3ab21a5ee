"""Photos of scikit-image, painted by the agent that comes with the package: pictures and seconds.

Run: python -m benchmarks.painting.gallery --sheet docs/gallery.png
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from agents import load, paint_photo
from agents.checkpoint import shipped_agent
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import PaintingVariant, paint_and_score, write_rows
from benchmarks.harness.tables import BenchmarkConfig, Table, main
from benchmarks.painting.defaults import drawing
from paint_gym.datasets.images import resize_box
from paint_gym.utils.files import replace_when_done

CROPS = {  # name in skimage.data: left, top, side of the square that is painted
    "astronaut": (96, 0, 256),
    "chelsea": (60, 10, 280),
    "coffee": (100, 0, 400),
}
FRAMES, RATE = 50, 12  # of a film, and a second
STYLES = (  # stroke, strokes, opaque, colours
    ("bezier", 300, False, 0),
    ("straight", 300, False, 0),
    ("circle", 500, False, 0),
    ("triangle", 300, False, 0),
    ("bezier", 300, True, 0),
    ("bezier", 500, True, 6),
)


@dataclass(frozen=True)
class Gallery(BenchmarkConfig):
    """Photos painted with and without refinement."""

    sheet: Path | None = None
    """PNG with a row for each photo: the photo, then each budget by the agent alone, and refined."""
    styles: Path | None = None
    """PNG of one photo in the styles of `STYLES`, three in a row."""
    recipes: Path | None = None
    """PNG of a portrait, a sticker, a poster in six colours, and a drawing in one ink."""
    film: Path | None = None
    """Animated WebP of the refined paintings side by side, as they grow."""


def photo(name: str, size: int) -> np.ndarray:
    """Photo of scikit-image, cropped and reduced: ``(3, size, size)`` uint8."""
    from skimage import data

    x, y, side = CROPS[name]
    picture = Image.fromarray(getattr(data, name)())
    return resize_box(picture, (x, y, x + side, y + side), size).transpose(2, 0, 1).copy()


def write_styles(path: Path, size: int) -> None:
    """Write a photo in each of `STYLES`."""
    targets, painted = torch.from_numpy(photo("chelsea", size))[None], []
    for stroke, strokes, opaque, colours in STYLES:
        variant = PaintingVariant(shipped_agent(stroke), refine=150, opaque=opaque, colours=colours)
        painted += [painting.render() for painting in variant.paint(targets, strokes)]
    write_rows(path, [np.concatenate(painted[first : first + 3], 1) for first in (0, 3)])


def write_recipes(path: Path, size: int) -> None:
    """Write a portrait, a sticker on a sheet, a poster in six colours, and a drawing in one ink."""
    face, cup = (photo(name, size).transpose(1, 2, 0) for name in ("astronaut", "coffee"))
    y, x = np.mgrid[:size, :size] / size - 0.5
    disc = ((np.hypot(x, y) < 0.46) * 255).astype(np.uint8)
    ink = np.asarray(Image.fromarray(drawing()).resize((size, size), Image.Resampling.BOX))
    opaque = load("pretrained", opacity=(1.0, 1.0))
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder) / "cut.png"
        Image.fromarray(np.dstack([photo("chelsea", size).transpose(1, 2, 0), disc])).save(cut)
        sticker = paint_photo(cut, 300).render_rgba()
    sheet = Image.new("RGBA", (size, size), "#9ec5e8")
    sheet.alpha_composite(Image.fromarray(sticker))
    paintings = [
        paint_photo(face),
        paint_photo(cup, 500, policy=opaque, palette=6),
        paint_photo(ink, 200, policy=opaque, palette=torch.zeros(1, 3), background=(1, 1, 1)),
    ]
    portrait, poster, stamp = (painting.render() for painting in paintings)
    write_rows(path, [np.concatenate([portrait, np.asarray(sheet.convert("RGB")), poster, stamp], 1)])


def write_film(path: Path, films: list[list[np.ndarray]]) -> None:
    """Write films ``(H, W, 3)`` side by side; the last frame stays for longer."""
    first, *rest = [Image.fromarray(np.concatenate(row, 1)) for row in zip(*films, strict=True)]
    options = {"duration": [1000 // RATE] * len(rest) + [1500], "loop": 0, "quality": 70, "method": 6}
    with replace_when_done(path) as file:
        first.save(file, "WEBP", save_all=True, append_images=rest, **options)


def tables(options: Gallery) -> Iterator[Table]:
    """A row for each painting."""
    size, iterations, budgets = options.pick((256, 100, (200, 1000)), (32, 1, (5, 10)))
    rows: list[Row] = []
    sheet, films = list[np.ndarray](), list[list[np.ndarray]]()
    for name in CROPS:
        pictures = photo(name, size)[None]
        line = [pictures[0].transpose(1, 2, 0)]
        for strokes in budgets:
            painted = paint_and_score(pictures, strokes, PaintingVariant())
            refine = PaintingVariant(refine=iterations)
            refined = paint_and_score(pictures, strokes, refine, start=painted.paintings)
            rows.append(
                {
                    "photo": name, "strokes": strokes, "l2, agent alone": float(painted.l2[0]),
                    "seconds": painted.seconds, "l2, refined": float(refined.l2[0]),
                    "seconds, with refinement": painted.seconds + refined.seconds,
                }
            )  # fmt: skip
            line += [painting.render() for painting in (*painted.paintings, *refined.paintings)]
        sheet.append(np.concatenate(line, 1))
        films.append(list(refined.paintings[0].frames(max(1, strokes // FRAMES))))
    yield f"{iterations} iterations of refinement, {size} px", rows
    if options.sheet:
        write_rows(options.sheet, sheet)
    if options.styles:
        write_styles(options.styles, size)
    if options.recipes:
        write_recipes(options.recipes, size)
    if options.film:
        write_film(options.film, films)


if __name__ == "__main__":
    main(tables, Gallery)
