"""Golden pictures: what renderers, agents and SVG drew when somebody last looked at it.

``pytest tests/test_golden.py --golden`` draws them anew; look at them before you commit them. Other
processors round otherwise, and some compute the network in bfloat16, so renderers may be a little off;
agents, whose choices a rounding can turn, are compared by how far their paintings are from the picture.
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
RENDERERS = {"analytic": 1e-5, "raster": 1e-5, "neural": 2e-4}  # and the mean squared error that is allowed
SHIPPED = ("", "-straight", "-circle", "-triangle")
SIDE = 128


def compare(name: str, drawn: np.ndarray, anew: bool) -> float:
    """The mean squared difference of ``(H, W, 3)`` uint8 from what is kept; or keep it."""
    file = FOLDER / name
    if anew:
        Image.fromarray(drawn).save(file, optimize=True)
    with Image.open(file) as kept:
        golden = np.asarray(kept)
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
    """A photo they have not seen, in 100 strokes."""
    target = load_dataset("photos", "test", SIDE)[[1]]
    (painting,) = agents.paint(agents.load(f"pretrained{agent}", "cpu"), torch.from_numpy(target), 100)
    painted, photo = painting.render(), target[0].transpose(1, 2, 0)
    name = f"pretrained{agent}.png"
    assert compare(name, painted, anew) < 0.01
    with Image.open(FOLDER / name) as kept:
        before, now = (np.square(one / 255.0 - photo / 255.0).mean() for one in (np.asarray(kept), painted))
    assert now < 1.25 * before


def test_svg(tmp_path: Path, anew: bool) -> None:
    """The same shapes in the same order, to a thousandth of their place."""
    design = BUILT_IN[0]
    strokes = np.random.default_rng(2).random((8, design.dim), dtype=np.float32)
    Painting(strokes, design, (64, 96), background=(1.0, 1.0, 1.0)).save(tmp_path / "new.svg")
    file = FOLDER / "bezier.svg"
    if anew:
        file.write_bytes((tmp_path / "new.svg").read_bytes())
    number = r"-?\d*\.?\d+(?:e-?\d+)?"
    kept, drawn = (one.read_text() for one in (file, tmp_path / "new.svg"))
    checksums = r"[0-9a-f]{8,}"  # of the numbers, which may differ in their last digit
    bare = [re.sub(number, "#", re.sub(checksums, "", text)) for text in (kept, drawn)]
    assert bare[0] == bare[1]
    values = [
        np.array([float(x) for x in re.findall(number, re.sub(checksums, "", text))])
        for text in (kept, drawn)
    ]
    np.testing.assert_allclose(values[1], values[0], rtol=2e-3, atol=0.11)
