"""Flags of ``paint`` become a `PhotoPainter`; wrong ones are refused before the work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from agents.cli.main import parse
from agents.cli.paint_options import inputs_of, painter_of
from agents.painting.photo import PhotoPainter
from paint_gym import Painting


def painter(flags: str = "", output: str = "a.svg", pictures: int = 1) -> PhotoPainter:
    command = parse(["paint", "a.png", *flags.split()])
    return painter_of(command, (output,), pictures)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("colours.txt").write_text("000000\n808080\nffffff\n")
    Painting(np.zeros((3, 7)), "circle", (20, 30), (0, 0, 1), (0.5, 1)).save("circles.json")


def test_defaults() -> None:
    default = painter()
    assert (default.iterations, default.until, default.canvas) == (170, 0, 256)
    assert (default.background, default.detail) == ("photo", "auto")
    assert default.palette is default.paper is None and painter(output="a.mp4").background == "auto"
    fine = painter("--quality fine --detail none")
    assert (fine.iterations, fine.canvas, fine.detail) == (200, 512, None)
    assert (default.policy.lookahead, default.policy.plan, default.policy.seed) == (4, 0, 0)
    assert default.policy.renderer.opacity == (0, 1) and default.policy.renderer.design.name == "bezier"


def test_flags_of_the_policy() -> None:
    assert painter("--draft").iterations == 0 < painter("--draft").colour_steps
    policy = painter("--lookahead 3 --plan 4 --seed 5 --opaque --stroke circle").policy
    assert (policy.lookahead, policy.plan, policy.seed, policy.renderer.opacity) == (3, 4, 5, (1, 1))
    assert policy.renderer.design.name == "circle"
    continued = painter("--from circles.json")
    assert len(continued.init) == 3
    assert continued.policy.renderer.design.name == "circle" and continued.policy.renderer.opacity == (0.5, 1)


def test_colours() -> None:
    assert painter("--palette 3").palette == 3
    for palette in ("#000,#808080,#ffffff", "colours.txt"):
        greys = torch.tensor([0, 128 / 255, 1])[:, None].expand(3, 3)
        torch.testing.assert_close(painter(f"--palette {palette}").palette, greys)
    assert painter("--background none").background is None
    assert painter("--background auto").background == "auto"
    assert painter("--background #336699").background == pytest.approx((0.2, 0.4, 0.6))


def test_paper() -> None:
    plotter = painter("--svg plotter --paper 100x80 --margin-mm 5 --width-mm 0.5 3 --palette 3")
    assert plotter.paper is not None and (plotter.paper.width, plotter.paper.height) == (100, 80)
    assert (plotter.paper.margin, plotter.paper.pens) == (5, (0.5, 3))
    assert plotter.background == (1, 1, 1) and plotter.policy.renderer.opacity == (1, 1)
    letter = painter("--svg plotter --paper letter --pens 0.3,0.8").paper
    assert letter is not None and letter.width == 215.9 and letter.turns and letter.pens == (0.3, 0.8)


def test_inputs() -> None:
    Path("mask.png").touch()
    flags = "@list.txt a.png --detail mask.png --palette colours.txt --canvas-image c.png"
    names = {str(file) for file in inputs_of(parse(["paint", *flags.split()]))}
    assert {"list.txt", "a.png", "mask.png", "colours.txt", "c.png"} <= names


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ("--draft --plan 3", "a draft goes with none of --plan"),
        ("--draft --svg plotter --plan 3", "a draft goes with none of --plan"),
        ("--palette 0", "1 to 256 colours"),
        ("--palette nowhere.txt", r"there is no file nowhere\.txt"), ("--palette #12", "is no colour"),
        ("--background bleu", "background: 'bleu' is no colour"),
        ("--svg plotter --paper a9", "A0 to A6"), ("--paper a4", "goes with --svg plotter"),
        ("--pens 1", "goes with --svg plotter"), ("--svg plotter --pens 3,x", "pens are widths in mm"),
        ("--svg plotter --margin-mm 200", "no room to draw on"), ("--stroke circel", "did you mean 'circle'"),
        ("--detail nowhere.png", r"there is no picture nowhere\.png"),
        ("--agent pretrained --stroke circle", "pretrained paints bezier strokes, not circle"),
        ("--from circles.json --background #fff", "with its own --background"),
        ("--from circles.json --stroke bezier", r"circles\.json has circle strokes, not bezier"),
        ("--from circles.json --svg plotter", "has transparent strokes, which pens cannot draw"),
        ("--from no.json", "no.json"), ("--canvas-image a.png --background #fff", "neither --from nor"),
        ("--canvas-image a.png --from circles.json", "neither --from nor --background"),
        ("--refine 0 --until 0.1", "--refine 0 has none"), ("--save-palette a.txt", "--palette and a number"),
        ("--from circles.json --strokes 2 --refine 0", "nothing to paint: circles.json has 3 strokes"),
        ("--device nonsense", "^device .nonsense. cannot be used"), ("--device meta", "holds no numbers"),
    ],
)  # fmt: skip
def test_wrong_flags_are_refused(flags: str, text: str) -> None:
    with pytest.raises((ValueError, OSError), match=text):
        painter(flags)


@pytest.mark.parametrize(
    ("flags", "output", "pictures", "text"),
    [
        ("--svg plotter", "a.png", 1, "needs an output that ends in"),
        ("--from circles.json", "a.svg", 2, "painting of one picture"),
        ("--canvas-image a.png", "a.svg", 2, "goes with one picture"),
        ("--ray local", "-", 1, "not to standard output"),
    ],
)
def test_flags_that_do_not_go_with_the_files(flags: str, output: str, pictures: int, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        painter(flags, output, pictures)
