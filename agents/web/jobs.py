"""A job of the page: painting a picture, told stroke by stroke."""

from __future__ import annotations

import functools
import io
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from agents.checkpoint import load, shipped_agent
from agents.common.agent import Agent
from agents.painting.evaluation import l2_of
from agents.painting.paint import CANVAS, fit_to_canvas, paint
from agents.painting.palette import choose_palette
from agents.painting.refinement import refine
from agents.painting.saliency import face_weight
from agents.web.requests import (
    MAX_FILM_SIDE,
    MAX_PIXELS,
    MAX_SIDE,
    MAX_STROKES,
    ExportRequest,
    PaintRequest,
)
from paint_gym.datasets import read_image
from paint_gym.painting import Painting, json_format, svg
from paint_gym.renderers import make_renderer

SECONDS = 120.0  # of a job, at most
SHOW_EVERY = 10  # iterations of refinement
Event = dict[str, Any]


class Stopped(Exception):
    """The client has left, or the time is up."""


def photo_png(name: str) -> bytes:
    """One of scikit-image's photos."""
    content = io.BytesIO()
    Image.fromarray(getattr(data, name)()).save(content, "PNG")
    return content.getvalue()


def read_picture(request: PaintRequest) -> np.ndarray:
    """``(H, W, 3)`` uint8.

    Raises:
        ValueError: none, two, or a file that is no picture or too large; a sentence for the client.
    """
    if (request.photo is None) == (request.image is None):
        raise ValueError("send one picture: a photo's name, or an image")
    if request.photo is not None:
        return np.asarray(getattr(data, request.photo)())
    return read_image(request.picture_bytes(), "the picture", max_pixels=MAX_PIXELS, at_least=2 * CANVAS)


def checked(text: str) -> Painting:
    """A painting from a client.

    Raises:
        ValueError: it is none, or has too many strokes.
    """
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
def _agent(stroke: str) -> Agent:
    return load(shipped_agent(stroke), "cpu")


def warm_up() -> None:
    """Load what the first job would wait for."""
    target = torch.zeros(1, 3, 32, 32)
    (painting,) = paint(_agent("bezier"), target, 5)
    refine(painting, target[0], 1)


def paint_picture(request: PaintRequest, tell: Callable[[Event], None], stop: threading.Event) -> None:
    """Paint, and tell what is painted as it is.

    Events: ``start`` (``head``, all of the painting but its strokes, and ``box``, height and width in the
    units of the shapes), ``strokes`` (``shapes`` and numbers of ``strokes`` to be added), ``refined`` (those
    of all, ``l2``, ``iteration``), ``done`` (those of all, ``l2``, ``seconds``).

    Raises:
        ValueError: what is asked for cannot be; a sentence for the client.
        Stopped: `stop` was set, or the time is up.
    """
    began = time.monotonic()
    begun = None if request.painting is None else checked(request.painting)
    picture = torch.from_numpy(read_picture(request).copy())
    side = min(CANVAS, max(8, min(picture.shape[:2])))
    target = fit_to_canvas(picture, side)
    size = (target.shape[2], target.shape[3])
    agent = _agent(request.stroke if begun is None else begun.stroke)
    agent.actor.reseed(request.seed)
    opacity = (request.opacity, 1.0) if begun is None else begun.opacity
    agent.renderer = make_renderer("analytic", agent.renderer.design, opacity)
    weight = face_weight(picture.numpy(), size) if request.detail == "faces" else None
    palette = choose_palette(target, request.palette) if request.palette else None
    background = (0.0, 0.0, 0.0) if begun is None else begun.background
    there, l2, batch, iteration = 0, 0.0, 0, 0

    def check() -> None:
        if stop.is_set():
            raise Stopped("stopped")
        if time.monotonic() - began > SECONDS:
            raise Stopped(f"stopped after {SECONDS:.0f} seconds")

    def shapes(strokes: np.ndarray, first: int) -> list[str]:
        nonlocal batch
        batch += 1
        some = Painting(strokes, agent.renderer.design, size, background, opacity)
        nodes = some.nodes(svg.SEGMENTS)
        return list(svg.shapes(size, some.design.primitive, nodes, f"s{batch:x}-", first))

    def on_strokes(strokes: Tensor) -> None:
        nonlocal there
        check()
        some = strokes[0].numpy()
        tell({"event": "strokes", "shapes": shapes(some, there), "strokes": some.tolist()})
        there += strokes.shape[1]

    def on_refined(strokes: Tensor) -> None:
        nonlocal iteration
        check()
        iteration += 1
        if iteration % SHOW_EVERY == 0 and iteration < request.refine:
            some = strokes[0].cpu().numpy()
            event: Event = {"event": "refined", "iteration": iteration, "of": request.refine, "l2": l2}
            tell(event | {"shapes": shapes(some, 0), "strokes": some.tolist()})

    def on_iteration(value: float) -> bool:
        nonlocal l2
        l2 = value
        return False

    box = svg.view_box(size)
    head = json_format.head(agent.renderer.design, size, background, opacity)
    tell({"event": "start", "box": box, "head": head})
    if begun is not None:
        on_strokes(torch.from_numpy(begun.strokes.copy())[None])
    (painting,) = paint(
        agent, target, request.strokes, None, weight, None, palette, None, background,
        None if begun is None else [begun], on_strokes,
    )  # fmt: skip
    if request.refine:
        painting = refine(
            painting, target[0], request.refine, "cpu", on_iteration, 0.0, weight, palette, None, on_refined
        )
    l2 = l2_of(painting, target[0])
    tell(
        {
            "event": "done", "shapes": shapes(painting.strokes, 0), "strokes": painting.strokes.tolist(),
            "l2": l2, "seconds": time.monotonic() - began,
        }
    )  # fmt: skip


def export(request: ExportRequest) -> bytes:
    """The file of a painting.

    Raises:
        ValueError: it is no painting, or would be too large.
    """
    painting = checked(request.painting)
    limit = MAX_FILM_SIDE if request.format in ("mp4", "gif") else MAX_SIDE
    size = painting.scaled_size(min(limit, request.size or max(painting.size)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"painting.{request.format}"
        painting.save(file, size=size)
        return file.read_bytes()
