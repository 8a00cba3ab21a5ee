"""A user's own stroke design, defined in one place, works everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import Tensor

from paint_gym import Painting, StrokeDesign, make_renderer, register_stroke
from paint_gym import strokes as module


@pytest.fixture
def diamond() -> Iterator[StrokeDesign]:
    def nodes(parameters: Tensor, segments: int) -> Tensor:
        x, y, width, height, t = parameters.unbind(-1)
        flat = torch.zeros_like(x)
        corners = [(x - width, y), (x, y - height), (x + width, y), (x, y + height)]
        return torch.stack([torch.stack([cx, cy, flat, t], -1) for cx, cy in corners], -2)

    design = StrokeDesign("diamond", ("x", "y", "w", "h", "t"), "polygon", nodes)
    register_stroke(design)
    yield design
    del module._DESIGNS["diamond"]


def test_own_design_renders_alike_everywhere(diamond: StrokeDesign) -> None:
    strokes = torch.rand(50, diamond.dim) * 0.5 + 0.2
    error = make_renderer("analytic", "diamond")(strokes, 128) - make_renderer("raster", "diamond")(
        strokes, 128
    )
    assert error.square().mean() < 2e-4


def test_own_design_in_the_environment_and_on_disk(
    diamond: StrokeDesign, pictures: np.ndarray, tmp_path: Path
) -> None:
    env = gym.make("PaintCanvas-v0", dataset=pictures, size=32, max_strokes=4, bundle=2, stroke="diamond")
    assert env.action_space.shape == (2 * diamond.dim,)
    env.reset(seed=0)
    for _ in range(2):
        env.step(env.action_space.sample())
    painting = env.unwrapped.painting
    painting.save(tmp_path / "own.json")
    painting.save(tmp_path / "own.svg")
    assert Painting.load(tmp_path / "own.json") == painting


def test_own_design_has_gradients(diamond: StrokeDesign) -> None:
    strokes = (torch.rand(1, 3, diamond.dim) * 0.4 + 0.3).requires_grad_()
    make_renderer("analytic", "diamond").paint(torch.zeros(1, 3, 32, 32), strokes).sum().backward()
    assert (strokes.grad != 0).any()


def test_a_name_is_taken_once(diamond: StrokeDesign) -> None:
    with pytest.raises(ValueError, match="already registered"):
        register_stroke(diamond)
    register_stroke(diamond, replace=True)


@pytest.mark.parametrize("stroke", ["bezier", "straight", "circle", "triangle"])
def test_place_moves_a_stroke_into_a_window(stroke: str) -> None:
    """Painted in the window's coordinates and placed, it is what it was, smaller and elsewhere."""
    design = module.get_stroke(stroke)
    strokes = torch.rand(1, 1, design.dim) * 0.6 + 0.2
    x, y, side = torch.tensor([0.25]), torch.tensor([0.5]), torch.tensor([0.5])
    window = make_renderer("analytic", design)(strokes[0], 64)[0]
    canvas = make_renderer("analytic", design)(design.place(strokes, x, y, side, side, side)[0], 128)[0]
    assert (canvas[64:128, 32:96] - window).abs().mean() < 1e-3
