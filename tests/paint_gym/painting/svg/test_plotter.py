"""SVG for pen plotters: lines in millimetres, within the paper, a layer for each colour and pen."""

import io
import itertools
import math
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import resvg_py
from PIL import Image

from paint_gym.painting import Painting, Paper
from paint_gym.painting.svg import paper as paper_module
from paint_gym.painting.svg.plotter import draw
from paint_gym.strokes import STROKES, get_stroke

INKSCAPE = "{http://www.inkscape.org/namespaces/inkscape}"
COLOURS = np.array([[0.2, 0.2, 0.2], [1, 0, 0], [0.4, 0.8, 0]])
SQUARE = Paper(120, 120, margin=10)


def random_painting(stroke: str, strokes: int = 60, size: tuple[int, int] = (80, 80)) -> Painting:
    design = get_stroke(stroke)
    random = np.random.default_rng(0)
    values = random.random((strokes, design.dim))
    values[:, -3:] = COLOURS[random.integers(len(COLOURS), size=strokes)]
    return Painting(values, stroke, size, opacity=(1, 1), background=(1, 1, 1))


def line(x0: float, y0: float, x1: float, y1: float, r: float, colour: tuple[float, ...]) -> list[float]:
    return [x0, y0, x1, y1, r, 1, r, 1, *colour]


def straight(*strokes: list[float], size: int = 100) -> Painting:
    return Painting(list(strokes), "straight", size, background=(1, 1, 1), opacity=(1, 1))


def svg_of(painting: Painting, paper: Paper, tmp_path) -> str:
    painting.save(tmp_path / "p.svg", paper=paper)
    return (tmp_path / "p.svg").read_text()


def picture(svg: str, paper: Paper, pixels: int = 8) -> np.ndarray:
    """The drawn sheet ``(H, W, 3)`` in [0, 1], by resvg with round pens, `pixels` per mm."""
    shape = {"width": round(paper.width * pixels), "height": round(paper.height * pixels)}
    svg = re.sub(r'width="\S+mm" height="\S+mm"', "", svg)
    png = resvg_py.svg_to_bytes(svg_string=svg, background="white", **shape)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) / 255


@pytest.mark.parametrize("size", [(60, 90), (90, 20)])
@pytest.mark.parametrize("stroke", STROKES)
def test_lines_stay_within_the_margins(stroke, size):
    paper = Paper(150, 100, margin=12, pens=(0.5, 4))
    layers = draw(random_painting(stroke, 30, size), paper)
    assert {layer.pen for layer in layers} == {0.5, 4}
    for layer in layers:
        points = np.concatenate(layer.lines)
        assert (points - layer.pen / 2).min() >= 12 - 0.05
        assert (points + layer.pen / 2 <= [150 - 12 + 0.05, 100 - 12 + 0.05]).all()


@pytest.mark.parametrize(("stroke", "pens"), [("bezier", (0.3, 1.5)), ("triangle", (0.8,))])
def test_the_sheet_is_the_painting_in_any_order_of_layers(stroke, pens, tmp_path):
    paper, painting = Paper(120, 120, 10, pens), random_painting(stroke, 150)
    svg = svg_of(painting, paper, tmp_path)
    head, *groups = svg.removesuffix("</svg>\n").split("<g ")
    backwards = "<g ".join([head, *groups[::-1]]) + "</svg>"
    sheet = picture(svg, paper)
    assert ((sheet - picture(backwards, paper)) ** 2).mean() < 10**-3.5  # 35 dB
    inside = sheet[80:-80, 80:-80]
    assert ((inside - painting.render(800) / 255) ** 2).mean() < 0.035
    black = re.sub(r' stroke="#\w+"', ' stroke="#000"', svg)
    covered = painting.render(800).min(2) < 250
    assert picture(black, paper)[80:-80, 80:-80].mean(2)[covered].mean() < 0.03  # bare paper


@pytest.mark.parametrize("thin", [0.02, 0.1])
def test_what_is_on_top_stays_on_top(thin):
    """Red, then black over it, then red elsewhere: red is drawn first or last, and never shows through."""
    red, black = line(0.1, 0.5, 0.9, 0.5, 0.1, (1, 0, 0)), line(0.5, 0.1, 0.5, 0.9, thin, (0, 0, 0))
    layers = {layer.colour: layer for layer in draw(straight(red, black), SQUARE)}
    half = 100 * (1 + 64 * thin) / 256
    drawn = np.concatenate([sampled(path) for path in layers["#f00"].lines])
    assert np.abs(drawn[:, 0] - 60).min() >= half + 0.4 - 0.03  # half a pen


def sampled(path: np.ndarray) -> np.ndarray:
    return np.concatenate([np.linspace(a, b, 9) for a, b in itertools.pairwise(path)])


@pytest.mark.parametrize("pen", [0.3, 0.8])
def test_a_disc_is_filled_by_one_line(pen):
    disc = Painting([[0.5, 0.5, 0.3, 1, 0, 0, 0]], "circle", 100, background=(1, 1, 1))
    (layer,) = draw(disc, Paper(120, 120, 10, (pen,)))
    (path,) = layer.lines
    radius, length = 100 * (1 + 64 * 0.3) / 256, np.hypot(*np.diff(path, axis=0).T).sum()
    assert np.hypot(*(path - 60).T).max() == pytest.approx(radius - pen / 2, abs=0.05)
    assert 1 < length * pen / (math.pi * radius**2) < 1.3


def test_the_widest_pen_that_fits_draws():
    wide, thin = line(0.2, 0.2, 0.8, 0.2, 0.2, (0, 0, 0)), line(0.2, 0.8, 0.8, 0.8, 0.01, (0, 0, 0))
    layers = draw(straight(wide, thin), Paper(120, 120, 10, (0.5, 4)))
    assert [layer.pen for layer in layers] == [4, 0.5]
    assert np.concatenate(layers[0].lines)[:, 1].max() < 60 < np.concatenate(layers[1].lines)[:, 1].mean()


