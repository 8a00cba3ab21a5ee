"""SVG files: drawn by an independent library, resvg, they look like our own rendering."""

import io
import re
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import resvg_py
import torch
from PIL import Image

from paint_gym.painting import Painting, svg
from paint_gym.strokes import StrokeDesign, get_stroke, stroke_names

SPACE = "{http://www.w3.org/2000/svg}"


def random_painting(stroke, thickness=1.0, strokes=200, **options):
    design = get_stroke(stroke)
    values = np.random.default_rng(0).random((strokes, design.dim))
    for i, name in enumerate(design.parameters):
        if name.startswith("r"):
            values[:, i] *= thickness
    return Painting(values, stroke, **options)


def lines_of(painting):
    nodes = painting.nodes(svg.SEGMENTS)
    return list(svg.lines(painting.size, painting.background, painting.design.primitive, nodes))


def text_of(painting):
    return "\n".join(lines_of(painting))


def picture(painting, height, width):
    png = resvg_py.svg_to_bytes(svg_string=text_of(painting), width=width, height=height)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float)


def psnr(painting, size=None):
    ours = painting.render(size)
    return 10 * np.log10(255**2 / np.mean((picture(painting, *ours.shape[:2]) - ours) ** 2))


@pytest.mark.slow
@pytest.mark.parametrize("size", [128, 512])
@pytest.mark.parametrize("thickness", [1.0, 0.1])
@pytest.mark.parametrize("stroke", stroke_names())
def test_200_strokes_look_the_same(stroke, thickness, size):
    assert psnr(random_painting(stroke, thickness), size) > 38  # measured: 40.8 and more


@pytest.mark.parametrize("stroke", stroke_names())
def test_one_stroke_looks_the_same(stroke):
    for seed in range(4):
        values = np.random.default_rng(seed).random((1, get_stroke(stroke).dim))
        values[:, -3:] = 1
        assert psnr(Painting(values, stroke), 400) > 38


def test_not_square_and_opacity_and_background():
    painting = random_painting(
        "bezier", 0.5, 50, size=(90, 160), background=(0.9, 0.5, 0.1), opacity=(0.3, 0.6)
    )
    assert psnr(painting) > 38
    assert psnr(painting, 400) > 38


def test_strokes_within_a_disc_and_points():
    values = [
        [0.5, 0.5, 0.5, 0.55, 1.0, 1.0, 0.1, 0.2, 1, 0, 0],  # the last disc within the first
        [0.2, 0.2, 0.2, 0.25, 0.0, 1.0, 0.9, 0.0, 0, 1, 0],  # the first within the last
        [0.8, 0.8, 0.8, 0.8, 0.3, 0.2, 0.3, 0.9, 0, 0, 1],  # no length
        [0.1, 0.9, 0.1, 0.9, 0.0, 0.5, 0.0, 0.5, 1, 1, 1],  # one thin dot
    ]
    assert psnr(Painting(values, "straight"), 400) > 38


def test_the_last_disc_decides_the_alpha():
    folds_back = [0.1, 0.5, 1.0, 0.5, 0.12, 0.5, 0.3, 1.0, 0.3, 0.0, 1, 1, 1]
    there_and_back = StrokeDesign(
        "there-and-back",
        ("t0", "t1"),
        "sweep",
        lambda p, segments: torch.stack(
            [
                torch.stack([0 * t + x, 0 * t + 0.5, 0 * t + 0.1, t], -1)
                for x, t in ((0.2, p[:, 0]), (0.8, p.mean(1)), (0.4, p[:, 1]))
            ],
            1,
        ),
    )
    painting = Painting([[1.0, 0.0, 1, 1, 1]], there_and_back)
    assert psnr(painting, 300) > 33  # where it covers itself, our own edge is a pixel further out
    centre = picture(painting, 300, 300)[150]
    assert centre[120].max() < 6 and centre[70].min() > 180  # the end covers the beginning
    assert psnr(Painting([folds_back]), 300) > 36


