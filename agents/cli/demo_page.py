"""The page of the demo's results, which needs no network, and the pictures on it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib import resources
from string import Template

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from paint_gym.painting import Painting

SIDE = 512  # pixels of each picture in the overview
LABEL = 48  # pixels of the line above each row

PHOTO = Template("""
<figure><div class="pair"><img src="$name.png" alt="A photo: $name"><video src="$name-painted.mp4"
poster="$name-painted.png" autoplay loop muted playsinline controls></video></div>
<figcaption>$name: <a href="$name-painted.png">.png</a> <a href="$name-painted.svg">.svg</a>
<a href="$name-painted.json">.json</a> <a href="$name-painted.mp4">.mp4</a></figcaption></figure>""")


def page(photos: Sequence[str], scores: Mapping[str, float], out: str) -> str:
    """HTML of the page with the names of the photos, the content of ``demo.json`` and the folder's name."""
    template = Template(resources.files("agents.cli").joinpath("demo.html").read_text(encoding="utf-8"))
    numbers = {name: f"{scores[name]:.4f}" for name in ("l2_untrained", "l2", "l2_refined")}
    numbers |= {name: str(scores[name]) for name in ("images", "strokes", "updates")}
    numbers |= {name: f"{scores[name]:.0f}" for name in ("seconds_photos", "seconds")}
    figures = "".join(PHOTO.substitute(name=name) for name in photos)
    return template.substitute(numbers, photos=figures, out=html.escape(out))


def overview(pictures: np.ndarray, rows: Sequence[Sequence[Painting]], labels: Sequence[str]) -> np.ndarray:
    """Labelled rows: the pictures ``(N, 3, H, W)``, then paintings of them."""
    targets = [
        np.asarray(Image.fromarray(picture.transpose(1, 2, 0)).resize((SIDE, SIDE))) for picture in pictures
    ]
    images = [targets, *([painting.render(SIDE) for painting in row[: len(pictures)]] for row in rows)]
    sheet = Image.new("RGB", (len(pictures) * SIDE, len(images) * (SIDE + LABEL)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(LABEL * 0.7)
    for i, (label, row) in enumerate(zip(labels, images, strict=True)):
        top = i * (SIDE + LABEL)
        draw.text((12, top + LABEL * 0.1), label, fill="black", font=font)
        for j, image in enumerate(row):
            sheet.paste(Image.fromarray(image), (j * SIDE, top + LABEL))
    return np.asarray(sheet)
