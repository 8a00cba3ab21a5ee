"""Golden pictures: drawings of renderers, agents and the SVG writer that were looked at and approved.

``pytest tests/test_golden.py --golden`` draws them again; look at them before you commit them. Processors
round differently, and some compute networks in bfloat16, so renderers may differ a little. Rounding can
change the choices of an agent, so its paintings are compared by their error.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import agents
from paint_gym import Painting, load_dataset, make_renderer
from paint_gym.strokes import BUILT_IN

FOLDER = Path(__file__).with_name("golden")
RENDERERS = {"analytic": 1e-5, "raster": 1e-5, "neural": 2e-4}  # largest mean squared error
SHIPPED = ("", "-straight", "-circle", "-triangle")
SIDE = 128


def compare(name: str, drawn: np.ndarray, anew: bool) -> float:
    """Mean squared difference of a drawing ``(H, W, 3)`` uint8 from its picture, which `anew` replaces."""
    file = FOLDER / name
    if anew:
        Image.fromarray(drawn).save(file, optimize=True)
    with Image.open(file) as image:
        golden = np.asarray(image)
    assert golden.shape == drawn.shape
    return float(np.square((golden / 255.0) - (drawn / 255.0)).mean())


@pytest.fixture
def anew(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--golden"))


def picture(canvas: torch.Tensor) -> np.ndarray:
    return (canvas.permute(1, 2, 0) * 255).round().byte().numpy()


@pytest.mark.parametrize("renderer", RENDERERS)
def test_renderers(renderer: str, anew: bool) -> None:
    """Twelve random strokes of each design."""
    row = []
    for design in BUILT_IN:
        strokes = torch.from_numpy(np.random.default_rng(1).random((1, 12, design.dim), dtype=np.float32))
        blank = torch.full((1, 3, SIDE, SIDE), 0.5)
        row.append(picture(make_renderer(renderer, design).paint(blank, strokes)[0]))
    assert compare(f"{renderer}.png", np.concatenate(row, 1), anew) < RENDERERS[renderer]


@pytest.mark.parametrize("agent", SHIPPED)
def test_agents(agent: str, anew: bool) -> None:
    """100 strokes of a photo of the test split."""
    target = load_dataset("photos", "test", SIDE)[[1]]
    (painting,) = agents.paint(agents.load(f"pretrained{agent}", "cpu"), torch.from_numpy(target), 100)
    painted, photo = painting.render(), target[0].transpose(1, 2, 0)
    name = f"pretrained{agent}.png"
    assert compare(name, painted, anew) < 0.01
    with Image.open(FOLDER / name) as image:
        golden = np.asarray(image)
    error, golden_error = (np.square(rgb / 255.0 - photo / 255.0).mean() for rgb in (painted, golden))
    assert error < 1.25 * golden_error


def test_svg(tmp_path: Path, anew: bool) -> None:
    """The same shapes in the same order, at almost the same coordinates."""
    design = BUILT_IN[0]
    strokes = np.random.default_rng(2).random((8, design.dim), dtype=np.float32)
    Painting(strokes, design, (64, 96), background=(1.0, 1.0, 1.0)).save(tmp_path / "new.svg")
    file = FOLDER / "bezier.svg"
    if anew:
        file.write_bytes((tmp_path / "new.svg").read_bytes())
    number = r"-?\d*\.?\d+(?:e-?\d+)?"
    checksum = r"[0-9a-f]{8,}"  # of numbers that may differ in their last digit
    golden, drawn = (re.sub(checksum, "", path.read_text()) for path in (file, tmp_path / "new.svg"))
    assert re.sub(number, "#", drawn) == re.sub(number, "#", golden)
    values, expected = (np.array(re.findall(number, text), float) for text in (drawn, golden))
    np.testing.assert_allclose(values, expected, rtol=2e-3, atol=0.11)
