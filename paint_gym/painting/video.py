"""Films of a painting that grows: GIF and MP4."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

SECONDS = 8.0  # in which a film shows the painting grow, at most, by default
HOLD = 1.5  # seconds of the finished painting at the end
FASTEST, SLOWEST = 25, 5  # frames per second
MP4_SIDE = 16_384  # pixels, the longest side that libx264 takes
COLOURS = 255  # of a GIF; the 256th marks unchanged pixels
PALETTE_SAMPLES = 16  # frames that the palette of a GIF is made from


def pace(strokes: int, seconds: float = SECONDS) -> tuple[int, int]:
    """Strokes from one frame to the next, and frames per second, of a film that takes so long at most.

    >>> [pace(strokes) for strokes in (10, 200, 5000)], pace(200, 2)
    ([(1, 5), (1, 25), (25, 25)], (4, 25))
    """
    every = max(1, math.ceil(strokes / (FASTEST * seconds)))
    return every, min(FASTEST, max(SLOWEST, round(strokes / seconds)))


def write_gif(
    path: Path, frames: Iterable[np.ndarray], count: int, rate: int, samples: Sequence[np.ndarray]
) -> None:
    """Write an endless GIF of `count` frames ``(H, W, 3)`` uint8, `rate` per second.

    All frames share a palette without dither: pixels that are not painted over do not change, so nothing
    flickers and the file stays small. Half of the weight of the palette is on the last of the samples.
    """
    film = np.concatenate([*samples, *[samples[-1]] * len(samples)])
    palette = Image.fromarray(film).quantize(COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=1)
    images = map(Image.fromarray, frames)
    pictures = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images)
    duration = [round(1000 / rate)] * (count - 1) + [round(1000 * HOLD)]
    next(pictures).save(path, "GIF", save_all=True, append_images=pictures, duration=duration, loop=0)


def write_mp4(path: Path, frames: Iterable[np.ndarray], rate: int) -> None:
    """Write an H.264 MP4 for browsers of frames ``(H, W, 3)`` uint8, `rate` per second.

    H.264 with 4:2:0 colour needs even sides: the last row or column of an odd side is repeated.
    """
    import av  # here, because it loads slowly and only films need it

    frames = iter(frames)
    first = next(frames)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "medium"})
        height, width = first.shape[:2]
        stream.height, stream.width = height + height % 2, width + width % 2
        stream.pix_fmt = "yuv420p"
        # The file names its colour space, BT.709: otherwise players guess, and colours shift.
        codec = stream.codec_context
        codec.color_primaries = codec.color_trc = codec.colorspace = codec.color_range = 1
        for picture in _hold_last(first, frames, round(HOLD * rate)):
            even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
        container.mux(stream.encode(None))


def _hold_last(frame: np.ndarray, frames: Iterator[np.ndarray], times: int) -> Iterator[np.ndarray]:
    """Yield all frames, and the last one `times` times more."""
    yield frame
    for frame in frames:
        yield frame
    yield from itertools.repeat(frame, times)
