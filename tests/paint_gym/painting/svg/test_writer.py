"""SVG files: drawn by an independent library, resvg, they look like our own rendering."""

import io
import json
import re
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import resvg_py
import torch
from PIL import Image

from paint_gym.painting import Painting
from paint_gym.strokes import STROKES, StrokeDesign, get_stroke

SPACE = "{http://www.w3.org/2000/svg}"


def random_painting(stroke, thickness=1.0, strokes=200, **options):
    design = get_stroke(stroke)
    values = np.random.default_rng(0).random((strokes, design.dim))
    for i, name in enumerate(design.parameters):
        if name.startswith("r"):
            values[:, i] *= thickness
    return Painting(values, stroke, **options)


def text_of(painting):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "painting.svg")
        painting.save(path)
        return path.read_text()


def drawn(text, height, width):
    png = resvg_py.svg_to_bytes(svg_string=text, width=width, height=height)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float)


def picture(painting, height, width):
    return drawn(text_of(painting), height, width)


def psnr(painting, size=None):
    ours = painting.render(size)
    return 10 * np.log10(255**2 / np.mean((picture(painting, *ours.shape[:2]) - ours) ** 2))


@pytest.mark.parametrize(("thickness", "size"), [(1.0, 128), (0.1, 128), (0.1, 512)])
@pytest.mark.parametrize("stroke", STROKES)
def test_200_strokes_look_the_same(stroke, thickness, size):
    assert psnr(random_painting(stroke, thickness), size) > 35  # measured: 36.1 and more


@pytest.mark.parametrize("opacity", [(0, 1), (1, 1)])
@pytest.mark.parametrize("stroke", STROKES)
def test_one_stroke_looks_the_same(stroke, opacity):
    scores = []
    for seed in range(40):
        values = np.random.default_rng(seed).random((1, get_stroke(stroke).dim))
        values[:, -3:] = 1
        scores.append(psnr(Painting(values, stroke, opacity=opacity), 400))
    assert np.median(scores) > 39 and min(scores) > 27  # a gradient is not exact where a stroke bends


@pytest.mark.parametrize(
    "stroke",
    [
        [0.5, 0.25, 1, 1, 0.25, 0.5, 0.565652, 1, 0.565652, 1], [0.25, 0.25, 1, 1, 0.25, 0.68, 1, 1, 1, 1],
        [0.5, 0.96, 0, 1, 0.5, 0.25, 1, 1, 1, 1], [0.5, 0.93, 0, 0, 0.5, 0.25, 1, 1, 1, 1],
        [0.2, 0.2, 0, 0, 0.8, 0.7, 0.3, 1, 0.3, 1], [0.2, 0.2, 1, 1, 0.8, 0.7, 0.3, 1, 0.1, 1],
    ],
)  # fmt: skip
def test_curves_whose_middle_point_is_an_end(stroke):
    assert psnr(Painting([[*stroke, 1, 1, 1]]), 400) > 30


def test_polylines_keep_their_shape():
    places = [
        [(0.9, 0.9, 0.047), (0.5, 0.5, 0.06), (0.393, 0.393, 0.12)],
        [(0.239, 0.899, 0.101), (0.319, 0.784, 0.039), (0.627, 0.5, 0.025)],
        [(0.75, 0.125, 0.015), (0.625, 0.25, 0.09), (0.375, 0.625, 0.09)],
        [(0.2, 0.2, 0.02), (0.3, 0.8, 0.06), (0.5, 0.2, 0.02), (0.6, 0.8, 0.06), (0.8, 0.2, 0.02)],
    ]
    for i, nodes in enumerate(places):
        fixed = torch.tensor([(*node, 1.0) for node in nodes])
        design = StrokeDesign(f"own{i}", ("x",), "sweep", lambda p, segments, fixed=fixed: fixed.to(p)[None])
        assert psnr(Painting([[0.5, 1, 1, 1]], design), 400) > 35


def test_a_glow_is_round():
    glow = [0.5, 0.5, 0.55, 0.5, 1.0, 0.0, 0.1, 1.0, 1, 1, 1]
    assert "<radialGradient" in text_of(Painting([glow], "straight"))
    assert psnr(Painting([glow], "straight"), 400) > 38


def test_not_square_and_opacity_and_background():
    options = {"size": (90, 160), "background": (0.9, 0.5, 0.1), "opacity": (0.3, 0.6)}
    painting = random_painting("bezier", 0.5, 50, **options)
    assert psnr(painting) > 38
    assert psnr(painting, 400) > 38


