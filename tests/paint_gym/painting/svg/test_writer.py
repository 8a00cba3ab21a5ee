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
from helpers import DIAMOND, HATCH
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


def picture(painting, height, width):
    png = resvg_py.svg_to_bytes(svg_string=text_of(painting), width=width, height=height)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float)


def psnr(painting, size=None):
    ours = painting.render(size)
    return 10 * np.log10(255**2 / np.mean(1e-9 + (picture(painting, *ours.shape[:2]) - ours) ** 2))


@pytest.mark.parametrize(("thickness", "size"), [(1.0, 128), (0.1, 128), (0.1, 512)])
@pytest.mark.parametrize("stroke", STROKES)
def test_200_strokes_look_the_same(stroke, thickness, size):
    assert psnr(random_painting(stroke, thickness), size) > 35  # measured: 36.1 and more


@pytest.mark.parametrize("opacity", [(0, 1), (1, 1)])
@pytest.mark.parametrize("stroke", STROKES)
def test_one_stroke_looks_the_same(stroke, opacity):
    scores = []
    for seed in range(20):
        values = np.random.default_rng(seed).random((1, get_stroke(stroke).dim))
        values[:, -3:] = 1
        scores.append(psnr(Painting(values, stroke, opacity=opacity), 400))
    assert np.median(scores) > 39 and min(scores) > 27  # a gradient is not exact where a stroke bends


CORNER_CASES = {
    "an end in the middle of a curve": ("bezier", [0.5, 0.96, 0, 1, 0.5, 0.25, 1, 1, 1, 1], 30),
    "a curve that overtakes itself": ("bezier", [0.2, 0.2, 1, 1, 0.8, 0.7, 0.3, 1, 0.1, 1], 30),
    "a curve that folds back": ("bezier", [0.1, 0.5, 1.0, 0.5, 0.12, 0.5, 0.3, 1.0, 0.3, 0.0], 28),
    "a round glow": ("straight", [0.5, 0.5, 0.55, 0.5, 1.0, 0.0, 0.1, 1.0], 38),
    "the first disc within the last": ("straight", [0.2, 0.2, 0.2, 0.25, 0.0, 1.0, 0.9, 0.0], 38),
    "no length": ("straight", [0.8, 0.8, 0.8, 0.8, 0.3, 0.2, 0.3, 0.9], 38),
    "a thin dot": ("straight", [0.1, 0.9, 0.1, 0.9, 0.0, 0.5, 0.0, 0.5], 38),
}


@pytest.mark.parametrize("case", CORNER_CASES)
def test_corner_cases_look_the_same(case):
    stroke, values, least = CORNER_CASES[case]
    assert psnr(Painting([[*values, 1, 0, 1]], stroke), 400) > least


@pytest.mark.parametrize("design", [DIAMOND, HATCH], ids=lambda design: design.name)
def test_designs_of_ones_own(design):
    assert psnr(random_painting(design, strokes=10), 256) > 36


def test_polylines_keep_their_shape_and_the_last_disc_decides_the_alpha():
    places = [
        [(0.9, 0.9, 0.047, 1), (0.5, 0.5, 0.06, 1), (0.393, 0.393, 0.12, 1)],
        [(0.239, 0.899, 0.101, 1), (0.319, 0.784, 0.039, 1), (0.627, 0.5, 0.025, 1)],
        [(0.2, 0.5, 0.1, 1), (0.8, 0.5, 0.1, 0.5), (0.4, 0.5, 0.1, 0)],  # there and back
    ]
    for i, nodes in enumerate(places):
        fixed = torch.tensor(nodes)
        design = StrokeDesign(f"own{i}", ("x",), "sweep", lambda p, segments, fixed=fixed: fixed.to(p)[None])
        painting = Painting([[0.5, 1, 1, 1]], design)
        assert psnr(painting, 400) > (35 if i < 2 else 24)  # one gradient cannot be two
    centre = picture(painting, 300, 300)[150]
    assert centre[120].max() < 60 and centre[70].min() > 150  # the end covers the beginning


def test_not_square_and_opacity_and_background():
    options = {"size": (90, 160), "background": (0.9, 0.5, 0.1), "opacity": (0.3, 0.6)}
    painting = random_painting("bezier", 0.5, 50, **options)
    assert psnr(painting) > 38
    assert psnr(painting, 400) > 38


@pytest.mark.parametrize("stroke", STROKES)
def test_well_formed_and_vector_only(stroke):
    painting = random_painting(stroke, strokes=20, size=(40, 60), background=(1, 0.5, 0))
    root = ET.fromstring(text_of(painting))
    assert root.tag == SPACE + "svg" and (root.get("width"), root.get("height")) == ("60", "40")
    about = json.loads(root[1].text)
    assert (about["stroke"], about["strokes"], about["size"]) == (stroke, 20, [40, 60])
    assert root.find(SPACE + "path").get("fill") == "#ff8000"
    group = root.find(SPACE + "g")
    paths = group.findall(SPACE + "path")
    assert len(paths) == 20  # one per stroke
    names = {"svg", "g", "clipPath", "title", "metadata", "path", "linearGradient", "radialGradient", "stop"}
    assert {element.tag.removeprefix(SPACE) for element in root.iter()} <= names
    gradients = [element.get("id") for element in root.iter() if element.tag.endswith("Gradient")]
    used = [path.get("fill")[5:-1] for path in paths if path.get("fill").startswith("url")]
    assert gradients == used and len(set(gradients)) == len(gradients)
    assert not re.search("nan|inf", text_of(painting))


def test_file_is_deterministic_compact_and_has_the_asked_size(tmp_path):
    painting = random_painting("bezier", strokes=50)
    painting.save(tmp_path / "a.svg")
    painting.save(tmp_path / "b.SVG")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.SVG").read_bytes()
    assert (tmp_path / "a.svg").stat().st_size < 50 * 500
    painting.save(tmp_path / "c.svg", size=(64, 32))
    assert 'width="32" height="64"' in (tmp_path / "c.svg").read_text()


def test_several_in_one_page_share_no_names():
    paintings = [random_painting("bezier", strokes=count) for count in (30, 31)]
    names = [set(re.findall(r'id="([^"]*)"', text_of(painting))) for painting in paintings]
    assert names[0] and not names[0] & names[1]
