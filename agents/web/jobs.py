"""A job of the page: a picture is painted, and sent stroke by stroke."""

from __future__ import annotations

import base64
import binascii
import functools
import io
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from agents.checkpoint import load, shipped_agent
from agents.painting.paint import paint
from agents.painting.palette import hex_colours, parse_palette
from agents.painting.photo import Photo, PhotoPainter
from agents.painting.policy import PaintingPolicy
from agents.painting.refinement import refine
from agents.web.requests import MAX_FILM_SIDE, MAX_PIXELS, MAX_SIDE, MAX_STROKES, ExportRequest, PaintRequest
from paint_gym.painting import FORMATS, Painting, Paper, check_colour, json_format
from paint_gym.renderers import make_renderer

SECONDS = 120.0  # of a job, at most
SHOW_SECONDS = 0.5  # between two previews of a refinement
Event = dict[str, Any]


class Stopped(Exception):
    """A job that ends early: the client has left, or the time is up."""


def photo_png(name: str) -> bytes:
    """One of scikit-image's photos."""
    content = io.BytesIO()
    Image.fromarray(getattr(data, name)()).save(content, "PNG")
    return content.getvalue()


def photo_of(request: PaintRequest) -> Photo:
    """The photo of a request; a `ValueError` has a sentence for the client."""
    if (request.photo is None) == (request.image is None):
        raise ValueError("send one picture: a photo's name, or an image")
    if request.photo is not None:
        return Photo(np.asarray(getattr(data, request.photo)()), request.photo)
    try:
        content = base64.b64decode(request.image or "", validate=True)
    except binascii.Error as error:
        raise ValueError(f"image is not base64: {error}") from None
    return Photo(content, "the picture", MAX_PIXELS)


def checked(text: str) -> Painting:
    """A painting from a client; a `ValueError` says that it is none, or too large."""
    try:
        painting = Painting.from_json(text.encode())
    except ValueError as error:
        raise ValueError(f"this is not a painting: {error}") from None
    if len(painting) > MAX_STROKES:
        raise ValueError(f"a painting has at most {MAX_STROKES} strokes here, not {len(painting)}")
    if max(painting.size) > MAX_SIDE:
        raise ValueError(f"a painting is at most {MAX_SIDE} pixels long here")
    return painting


@functools.cache
def _policy(stroke: str) -> PaintingPolicy:
    return load(shipped_agent(stroke), "cpu")


def warm_up() -> None:
    """Load everything that the first job would wait for."""
    target = torch.zeros(1, 3, 32, 32)
    (painting,) = paint(_policy("bezier"), target, 5)
    refine(painting, target[0], 1)


def background_of(request: PaintRequest, init: Painting | None) -> tuple[float, float, float] | None:
    """Colour of the empty canvas; a painting to go on with has its own."""
    if init is not None:
        return init.background
    return None if request.background is None else check_colour(parse_palette([request.background])[0])


def painter_of(request: PaintRequest, init: Painting | None) -> PhotoPainter:
    """The painter that a request asks for."""
    policy = _policy(request.stroke if init is None else init.stroke)
    opacity = (request.opacity, 1.0) if init is None else init.opacity
    renderer = make_renderer("analytic", policy.renderer.design, opacity)
    palette = request.palette or None
    return PhotoPainter(
        policy=replace(policy, renderer=renderer, seed=request.seed),
        iterations=request.refine,
        background=background_of(request, init),
        palette=parse_palette(palette) if isinstance(palette, list) else palette,
        detail="auto" if request.detail == "auto" else None,
        init=init,
        paper=None if request.paper is None else Paper(*request.paper),
    )


class PaintingJob:
    """A painting while it is made; each event is given to `send`, and `stop` is set when the client has left.

    Events: ``start`` (``head``, all of the painting but its strokes, and ``palette``, its only colours or
    null), ``strokes`` (the ``strokes`` to be added), ``refined`` (all ``strokes``, ``share`` of the
    iterations), ``done`` (all ``strokes``, ``l2``, ``seconds``). Numbers are rounded until they are done.
    """

    def __init__(self, request: PaintRequest, send: Callable[[Event], None], stop: threading.Event) -> None:
        self.request, self.send, self.stop = request, send, stop
        self.start = self.shown = time.monotonic()
        self.share = 0.0

    def run(self) -> None:
        """Paint; a `ValueError` is a sentence for the client, and `Stopped` ends early."""
        request = self.request
        init = None if request.painting is None else checked(request.painting)
        painter = painter_of(request, init)
        job = painter.prepare(photo_of(request))
        renderer, size = painter.policy.renderer, (job.target.shape[2], job.target.shape[3])
        head = json_format.head(renderer.design, size, background_of(request, init), renderer.opacity)
        palette = None if job.options.palette is None else hex_colours(job.options.palette)
        self.send({"event": "start", "head": head, "palette": palette})
        painting = painter.paint(job, request.strokes, on_strokes=self.on_strokes)
        (painting,) = painter.refine([job], [painting], on_strokes=self.on_refined)
        l2, seconds = painter.l2(job, painting), time.monotonic() - self.start
        self.send({"event": "done", "strokes": painting.strokes.tolist(), "l2": l2, "seconds": seconds})

    def on_strokes(self, strokes: Tensor) -> None:
        """Send the strokes of a bundle."""
        self.check()
        self.send({"event": "strokes", "strokes": _rounded(strokes)})

    def on_refined(self, strokes: Tensor) -> None:
        """Send all strokes, every `SHOW_SECONDS`."""
        self.check()
        self.share += 1 / self.request.refine
        if time.monotonic() - self.shown >= SHOW_SECONDS:
            self.shown = time.monotonic()
            self.send({"event": "refined", "strokes": _rounded(strokes), "share": self.share})

    def check(self) -> None:
        """Stop if the client has left or the time is up."""
        if self.stop.is_set():
            raise Stopped("stopped")
        if time.monotonic() - self.start > SECONDS:
            raise Stopped(f"stopped after {SECONDS:.0f} seconds")


def _rounded(strokes: Tensor) -> list[list[float]]:
    return strokes[0].cpu().double().numpy().round(4).tolist()


def export(request: ExportRequest) -> bytes:
    """The file of a painting; a `ValueError` says that it is none, or too large."""
    limit = MAX_FILM_SIDE if FORMATS[f".{request.format}"].is_film else MAX_SIDE
    painting = checked(request.painting)
    size = painting.scaled_size(min(limit, request.size or max(painting.size)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"painting.{request.format}"
        painting.save(file, size=size, paper=None if request.paper is None else Paper(*request.paper))
        return file.read_bytes()
