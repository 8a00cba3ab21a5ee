"""Films of a painting while it is painted: GIF and MP4, about ten seconds at most."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from paint_gym.painting.painting import Painting

SECONDS = 8.0  # of painting, at most
HOLD = 1.5  # seconds that the finished painting stays
FASTEST, SLOWEST = 25, 5  # frames per second
COLOURS = 255  # of a GIF; the 256th marks pixels that stay as they were
PALETTE_SAMPLES = 16  # frames whose colours make up the palette of a GIF


def pace(strokes: int) -> tuple[int, int]:
    """Strokes from one frame to the next, and frames per second, for a film of so many strokes.

    >>> pace(10), pace(200), pace(5000)
    ((1, 5), (1, 25), (25, 25))
    """
    every = max(1, math.ceil(strokes / (FASTEST * SECONDS)))
    return every, min(FASTEST, max(SLOWEST, round(strokes / SECONDS)))


def write_gif(painting: Painting, path: Path) -> None:
    """Write an endless GIF.

    All frames share one palette, of colours from all of the film, without dither: what is not painted over
    stays as it is, so nothing flickers and the file stays small.
    """
    every, rate = pace(len(painting))
    palette = _palette(painting)
    pictures = (
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in painting.frames(every)
    )
    count = math.ceil(len(painting) / every)
    next(pictures).save(
        path,
        "GIF",
        save_all=True,
        append_images=pictures,
        duration=[round(1000 / rate)] * count + [round(1000 * HOLD)],
        loop=0,
    )


def _palette(painting: Painting) -> Image.Image:
    """A picture whose palette holds the film's colours; the finished painting counts as much as the rest."""
    every = max(1, math.ceil(len(painting) / PALETTE_SAMPLES))
    small = painting.scaled_size(min(128, max(painting.size)))
    frames = list(painting.frames(every, small))
    film = np.concatenate(frames + frames[-1:] * len(frames))
    return Image.fromarray(film).quantize(COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=1)


def write_mp4(painting: Painting, path: Path) -> None:
    """Write an H.264 MP4 that browsers play.

    H.264 with 4:2:0 colour needs even sides: an odd side gets one more row or column, a copy of the last.
    """
    import av  # here, because it loads slowly and only films need it

    every, rate = pace(len(painting))
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "medium"})
        height, width = painting.size
        stream.height, stream.width = height + height % 2, width + width % 2
        stream.pix_fmt = "yuv420p"
        # BT.709, and said so: otherwise players guess, and colours shift.
        stream.codec_context.color_primaries = stream.codec_context.color_trc = (
            stream.codec_context.colorspace
        ) = 1
        stream.codec_context.color_range = 1
        for picture in _hold_last(painting.frames(every), round(HOLD * rate)):
            even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
        container.mux(stream.encode(None))


def _hold_last(frames: Iterator[np.ndarray], times: int) -> Iterator[np.ndarray]:
    """All frames, the last of them `times` more."""
    frame = next(frames)
    yield frame
    for frame in frames:
        yield frame
    yield from itertools.repeat(frame, times)