def test_strokes_within_a_disc_and_points():
    values = [
        [0.5, 0.5, 0.5, 0.55, 1.0, 1.0, 0.1, 0.9, 1, 0, 0],  # the last disc within the first
        [0.2, 0.2, 0.2, 0.25, 0.0, 1.0, 0.9, 0.0, 0, 1, 0],  # the first within the last
        [0.8, 0.8, 0.8, 0.8, 0.3, 0.2, 0.3, 0.9, 0, 0, 1],  # no length
        [0.1, 0.9, 0.1, 0.9, 0.0, 0.5, 0.0, 0.5, 1, 1, 1],  # one thin dot
    ]
    assert psnr(Painting(values, "straight"), 400) > 38


def test_the_last_disc_decides_the_alpha():
    folds_back = [0.1, 0.5, 1.0, 0.5, 0.12, 0.5, 0.3, 1.0, 0.3, 0.0, 1, 1, 1]

    def nodes(p, segments):
        t = torch.stack([p[:, 0], p.mean(1), p[:, 1]], 1)
        return torch.stack([0 * t + torch.tensor([0.2, 0.8, 0.4]), 0 * t + 0.5, 0 * t + 0.1, t], -1)

    there_and_back = StrokeDesign("there-and-back", ("t0", "t1"), "sweep", nodes)
    painting = Painting([[1.0, 0.0, 1, 1, 1]], there_and_back)
    centre = picture(painting, 300, 300)[150]
    assert centre[120].max() < 60 and centre[70].min() > 150  # the end covers the beginning
    assert psnr(Painting([folds_back]), 300) > 28


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
        assert psnr(Painting(values, StrokeDesign("own", ("x", "y", "t"), shape, nodes)), 256) > 36


@pytest.mark.parametrize("stroke", STROKES)
def test_well_formed_and_vector_only(stroke):
    painting = random_painting(stroke, strokes=20, size=(40, 60), background=(1, 0.5, 0))
    root = ET.fromstring(text_of(painting))
    assert root.tag == SPACE + "svg" and (root.get("width"), root.get("height")) == ("60", "40")
    assert root.get("viewBox") == "0 0 3000 2000"  # whole units
    assert root[0].text == f"A painting of 20 {stroke} strokes"
    about = json.loads(root[1].text)
    assert (about["stroke"], about["strokes"], about["size"]) == (stroke, 20, [40, 60])
    assert root.find(SPACE + "path").get("fill") == "#ff8000"
    group = root.find(SPACE + "g")
    paths = group.findall(SPACE + "path")
    assert len(paths) == 20  # one per stroke
    clip, page = root.find(SPACE + "clipPath"), root.find(f"{SPACE}clipPath/{SPACE}path")
    assert group.get("clip-path") == f"url(#{clip.get('id')})" and page.get("d") == "M0 0h3000v2000H0z"
    names = {"svg", "g", "clipPath", "title", "metadata", "path", "linearGradient", "radialGradient", "stop"}
    assert {element.tag.removeprefix(SPACE) for element in root.iter()} <= names
    gradients = [element.get("id") for element in root.iter() if element.tag.endswith("Gradient")]
    used = [path.get("fill")[5:-1] for path in paths if path.get("fill").startswith("url")]
    assert gradients == used and len(set(gradients)) == len(gradients)
    assert not re.search("nan|inf", text_of(painting))


def test_titles_are_escaped():
    design = StrokeDesign("<b>&", ("x", "y", "r", "t"), "sweep", get_stroke("circle").definition)
    root = ET.fromstring(text_of(Painting([], design)))
    assert root[0].text == "A painting of 0 <b>& strokes"


def test_file_is_deterministic_compact_and_has_the_asked_size(tmp_path):
    painting = random_painting("bezier", strokes=50)
    painting.save(tmp_path / "a.svg")
    painting.save(tmp_path / "b.SVG")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.SVG").read_bytes()
    assert (tmp_path / "a.svg").stat().st_size < 50 * 500
    painting.save(tmp_path / "c.svg", size=(64, 32))
    assert 'width="32" height="64"' in (tmp_path / "c.svg").read_text()


def test_several_in_one_page_are_drawn_as_each_alone():
    one, two = random_painting("bezier", strokes=30), random_painting("bezier", strokes=31)
    page = '<svg xmlns="http://www.w3.org/2000/svg" width="384" height="128" viewBox="0 0 384 128">'
    for i, painting in enumerate((one, two, one)):
        page += text_of(painting).replace("<svg ", f'<svg x="{128 * i}" ')
    shown = drawn(page + "</svg>", 128, 384)
    for i, painting in enumerate((one, two, one)):
        off = np.abs(shown[:, 128 * i : 128 * (i + 1)] - picture(painting, 128, 128))
        assert off.mean() < 0.2  # edges are rounded in another way
    names = [set(re.findall(r'id="([^"]*)"', text_of(painting))) for painting in (one, two)]
    assert not names[0] & names[1]