@pytest.mark.parametrize("corners", [3, 5])
def test_designs_of_ones_own(corners):
    angles = torch.arange(corners) * 2 * torch.pi / corners

    def polygon(p, segments):
        x, y, t = (value[:, None] + 0 * angles for value in p.unbind(-1))
        return torch.stack([x + 0.2 * angles.cos(), y + 0.2 * angles.sin(), 0 * x, t], -1)

    def zigzag(p, segments):
        x, y, t = (value[:, None] + 0 * angles for value in p.unbind(-1))
        up = torch.arange(corners) % 2
        return torch.stack(
            [x + 0.1 * torch.arange(corners), y + 0.3 * up, 0.02 + 0 * x, t * (1 - 0.3 * up)], -1
        )

    values = np.random.default_rng(1).random((10, 6))
    for nodes, shape in ((polygon, "polygon"), (zigzag, "sweep")):
        assert psnr(Painting(values, StrokeDesign("own", ("x", "y", "t"), shape, nodes)), 256) > 38


def test_mask_keeps_the_corners():
    def nodes(p, segments):
        i = torch.arange(16, dtype=p.dtype)
        one = torch.stack([0.1 + 0.05 * i, 0.3 + 0.4 * (i % 2), 0 * i + 0.01, 1 - 0.021 * i], -1)
        return one.expand(len(p), 16, 4)

    painting = Painting([[0.5, 1, 1, 1]], StrokeDesign("saw", ("x",), "sweep", nodes))
    assert psnr(painting, 256) > 38


@pytest.mark.parametrize("stroke", stroke_names())
def test_well_formed_and_vector_only(stroke):
    painting = random_painting(stroke, strokes=20, size=(40, 60), background=(1, 0.5, 0))
    root = ET.fromstring(text_of(painting))
    assert root.tag == SPACE + "svg"
    assert (root.get("viewBox"), root.get("width"), root.get("height")) == ("0 0 60 40", "60", "40")
    assert root[0].tag == SPACE + "rect" and root[0].get("fill") == "#ff8000"
    assert {element.tag.removeprefix(SPACE) for element in root.iter()} <= {"svg", "rect", "path", "mask"}
    assert len(root.findall(SPACE + "path")) == 20  # one per stroke
    masks = [mask.get("id") for mask in root.iter(SPACE + "mask")]
    used = [path.get("mask")[5:-1] for path in root.findall(SPACE + "path") if path.get("mask")]
    assert masks == used and len(set(masks)) == len(masks)
    assert not re.search("nan|inf", text_of(painting))


def test_one_path_where_alpha_does_not_change():
    assert "mask" not in text_of(random_painting("bezier", opacity=(1, 1)))
    assert "mask" not in text_of(random_painting("circle"))
    assert text_of(random_painting("bezier")).count("<mask") > 190


def test_curves_take_no_more_pieces_than_they_need():
    line = [0.1, 0.1, 0.5, 0.5, 0.9, 0.9, 0.2, 1, 0.2, 1, 1, 1, 1]
    bend = [0.1, 0.1, 1.0, 0.0, 0.9, 0.9, 0.2, 1, 0.2, 1, 1, 1, 1]
    pieces = [text_of(Painting([stroke])).count("L") for stroke in (line, bend)]
    assert pieces[0] == 1 and 6 <= pieces[1] <= 32


def test_resolution_of_the_numbers_follows_the_size():
    values = np.random.default_rng(0).random((20, 7))
    for size in (16, 2048):
        assert psnr(Painting(values, "circle", size), 512) > 38
    assert Painting(values, "circle", 2048).size == (2048, 2048)
    assert len(text_of(Painting(values, "circle", 2048))) < 1.2 * len(
        text_of(Painting(values, "circle", 128))
    )


def test_file_is_deterministic_compact_and_has_the_asked_size(tmp_path):
    painting = random_painting("bezier", strokes=50)
    painting.save(tmp_path / "a.svg")
    painting.save(tmp_path / "b.SVG")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.SVG").read_bytes()
    assert (tmp_path / "a.svg").stat().st_size < 50 * 5000
    painting.save(tmp_path / "c.svg", size=(64, 32))
    assert 'viewBox="0 0 32 64"' in (tmp_path / "c.svg").read_text()


def test_no_strokes():
    assert (picture(Painting([], background=(0, 1, 0)), 8, 8) == [0, 255, 0]).all()


@pytest.mark.slow
def test_thousands_of_strokes_take_seconds():
    painting = random_painting("bezier", strokes=2000)
    start = time.monotonic()
    assert len(lines_of(painting)) == 2003
    assert time.monotonic() - start < 10  # measured: 1
