"""Painting: what it accepts, renders and shows while it is painted; PNG and JPEG files."""

import dataclasses
import io
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from paint_gym.painting import MAX_SIDE, Painting
from paint_gym.painting import painting as painting_module
from paint_gym.renderers import make_renderer
from paint_gym.strokes import STROKES, get_stroke


def random_painting(strokes=20, stroke="bezier", seed=0, **options):
    values = np.random.default_rng(seed).random((strokes, get_stroke(stroke).dim), np.float32)
    return Painting(values, stroke, **options)


def test_equality_is_by_value():
    painting = random_painting()
    assert painting == random_painting()
    assert painting != random_painting(seed=1)
    assert painting != random_painting(size=64)
    assert painting != random_painting(background=(0, 0, 1))
    assert painting != random_painting(opacity=(0, 0.5))
    assert Painting([], "circle") != Painting([], "bezier")
    assert painting != 3


def test_slices():
    painting = random_painting(20, size=(30, 40), background=(0.1, 0.2, 0.3), opacity=(0.2, 0.9))
    head = painting[:5]
    assert len(painting) == 20 and len(head) == 5
    assert np.array_equal(head.strokes, painting.strokes[:5])
    for name in ("design", "size", "background", "opacity"):
        assert getattr(head, name) == getattr(painting, name)
    with pytest.raises(TypeError, match=r"painting\.strokes\[i\]"):
        painting[3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strokes": [[np.nan] * 13]}, "NaN or inf"),
        ({"strokes": [[0.5] * 12]}, "(K, 13), not (1, 12)"),
        ({"strokes": [["red"] * 13]}, "(K, 13)"),
        ({"strokes": [[0.5] * 13, [0.5] * 12 + [1.5]]}, "stroke 1 has 1.5"),
        ({"size": 0}, "from 1 to 32768 pixels, not 0"),
        ({"size": (128, MAX_SIDE + 1)}, "from 1 to 32768"),
        ({"size": (1, 2, 3)}, "not (1, 2, 3)"),
        ({"background": (0, 0, 2)}, "background must be 3 numbers in [0, 1]"),
        ({"opacity": (0.9, 0.1)}, "low <= high"),
        ({"stroke": "bezir"}, "did you mean 'bezier'"),
    ],
)
def test_refuses_bad_arguments_and_says_which(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Painting(**{"strokes": np.zeros((1, 13)), **arguments})


@pytest.mark.parametrize("stroke", STROKES)
def test_render_paints_all_strokes_on_the_background(stroke):
    painting = random_painting(12, stroke, size=(20, 30), background=(0.2, 0.4, 0.6), opacity=(0.3, 0.8))
    canvas = torch.tensor([0.2, 0.4, 0.6]).view(1, 3, 1, 1).expand(1, 3, 20, 30)
    canvas = make_renderer("analytic", stroke, (0.3, 0.8)).paint(canvas, torch.tensor(painting.strokes)[None])
    picture = painting.render()
    assert picture.shape == (20, 30, 3) and picture.dtype == np.uint8 and picture.flags.c_contiguous
    assert np.array_equal(picture, np.round(canvas[0].permute(1, 2, 0).numpy() * 255))


@pytest.mark.parametrize("renderer", ["analytic", "raster"])
@pytest.mark.parametrize("stroke", STROKES)
def test_large_pictures_are_painted_in_bands_alike(stroke, renderer, monkeypatch):
    painting = random_painting(stroke=stroke, size=(40, 61), background=(0.2, 0.5, 0.9))
    whole = painting.render(123, renderer)
    monkeypatch.setattr(painting_module, "BAND", 123 * 7)
    banded = painting.render(123, renderer).astype(int)
    assert np.abs(banded - whole).max() <= 1


def test_an_area_that_no_memory_holds_is_refused():
    painting = random_painting(1, size=(100, 100))
    for size in ((16_384, 8_193), 16_384):
        with pytest.raises(ValueError, match=r"pixels are more than 134,217,728; choose a smaller size"):
            painting.render(size)
    for size in ((32_768, 32_768), 32_768):
        with pytest.raises(ValueError, match="32768 x 32768 pixels are more"):
            random_painting(1, size=size)
    assert Painting(np.zeros((0, 13)), size=(1, 32_768)).render().shape == (1, 32_768, 3)


def test_render_sizes_and_renderers():
    painting = random_painting(5, size=(40, 80))
    assert painting.render(200).shape == (100, 200, 3)
    assert painting.render((50, 60)).shape == (50, 60, 3)
    assert painting.scaled_size(1) == (1, 1)
    with pytest.raises(ValueError, match="from 1 to"):
        painting.render(MAX_SIDE + 1)
    with pytest.raises(ValueError, match="did you mean 'raster'"):
        painting.render(renderer="rester")
    large = painting.render(320).reshape(40, 4, 80, 4, 3).mean((1, 3))
    assert np.abs(large - painting.render()).mean() < 1.5  # the same picture at another resolution
    assert np.abs(painting.render(renderer="raster").astype(float) - painting.render()).mean() < 1.5


@pytest.mark.parametrize(("every", "counts"), [(1, range(8)), (3, [0, 3, 6, 7]), (7, [0, 7]), (100, [0, 7])])
def test_frames_are_the_painting_so_far(every, counts):
    painting = random_painting(7, size=24, background=(1, 1, 1))
    frames = list(painting.frames(every))
    assert len(frames) == len(counts)
    for frame, count in zip(frames, counts, strict=True):
        assert np.array_equal(frame, painting[:count].render())
    assert all((a != b).any() for a, b in pairwise(frames))  # each frame is an array of its own
    with pytest.raises(ValueError, match="every must be at least 1"):
        painting.frames(0)  # at once, not when iterated


@pytest.mark.parametrize("ending", ["png", "PNG", "jpg", "jpeg"])
@pytest.mark.parametrize("strokes", [0, 10])
def test_saves_pictures(tmp_path, ending, strokes):
    painting = random_painting(strokes, size=(32, 48))
    path = tmp_path / "missing" / "folders" / f"p.{ending}"
    painting.save(path)
    with Image.open(path) as image:
        saved = np.asarray(image.convert("RGB"))
    exact = ending.lower() == "png"
    assert np.abs(saved.astype(float) - painting.render()).mean() <= (0 if exact else 3)
    painting.save(path, size=96)
    with Image.open(path) as image:
        assert image.size == (96, 64)
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # nothing else is left


def test_a_layer_without_a_background(tmp_path):
    disc = [0.5, 0.5, 0.5, 0.5, 1.0, 0.0, 0.0]
    layer = Painting([disc], "circle", (40, 60), background=None)
    assert layer.background is None and layer.backdrop == (1, 1, 1) and layer[:0].background is None
    rgba = layer.render_rgba()
    assert rgba.shape == (40, 60, 4) and rgba[0, 0, 3] == 0 and abs(int(rgba[20, 30, 3]) - 128) <= 1
    assert (np.abs(rgba[20, 30, :3].astype(int) - [255, 0, 0]) <= 2).all()
    assert (layer.render()[0, 0] == 255).all() and next(layer.frames())[0, 0].min() == 255
    layer.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "RGBA" and np.array_equal(np.asarray(picture), rgba)
    opaque = Painting([disc], "circle", (40, 60), background=(0, 0, 1))
    assert (opaque.render_rgba()[..., 3] == 255).all()
    with Image.open(io.BytesIO(layer._repr_png_())) as shown:
        assert shown.mode == "RGBA" and shown.size == (60, 40)


def test_keeps_a_read_only_float32_copy():
    values = np.random.default_rng(0).random((3, 13))
    painting = Painting(values)
    copy = values.astype(np.float32)
    values[:] = 0
    assert painting.strokes.dtype == np.float32 and np.array_equal(painting.strokes, copy)
    with pytest.raises(ValueError, match="read-only"):
        painting.strokes[0, 0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        painting.size = (1, 1)


def test_arrays_hold_paintings_whole():
    paintings = [random_painting(), random_painting(3)]
    array = np.stack([np.asarray(painting) for painting in paintings])
    assert array.shape == (2,) and array[1] is paintings[1]
