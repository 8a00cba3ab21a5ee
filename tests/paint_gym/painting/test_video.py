"""GIF and MP4 of a painting while it is painted."""

import av
import numpy as np
import pytest
from PIL import Image

from paint_gym.painting import Painting
from paint_gym.painting.video import HOLD, MP4_SIDE, SECONDS, pace


def random_painting(strokes, size=48, **options):
    return Painting(np.random.default_rng(0).random((strokes, 13)), size=size, **options)


def psnr(a, b):
    return 10 * np.log10(255**2 / max(1e-9, np.mean((a.astype(float) - b) ** 2)))


def read_gif(path):
    with Image.open(path) as gif:
        frames, seconds = [], []
        for i in range(gif.n_frames):
            gif.seek(i)
            frames.append(np.asarray(gif.convert("RGB")))
            seconds.append(gif.info["duration"] / 1000)
        return frames, seconds


def read_mp4(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        return frames, float(stream.duration * stream.time_base)


@pytest.mark.parametrize("strokes", [5, 450])
def test_gif(tmp_path, strokes):
    painting = random_painting(strokes, size=(40, 55), background=(1, 0.9, 0.8))
    painting.save(tmp_path / "p.gif")
    frames, seconds = read_gif(tmp_path / "p.gif")
    every, _ = pace(strokes)
    assert frames[0].shape == (40, 55, 3)
    assert len(frames) == -(-strokes // every) + 1
    assert seconds[-1] == HOLD and sum(seconds) <= SECONDS + HOLD + 0.1
    middle = len(frames) // 2
    for i in (0, middle, len(frames) - 1):
        assert psnr(frames[i], painting[: i * every].render()) > 27  # 256 colours


def test_gif_does_not_flicker(tmp_path):
    strokes = np.random.default_rng(0).random((30, 7)) * [0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 1]
    painting = Painting(strokes, "circle", size=64, background=(0.3, 0.6, 0.9))
    painting.save(tmp_path / "p.gif")
    frames, _ = read_gif(tmp_path / "p.gif")
    corners = np.stack([frame[-8:, -8:] for frame in frames])  # where no stroke comes
    assert (corners == corners[0, 0, 0]).all()


@pytest.mark.parametrize("strokes", [5, 450])
def test_mp4(tmp_path, strokes):
    painting = random_painting(strokes, size=(41, 55), background=(1, 0.9, 0.8))
    painting.save(tmp_path / "p.MP4")
    frames, seconds = read_mp4(tmp_path / "p.MP4")
    every, rate = pace(strokes)
    assert frames[0].shape == (42, 56, 3)  # even sides
    assert len(frames) == -(-strokes // every) + 1 + round(HOLD * rate)
    assert seconds == pytest.approx(len(frames) / rate, abs=0.01) and seconds < 10
    assert psnr(frames[0][:41, :55], painting[:0].render()) > 35
    assert psnr(frames[-1][:41, :55], painting.render()) > 26  # 4:2:0 colour
    head = (tmp_path / "p.MP4").read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")  # plays while it loads


@pytest.mark.parametrize("colour", [(0, 1, 0), (1, 0.4, 0), (0.2, 0.2, 1)])
def test_mp4_keeps_colours_and_says_how_they_are_coded(tmp_path, colour):
    Painting([], size=32, background=colour).save(tmp_path / "p.mp4")
    with av.open(str(tmp_path / "p.mp4")) as container:
        frame = next(container.decode(video=0))
    assert frame.colorspace == av.video.reformatter.Colorspace.ITU709
    decoded = frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    assert np.abs(decoded - np.array(colour) * 255).max() < 6


def test_a_film_larger_than_h264_takes(tmp_path):
    """An error that says what fits; what was there stays."""
    file = tmp_path / "film.mp4"
    random_painting(1).save(file)
    before = file.read_bytes()
    for size in (16, MP4_SIDE + 2), (MP4_SIDE + 2, 16):
        with pytest.raises(ValueError, match=f"a size of {MP4_SIDE} or less"):
            random_painting(1).save(file, size=size)
    for seconds in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="seconds must be above 0"):
            random_painting(1).save(file, seconds=seconds)
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]
