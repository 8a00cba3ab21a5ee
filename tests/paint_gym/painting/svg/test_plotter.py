"""SVG for pen plotters: lines in millimetres, within the paper, a layer for each colour."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch

from paint_gym.painting import Painting, Paper
from paint_gym.strokes import StrokeDesign, get_stroke, stroke_names

SVG = "{http://www.w3.org/2000/svg}"
INKSCAPE = "{http://www.inkscape.org/namespaces/inkscape}"
COLOURS = np.array([[0.2, 0.2, 0.2], [1, 0, 0], [0.4, 0.8, 0]])


def random_painting(stroke: str | StrokeDesign, strokes: int = 60, **options) -> Painting:
    design = get_stroke(stroke)
    random = np.random.default_rng(0)
    values = random.random((strokes, design.dim))
    values[:, -3:] = COLOURS[random.integers(len(COLOURS), size=strokes)]
    return Painting(values, stroke, opacity=(1, 1), **options)


def layers(painting: Painting, paper: Paper, tmp_path) -> list[tuple[str, list[tuple[float, np.ndarray]]]]:
    """Name of each layer, and its lines: width and points ``(P, 2)`` in mm."""
    painting.save(tmp_path / "p.svg", paper=paper)
    root = ET.parse(tmp_path / "p.svg").getroot()
    assert root.get("viewBox") == f"0 0 {paper.width:g} {paper.height:g}"
    assert (root.get("width"), root.get("height")) == (f"{paper.width:g}mm", f"{paper.height:g}mm")
    result = []
    for group in root.findall(f"{SVG}g"):
        assert group.get(f"{INKSCAPE}groupmode") == "layer" and group.get("fill") == "none"
        lines = []
        for path in group.findall(f"{SVG}path"):
            points = np.array(path.get("d")[1:].split(), float).reshape(-1, 2)
            lines.append((float(path.get("stroke-width")), points))
        result.append((group.get(f"{INKSCAPE}label"), lines))
    return result


@pytest.mark.parametrize("size", [(60, 90), (90, 20)])
@pytest.mark.parametrize("stroke", stroke_names())
def test_lines_stay_within_the_margins_and_the_pens(stroke, size, tmp_path):
    paper = Paper(150, 100, margin=12, pen=(0.5, 4))
    for _, lines in layers(random_painting(stroke, size=size), paper, tmp_path):
        for width, points in lines:
            assert 0.5 <= width <= 4
            assert len(points) >= 2
            reach = points + np.array([[[-1]], [[1]]]) * width / 2 * (1 - 0.02)
            assert reach.min() >= 12 - 0.02
            assert reach[..., 0].max() <= 150 - 12 + 0.02 and reach[..., 1].max() <= 100 - 12 + 0.02


def test_one_layer_for_each_colour_in_the_order_of_its_strokes(tmp_path):
    painting = random_painting("straight", 9, size=64)
    values = painting.strokes.copy()
    values[:, -3:] = COLOURS[[0, 0, 1, 0, 1, 1, 2, 2, 2]]
    drawn = layers(Painting(values, "straight", 64), Paper(), tmp_path)
    assert [name for name, _ in drawn] == ["1-#333", "2-#f00", "3-#6c0"]


def test_a_line_lies_where_the_stroke_is(tmp_path):
    line = [0.25, 0.5, 0.75, 0.5, 0.1, 1, 0.1, 1, 0, 0, 0]
    ((_, lines),) = layers(Painting([line], "straight", (50, 100)), Paper(220, 120, pen=(0.1, 50)), tmp_path)
    ((width, points),) = lines
    assert np.allclose(points, [[60, 60], [160, 60]], atol=0.01)
    assert width == pytest.approx(2 * 100 * (1 + 6.4) / 256, rel=0.01)


def test_a_changing_width_is_cut_and_never_far_off(tmp_path):
    line = [0.1, 0.5, 0.9, 0.5, 0.0, 1, 0.2, 1, 0, 0, 0]
    ((_, lines),) = layers(Painting([line], "straight", 100), Paper(120, 120, pen=(0.1, 50)), tmp_path)
    assert len(lines) > 10
    for width, points in lines:
        along = (points[:, 0].mean() - 20) / 80
        assert width == pytest.approx(200 * (1 + 64 * 0.2 * along) / 256, abs=0.25)


def test_curves_keep_to_their_way(tmp_path):
    painting = random_painting("bezier", 1, size=100)
    lines = layers(painting, Paper(120, 120), tmp_path)[0][1]
    nodes = next(painting.nodes(64))[0][:, :2] * 100 + 10
    for _, points in lines:
        apart = np.hypot(*(points[:, None] - nodes).transpose(2, 0, 1)).min(1)
        assert apart.max() < 1.5  # nodes are up to so far from each other
        assert len(points) < 20


def test_hatches_fill_a_triangle(tmp_path):
    triangle = [0.1, 0.1, 0.9, 0.2, 0.4, 0.8, 1, 0, 0, 0]
    ((_, lines),) = layers(Painting([triangle], "triangle", 100), Paper(120, 120, pen=(1, 1)), tmp_path)
    ((width, points),) = lines
    length = np.hypot(*np.diff(points, axis=0).T).sum()
    area = 100**2 * abs((0.8 * 0.7) - (0.3 * 0.1)) / 2
    assert width == 1 and 0.9 < length * width / area < 1.25


def test_spirals_fill_a_disc(tmp_path):
    disc = [0.5, 0.5, 0.6, 1, 0, 0, 0]
    ((_, lines),) = layers(Painting([disc], "circle", 100), Paper(120, 120, pen=(1, 1)), tmp_path)
    ((width, points),) = lines
    radius, length = 100 * (1 + 64 * 0.6) / 256, np.hypot(*np.diff(points, axis=0).T).sum()
    assert np.hypot(*(points - 60).T).max() == pytest.approx(radius - width / 2, abs=0.02)
    assert 0.9 < length * width / (np.pi * radius**2) < 1.3


def test_designs_of_ones_own(tmp_path):
    def zigzag(p, segments):
        x, y, t = (value[:, None] + torch.zeros(5) for value in p.unbind(-1))
        return torch.stack([x + 0.1 * torch.arange(5), y + 0.3 * (torch.arange(5) % 2), 0.02 + 0 * x, t], -1)

    painting = random_painting(StrokeDesign("zigzag", ("x", "y", "t"), "sweep", zigzag), 5)
    assert sum(len(lines) for _, lines in layers(painting, Paper(), tmp_path)) >= 4


@pytest.mark.parametrize(
    ("paper", "text"),
    [
        ({"width": 20, "margin": 10}, "no room"), ({"width": math.nan}, "must be in mm"),
        ({"margin": -1}, "at least 0"), ({"height": 1e6}, "longer than 10 m"),
        ({"pen": (2, 1)}, "least and greatest"),
        ({"pen": (0, 1)}, "least and greatest"), ({"pen": (math.nan, 1)}, "least and greatest"),
    ],
)  # fmt: skip
def test_papers_that_are_none(paper, text):
    with pytest.raises(ValueError, match=text):
        Paper(**paper)


def test_no_strokes(tmp_path):
    assert layers(Painting([]), Paper(), tmp_path) == []


def test_vpype_reads_it_and_works_on_it(tmp_path):
    vpype, cli = pytest.importorskip("vpype"), pytest.importorskip("vpype_cli")
    random_painting("bezier").save(tmp_path / "p.svg", paper=Paper(100, 100, margin=5))
    document = vpype.read_multilayer_svg(str(tmp_path / "p.svg"), quantization=0.1)
    assert len(document.layers) == len(COLOURS)
    left, top, right, bottom = (value * 25.4 / 96 for value in document.bounds())
    assert min(left, top) >= 5 and max(right, bottom) <= 95
    drawn, idle = document.length(), document.pen_up_length()
    sorted_lines = cli.execute("linesort splitdist 300mm", document)
    assert len(sorted_lines.layers) > len(COLOURS)  # one layer for each filling of a pen
    assert sorted_lines.length() == pytest.approx(drawn, rel=1e-3) and sorted_lines.pen_up_length() < idle


def test_what_is_on_top_stays_on_top(tmp_path):
    """Red, then black over it, then red elsewhere: the layer of red comes last, and must not show through."""
    red, black = [0.1, 0.5, 0.9, 0.5, 0.1, 1, 0.1, 1, 1, 0, 0], [0.5, 0.1, 0.5, 0.9, 0.2, 1, 0.2, 1, 0, 0, 0]
    far = [[0.1, y, 0.3, y, 0.0, 1, 0.0, 1, 1, 0, 0] for y in (0.8, 0.85, 0.9)]
    painting = Painting([red, black, *far], "straight", 100, background=(1, 1, 1))
    drawn = dict(layers(painting, Paper(120, 120, pen=(0.1, 50)), tmp_path))
    assert list(drawn) == ["1-#000", "2-#f00"]
    pieces = [points for _, points in drawn["2-#f00"] if points[0, 1] < 70]
    assert len(pieces) == 2  # left and right of the black
    half = (1 + 64 * 0.2) / 256 * 100
    assert pieces[0][:, 0].max() < 60 - half < 60 + half < pieces[1][:, 0].min()