def test_white_is_the_paper_and_light_layers_come_first(tmp_path):
    colours = [(0, 0, 0), (1, 1, 1), (1, 0.8, 0), (0, 0, 0.6)]
    strokes = [line(0.2, 0.2 * i + 0.1, 0.8, 0.2 * i + 0.1, 0.1, colour) for i, colour in enumerate(colours)]
    root = ET.fromstring(svg_of(straight(*strokes), SQUARE, tmp_path))
    groups = root.findall("{http://www.w3.org/2000/svg}g")
    labels = [group.get(f"{INKSCAPE}label") for group in groups]
    assert labels == ["1-#fc0-0.8mm", "2-#009-0.8mm", "3-#000-0.8mm"]
    assert all(group.get(f"{INKSCAPE}groupmode") == "layer" for group in groups)


def test_a_background_is_drawn_and_none_is_for_paper_of_any_colour():
    white = [[0.5, 0.5, 0.3, 1, 1, 1, 1]]
    sheets = [draw(Painting(white, "circle", 100, background), SQUARE) for background in ((0, 0, 0), None)]
    assert [[layer.colour for layer in sheet] for sheet in sheets] == [["#000"], ["#fff"]]
    assert draw(Painting([], "circle", 100, background=(1, 1, 1)), SQUARE) == []


def test_short_lines_and_what_the_drawing_takes(tmp_path, caplog):
    caplog.set_level("INFO")
    painting = random_painting("bezier", 60)
    svg_of(painting, SQUARE, tmp_path)
    layers = draw(painting, SQUARE)
    lengths = [np.hypot(*np.diff(path, axis=0).T).sum() for layer in layers for path in layer.lines]
    assert min(lengths) > 1
    assert f"3 layers, {sum(lengths) / 1000:.1f} m of lines" in caplog.text
    assert f"{len(lengths)} lifts" in caplog.text


def test_vpype_reads_it_and_finds_no_better_order(tmp_path):
    vpype, cli = pytest.importorskip("vpype"), pytest.importorskip("vpype_cli")
    paper = Paper(100, 100, margin=5, pens=(0.5, 2))
    svg_of(random_painting("bezier", 200), paper, tmp_path)
    document = vpype.read_multilayer_svg(str(tmp_path / "p.svg"), quantization=0.1)
    assert len(document.layers) == 6
    millimetre = vpype.UNITS["mm"]
    widths = {round(layer.property("vp_pen_width") / millimetre, 3) for layer in document.layers.values()}
    assert widths == {0.5, 2}
    left, top, right, bottom = (value / millimetre for value in document.bounds())
    assert min(left, top) >= 5 and max(right, bottom) <= 95
    paths, travel = sum(map(len, document.layers.values())), document.pen_up_length()
    improved = cli.execute("linemerge linesort", document)
    assert paths <= 1.2 * sum(map(len, improved.layers.values()))
    assert travel <= 1.2 * improved.pen_up_length()


@pytest.mark.parametrize(
    ("name", "size", "sides"),
    [
        ("A4", (90, 60), (210, 297)), ("A4", (60, 90), (297, 210)), ("a0 landscape", (90, 60), (1189, 841)),
        ("letter portrait", (60, 90), (215.9, 279.4)), ("120x80", (90, 60), (120, 80)),
    ],
)  # fmt: skip
def test_sheets_turn_with_the_photo(name, size, sides):
    paper = Paper.named(name, 10, (0.8,)).turned(size)
    assert (paper.width, paper.height) == sides


@pytest.mark.parametrize(
    ("paper", "text"),
    [
        ({"width": 20, "margin": 10}, "no room"), ({"width": math.nan}, "must be in mm"),
        ({"margin": -1}, "at least 0"), ({"height": 1e6}, "longer than 10 m"),
        ({"pens": ()}, "widths of lines"), ({"pens": (0, 1)}, "widths of lines"),
        ({"pens": (math.nan, 1)}, "widths of lines"),
    ],
)  # fmt: skip
def test_papers_that_are_none(paper, text):
    with pytest.raises(ValueError, match=text):
        Paper(**paper)
    with pytest.raises(ValueError, match="A0 to A6"):
        Paper.named("a9", 10, (0.8,))


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(paper_module, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"paint-gym\[plotter\]"):
        Paper()


@pytest.mark.slow
def test_the_recipe_for_g_code(tmp_path):
    """The profile and the command of the documentation: all moves on the paper, deeper for the wider pen."""
    pytest.importorskip("vpype_gcode")
    page = (Path(__file__).parents[4] / "docs/plotting.md").read_text()
    (tmp_path / "brush.toml").write_text(re.search(r"```toml\n(.*?)```", page, re.S)[1])
    (command,) = re.findall(r"^vpype -c brush.toml .*$", page, re.M)
    svg_of(random_painting("bezier", 30), Paper(120, 120, 10, (0.5, 2)), tmp_path)
    (tmp_path / "p.svg").rename(tmp_path / "sheet.svg")
    words = shlex.split(command)[1:]
    subprocess.run([sys.executable, "-m", "vpype_cli", *words], cwd=tmp_path, check=True, capture_output=True)
    code = (tmp_path / "sheet.gcode").read_text()
    moves = re.findall(r"^G[01] X(\S+) Y(\S+)", code, re.M)
    assert len(moves) > 100 and all(10 <= float(x) <= 110 and 10 <= float(y) <= 110 for x, y in moves)
    assert len(set(re.findall(r"^G1 Z(\S+)", code, re.M))) == 2
