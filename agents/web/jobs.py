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
from agents.painting.photo import Photo, PhotoPainter
from agents.painting.policy import PaintingPolicy
from agents.painting.refinement import refine
from agents.web.requests import MAX_FILM_SIDE, MAX_PIXELS, MAX_SIDE, MAX_STROKES, ExportRequest, PaintRequest
from paint_gym.painting import FORMATS, Painting, json_format, svg
from paint_gym.renderers import make_renderer

SECONDS = 120.0  # of a job, at most
SHOW_EVERY = 10  # iterations of refinement
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


def painter_of(request: PaintRequest, init: Painting | None) -> PhotoPainter:
    """The painter that a request asks for."""
    policy = _policy(request.stroke if init is None else init.stroke)
    opacity = (request.opacity, 1.0) if init is None else init.opacity
    renderer = make_renderer("analytic", policy.renderer.design, opacity)
    return PhotoPainter(
        policy=replace(policy, renderer=renderer, seed=request.seed),
        iterations=request.refine,
        background=(0.0, 0.0, 0.0) if init is None else init.background,
        palette=request.palette or None,
        detail="faces" if request.detail == "faces" else None,
        init=init,
    )


class PaintingJob:
    """A painting while it is made; each event is given to `send`, and `stop` is set when the client has left.

    Events: ``start`` (``head``, all of the painting but its strokes, and ``box``, height and width in the
    units of the shapes), ``strokes`` (``shapes`` and numbers of the ``strokes`` to be added), ``refined``
    (those of all, ``l2``, ``iteration``), ``done`` (those of all, ``l2``, ``seconds``).
    """

    def __init__(self, request: PaintRequest, send: Callable[[Event], None], stop: threading.Event) -> None:
        self.request, self.send, self.stop = request, send, stop
        self.start = time.monotonic()
        self.strokes_done = self.batch = self.iteration = 0
        self.l2 = 0.0

    def run(self) -> None:
        """Paint.

        Raises:
            ValueError: a request that is not possible; a sentence for the client.
            Stopped: `stop` is set, or the time is up.
        """
        request = self.request
        init = None if request.painting is None else checked(request.painting)
        painter = painter_of(request, init)
        job = painter.prepare(photo_of(request))
        design, opacity = painter.policy.renderer.design, painter.policy.renderer.opacity
        background = (0.0, 0.0, 0.0) if init is None else init.background
        self.empty = Painting([], design, (job.target.shape[2], job.target.shape[3]), background, opacity)
        head = json_format.head(design, self.empty.size, background, opacity)
        self.send({"event": "start", "box": svg.view_box(self.empty.size), "head": head})
        if init is not None:
            self.on_strokes(torch.from_numpy(init.strokes.copy())[None])
        painting = painter.paint(job, request.strokes, on_strokes=self.on_strokes)
        if request.refine:
            (painting,) = painter.refine([job], [painting], self.on_iteration, self.on_refined)
        event = {"event": "done", "l2": painter.l2(job, painting), "seconds": time.monotonic() - self.start}
        self.send(event | self.drawn(painting.strokes, 0))

    def on_strokes(self, strokes: Tensor) -> None:
        """Send the strokes of a bundle."""
        self.check()
        self.send({"event": "strokes"} | self.drawn(strokes[0].numpy(), self.strokes_done))
        self.strokes_done += strokes.shape[1]

    def on_refined(self, strokes: Tensor) -> None:
        """Send all strokes, every `SHOW_EVERY` iterations."""
        self.check()
        self.iteration += 1
        total = self.request.refine
        if self.iteration % SHOW_EVERY == 0 and self.iteration < total:
            event = {"event": "refined", "iteration": self.iteration, "of": total, "l2": self.l2}
            self.send(event | self.drawn(strokes[0].cpu().numpy(), 0))

    def on_iteration(self, l2: float) -> None:
        """Remember the l2 for the next event."""
        self.l2 = l2

    def check(self) -> None:
        """Stop if the client has left or the time is up."""
        if self.stop.is_set():
            raise Stopped("stopped")
        if time.monotonic() - self.start > SECONDS:
            raise Stopped(f"stopped after {SECONDS:.0f} seconds")

    def drawn(self, strokes: np.ndarray, first: int) -> Event:
        """Strokes as SVG shapes and as numbers."""
        self.batch += 1
        empty = self.empty
        part = Painting(strokes, empty.design, empty.size, empty.background, empty.opacity)
        nodes = part.nodes(svg.SEGMENTS)
        shapes = svg.shapes(part.size, part.design.primitive, nodes, f"s{self.batch:x}-", first)
        return {"shapes": list(shapes), "strokes": strokes.tolist()}


def export(request: ExportRequest) -> bytes:
    """The file of a painting; a `ValueError` says that it is none, or too large."""
    painting = checked(request.painting)
    limit = MAX_FILM_SIDE if FORMATS[f".{request.format}"].is_film else MAX_SIDE
    size = painting.scaled_size(min(limit, request.size or max(painting.size)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"painting.{request.format}"
        painting.save(file, size=size)
        return file.read_bytes()
