"""Golden pictures: drawings of renderers, agents and the SVG writer that were looked at and approved.

``pytest tests/test_golden.py --golden`` draws them again; look at them before you commit them. Processors
round differently, and some compute networks in bfloat16, so renderers may differ a little. Rounding can
change the choices of an agent, so its paintings are compared by their error.
"""

import re
from collections.abc import Callable
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
Compare = Callable[[str, np.ndarray], tuple[np.ndarray, float]]


@pytest.fixture
def compare(request: pytest.FixtureRequest) -> Compare:
    """Compares a drawing ``(H, W, 3)`` uint8 with its picture, which ``--golden`` replaces."""

    def compare(name: str, drawing: np.ndarray) -> tuple[np.ndarray, float]:
        if request.config.getoption("--golden"):
            Image.fromarray(drawing).save(FOLDER / name, optimize=True)
        with Image.open(FOLDER / name) as image:
            golden = np.asarray(image)
        assert golden.shape == drawing.shape
        return golden, float(np.square(golden / 255.0 - drawing / 255.0).mean())

    return compare


@pytest.mark.parametrize("renderer", RENDERERS)
def test_renderers(renderer: str, compare: Compare) -> None:
    """Twelve random strokes of each design."""
    row = []
    for design in BUILT_IN:
        strokes = torch.from_numpy(np.random.default_rng(1).random((1, 12, design.dim), dtype=np.float32))
        canvas = make_renderer(renderer, design).paint(torch.full((1, 3, SIDE, SIDE), 0.5), strokes)
        row.append((canvas[0].permute(1, 2, 0) * 255).round().byte().numpy())
    assert compare(f"{renderer}.png", np.concatenate(row, 1))[1] < RENDERERS[renderer]


@pytest.mark.parametrize("agent", SHIPPED)
def test_agents(agent: str, compare: Compare) -> None:
    """100 strokes of a photo of the test split."""
    target = load_dataset("photos", "test", SIDE)[[1]]
    (painting,) = agents.paint(agents.load(f"pretrained{agent}", "cpu"), torch.from_numpy(target), 100)
    assert painting.stroke == (agent[1:] or "bezier")
    picture, photo = painting.render(), target[0].transpose(1, 2, 0)
    golden, difference = compare(f"pretrained{agent}.png", picture)
    error, golden_error = (np.square(rgb / 255.0 - photo / 255.0).mean() for rgb in (picture, golden))
    assert difference < 0.01 and error < 1.25 * golden_error


def test_svg(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The same shapes in the same order, at almost the same coordinates."""
    strokes = np.random.default_rng(2).random((8, BUILT_IN[0].dim), dtype=np.float32)
    file = FOLDER / "bezier.svg"
    drawing = file if request.config.getoption("--golden") else tmp_path / "new.svg"
    Painting(strokes, BUILT_IN[0], (64, 96), background=(1.0, 1.0, 1.0)).save(drawing)
    number = r"-?\d*\.?\d+(?:e-?\d+)?"
    checksum = r"[0-9a-f]{8,}"  # of numbers that may differ in their last digit
    golden, new = (re.sub(checksum, "", path.read_text()) for path in (file, drawing))
    assert re.sub(number, "#", new) == re.sub(number, "#", golden)
    values, expected = (np.array(re.findall(number, text), float) for text in (new, golden))
    np.testing.assert_allclose(values, expected, rtol=2e-3, atol=0.11)
