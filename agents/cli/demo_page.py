"""The page that shows what the demo made, without network: it refers to the files beside it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib import resources
from string import Template

PHOTO = Template("""
<figure><div class="pair"><img src="$name.png" alt="A photo: $name"><video src="$name-painted.mp4"
poster="$name-painted.png" autoplay loop muted playsinline controls></video></div>
<figcaption>$name: <a href="$name-painted.png">.png</a> <a href="$name-painted.svg">.svg</a>
<a href="$name-painted.json">.json</a> <a href="$name-painted.mp4">.mp4</a></figcaption></figure>""")


def page(photos: Sequence[str], scores: Mapping[str, float], out: str) -> str:
    """The HTML, from the template ``demo.html`` beside this file.

    Args:
        photos: names of the painted photos.
        scores: what ``demo.json`` holds.
        out: the folder, as the reader would name it.
    """
    template = Template(resources.files("agents.cli").joinpath("demo.html").read_text(encoding="utf-8"))
    numbers = {name: f"{scores[name]:.4f}" for name in ("l2_untrained", "l2", "l2_refined")}
    numbers |= {name: str(scores[name]) for name in ("images", "strokes", "updates")}
    numbers |= {name: f"{scores[name]:.0f}" for name in ("seconds_photos", "seconds")}
    figures = "".join(PHOTO.substitute(name=name) for name in photos)
    return template.substitute(numbers, photos=figures, out=html.escape(out))
