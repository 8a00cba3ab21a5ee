"""Paintings without options: faces, palettes, one ink, and the defaults against those of version 0.1.

Run: python -m benchmarks.painting.defaults --threads 1

Faces are CelebA's, at 10 to 30% of the height, in pictures of Kodak's without faces, and the astronaut.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from skimage import data

from agents import load, paint_photo
from agents.painting.palette import choose_palette, to_oklab
from agents.painting.photo import Photo, PhotoPainter
from agents.painting.saliency import find_faces
from benchmarks.harness.measure import Row
from benchmarks.harness.tables import FolderConfig, Table, at_most, main
from benchmarks.painting.kodak import kodak_pictures
from paint_gym.datasets import load_dataset
from paint_gym.painting import Painting

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
WITH_FACES = ("kodim15", "kodim17")
OLD: dict[str, Any] = {"strokes": 500, "refine": 200, "detail": None}
SATURATED, FAR = 0.15, 0.08  # chroma in OKLab, and distance there to the palette


@dataclass(frozen=True)
class Defaults(FolderConfig):
    """Paintings without options."""

    out: Path = Path("runs/defaults")


def portraits(count: int) -> list[tuple[np.ndarray, tuple[float, float, float]]]:
    """Photos, each with y, x and height of its face in pixels."""
    kodak = [picture[0] for name, picture in kodak_pictures().items() if name not in WITH_FACES]
    hosts = [*(picture.transpose(1, 2, 0) for picture in kodak), data.coffee()][: count - 1]
    crops = load_dataset("celeba", "test", 160)
    faces = (crops[np.array([i])][0].transpose(1, 2, 0) for i in range(len(crops)))
    frontal = (face for face in faces if len(find_faces(face)) == 1)
    photos = [(data.astronaut(), (115.0, 223.0, 100.0))]
    for i, (host, face) in enumerate(zip(hosts, frontal, strict=False)):
        photo, height = Image.fromarray(host), (0.1 + 0.02 * i) * len(host)
        side = round(height / 0.6)  # of the crop
        y, x = np.mgrid[:side, :side] / side - 0.5
        mask = np.clip((0.5 - np.hypot(x / 0.9, y)) / 0.08, 0, 1) * 255
        edge = round((0.2 + 0.05 * (5 * i % 11)) * (photo.width - side))
        top = round(0.15 * (photo.height - side) + i % 3 * 0.1 * photo.height)
        crop = Image.fromarray(face).resize((side, side))
        photo.paste(crop, (edge, top), Image.fromarray(mask.astype(np.uint8)))
        photos.append((np.asarray(photo), (top + 0.55 * side, edge + 0.5 * side, height)))
    return photos


def squared_error(picture: np.ndarray, **options: Any) -> tuple[np.ndarray, np.ndarray, float]:
    """A painting ``(H, W, 3)`` uint8 by `raster`, its squared errors ``(H, W)``, and processor seconds."""
    start = time.process_time()
    painting = paint_photo(picture, **options)
    seconds = time.process_time() - start
    painted = painting.render(renderer="raster")
    return painted, np.square(painted / 255 - picture / 255).mean(-1), seconds


def face_rows(options: Defaults) -> Iterator[Row]:
    """Error in the face, and outside, with equal weights and by default."""
    photos = portraits(options.pick(12, 2))
    numbers = {"strokes": options.pick(500, 10), "refine": options.pick(200, 1)}
    plain = dict[str, float]()
    for name, detail in (("none", None), ("auto", "auto")):
        rows = list[tuple[float, float, bool, float]]()
        for i, (photo, (y, x, height)) in enumerate(photos):
            painted, error, seconds = squared_error(photo, detail=detail, **numbers)
            Image.fromarray(painted).save(options.folder / f"face_{i}_{name}.png")
            lines, columns = np.mgrid[: len(photo), : photo.shape[1]]
            inside = np.hypot(lines - y, columns - x) < height / 2
            is_face = any(np.hypot(face[0] - y, face[1] - x) < 0.4 * height for face in find_faces(painted))
            rows.append((error[inside].mean(), error[~inside].mean(), is_face, seconds))
        face, rest, share, mean_seconds = (float(value) for value in np.mean(rows, 0))
        detected = round(share * len(photos))
        row: Row = {"detail": name, "l2 of the face": face, "l2 of the rest": rest}
        row |= {"seconds": mean_seconds, "detected": f"{detected} of {len(photos)}"}
        if detail is None:
            plain = {"face": face, "rest": rest}
            yield row
            continue
        met = face <= 0.75 * plain["face"] and rest <= 1.05 * plain["rest"] and detected >= 10
        yield row | {"bar": "face -25%, rest +5%, 10 of 12", "met": met}


def with_mean(rows: list[Row], name: str) -> list[Row]:
    """Rows, and one of their means, called "mean" in the column `name`."""
    return [
        *rows,
        {name: "mean"} | {key: float(np.mean([row[key] for row in rows])) for key in list(rows[0])[1:]},
    ]


def palette_rows(options: Defaults) -> list[Row]:
    """Distance of pixels to a palette of eight colours."""
    rows = list[Row]()
    pictures = {name: getattr(data, name)() for name in PHOTOS[: options.pick(3, 1)]}
    kodak = kodak_pictures(options.pick(3, 1))
    pictures |= {name: picture[0].transpose(1, 2, 0) for name, picture in kodak.items()}
    for name, picture in pictures.items():
        floats = torch.tensor(picture).float() / 255
        palette = choose_palette(floats.permute(2, 0, 1)[None], 8)
        colours = to_oklab(floats.reshape(-1, 3))
        far = torch.cdist(colours, to_oklab(palette)).amin(1)
        saturated = colours[:, 1:].norm(dim=1) > SATURATED
        share = (far[saturated] > FAR).float().mean().item() if saturated.any() else 0.0
        row: Row = {"picture": name, "mean distance": far.mean().item(), "saturated and far": share}
        rows.append(row | {"saturated": saturated.float().mean().item()})
    *rows, mean = with_mean(rows, "picture")
    return [*rows, mean | at_most(mean["saturated and far"], 0.15)]


def drawing() -> np.ndarray:
    """A face in lines, ``(512, 512, 3)`` uint8."""
    image = Image.new("L", (1024, 1024), 255)
    pen = ImageDraw.Draw(image)
    pen.arc((240, 200, 784, 860), 0, 360, fill=0, width=22)
    for x in (400, 624):
        pen.arc((x - 60, 420, x + 60, 500), 180, 360, fill=0, width=18)
        pen.ellipse((x - 18, 450, x + 18, 486), fill=0)
    pen.line((512, 480, 480, 620, 530, 630), fill=0, width=16, joint="curve")
    pen.arc((400, 620, 624, 760), 20, 160, fill=0, width=20)
    for x in range(200, 470, 30):
        pen.arc((x, x - 80, x + 360, 420), 190, 300, fill=0, width=12)
    return np.asarray(image.resize((512, 512), Image.Resampling.BOX).convert("RGB"))


def ink_row(options: Defaults) -> Row:
    """A line drawing in one ink: l2, and strokes whose removal lowers it."""
    policy, black = load("pretrained", opacity=(1.0, 1.0)), torch.zeros(1, 3)
    painter = PhotoPainter(policy, options.pick(200, 2), palette=black, background=(1.0, 1.0, 1.0))
    job = painter.prepare(Photo(drawing()))
    (painting,) = painter.refine([job], [painter.paint(job, options.pick(200, 10))])
    painting.save(options.folder / "ink.png", size=512)
    l2, rest = painter.l2(job, painting), (np.delete(painting.strokes, k, 0) for k in range(len(painting)))
    kind = (painting.design, painting.size, painting.background, painting.opacity)
    harmful = sum(painter.l2(job, Painting(strokes, *kind)) < l2 for strokes in rest)
    row: Row = {"strokes": len(painting), "l2": l2, "removal lowers it": harmful}
    return row | {"bar": "<= 0.01, 0 strokes", "met": l2 <= 0.01 and not harmful}


def default_rows(options: Defaults) -> list[Row]:
    """Today's default against that of version 0.1, in turn."""
    rows = list[Row]()
    new: dict[str, Any] = options.pick({}, {"strokes": 10, "refine": 1})
    for name in PHOTOS[: options.pick(4, 1)]:
        (_, before, old_seconds), (painted, after, seconds) = (
            squared_error(getattr(data, name)(), **numbers) for numbers in (OLD | new, new)
        )
        Image.fromarray(painted).save(options.folder / f"{name}.png")
        row: Row = {
            "photo": name,
            "l2, 500 strokes": float(before.mean()),
            "l2, default": float(after.mean()),
        }
        less, ratio = 1 - row["l2, default"] / row["l2, 500 strokes"], seconds / old_seconds
        rows.append(row | {"less": less, "times the time": ratio})
    *rows, mean = with_mean(rows, "photo")
    met = mean["less"] >= 0.19 and mean["times the time"] <= 1.35
    return [*rows, mean | {"bar": "19% less, 1.35 times", "met": met}]


def tables(options: Defaults) -> Iterator[Table]:
    """A table for each."""
    options.folder.mkdir(parents=True, exist_ok=True)
    yield "faces", list(face_rows(options))
    yield "palettes of 8 colours, distances in OKLab", palette_rows(options)
    yield "one ink, 200 strokes", [ink_row(options)]
    yield "defaults, processor time", default_rows(options)


if __name__ == "__main__":
    main(tables, Defaults)
