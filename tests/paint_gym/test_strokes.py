"""A user's own stroke design, defined in one place, works everywhere."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from helpers import DIAMOND, HATCH
from hypothesis import given, settings
from hypothesis import strategies as st

from paint_gym import Painting, StrokeDesign, make_renderer, register_stroke
from paint_gym import strokes as module


@pytest.fixture
def diamond() -> Iterator[StrokeDesign]:
    register_stroke(DIAMOND)
    yield DIAMOND
    del module.STROKES._entries["diamond"]


def test_own_design_renders_alike_everywhere(diamond: StrokeDesign) -> None:
    strokes = torch.rand(50, diamond.dim) * 0.5 + 0.2
    analytic, raster = (make_renderer(name, "diamond")(strokes, 128) for name in ("analytic", "raster"))
    assert (analytic - raster).square().mean() < 2e-4
    with pytest.raises(ValueError, match="already registered"):
        register_stroke(diamond)


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


def test_bad_designs_are_refused() -> None:
    assert DIAMOND.kinds == ("x", "y", "width", "height", "alpha")  # clear from the names
    with pytest.raises(ValueError, match=r"stroke 'own': it is not clear what .* is; pass kinds="):
        StrokeDesign("own", ("x", "y", "length"), "sweep", DIAMOND.definition)
    with pytest.raises(ValueError, match="did you mean 'polygon'"):
        StrokeDesign("own", ("x", "y"), "polygn", DIAMOND.definition)
    with pytest.raises(ValueError, match="2 parameters, but 1 kinds"):
        StrokeDesign("own", ("x", "y"), "sweep", DIAMOND.definition, kinds=("x",))
    with pytest.raises(ValueError, match="did you mean 'width'"):
        StrokeDesign("own", ("x", "y"), "sweep", DIAMOND.definition, kinds=("x", "widht"))


@pytest.mark.parametrize("design", [*module.BUILT_IN, DIAMOND, HATCH], ids=lambda design: design.name)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_windows_scale_strokes_exactly(design: StrokeDesign, data: st.DataObject) -> None:
    """The nodes of a moved stroke are the nodes of the stroke, moved: on any canvas, in any window."""
    height, width = data.draw(st.sampled_from([(64, 64), (60, 100), (200, 50)]))
    level = data.draw(st.integers(0, 3))
    place = data.draw(st.lists(st.floats(0, 1), min_size=2, max_size=2))
    rng = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    strokes = torch.rand(1, 4, design.dim, generator=rng, dtype=torch.float64)
    shorter, side = min(height, width), 0.5**level
    across, down = side * shorter / width, side * shorter / height
    left, top = place[0] * (1 - across), place[1] * (1 - down)
    window = (torch.tensor([value], dtype=torch.float64) for value in (left, top, across, down, side))
    moved = design.nodes(design.window_to_canvas(strokes, *window), 8)
    before = design.nodes(strokes, 8)
    torch.testing.assert_close(moved[..., 0], left + across * before[..., 0])
    torch.testing.assert_close(moved[..., 1], top + down * before[..., 1])
    torch.testing.assert_close(moved[..., 3], before[..., 3])
    if design is not HATCH:  # whose radius is fixed
        scaled = side * before[..., 2]  # but never thinner than 1 / 256
        assert (moved[..., 2] >= scaled - 1e-9).all() and (moved[..., 2] <= scaled + 1 / 256).all()


def test_a_layout_names_each_parameter_once_and_fits_the_primitive() -> None:
    layout = module.StrokeLayout(("x",), ("y",), ("r",), ("t",))
    for parameters, primitive, definition in (
        (("x", "y", "r"), "sweep", layout),
        (("x", "y", "r", "t", "t1"), "sweep", layout),
        (("x", "y", "r", "t"), "sweep", layout._replace(x=("y",))),
        (("x", "y", "r", "t"), "polygon", layout),
    ):
        with pytest.raises(ValueError, match=r"stroke 'own': StrokeLayout.* does not fit"):
            StrokeDesign("own", parameters, primitive, definition)


def test_a_layout_decides_the_kinds() -> None:
    layout = module.StrokeLayout(("a", "b", "c"), ("d", "e", "f"), ("x",), ("w",))
    design = StrokeDesign("own", ("a", "b", "c", "d", "e", "f", "x", "w"), "sweep", layout)
    assert design.kinds == ("x", "relative", "x", "y", "relative", "y", "radius", "alpha")
    assert replace(design, name="again").kinds == design.kinds
    with pytest.raises(ValueError, match=r"stroke 'own': the layout decides the kinds"):
        replace(design, kinds=("x", "x", "x", "y", "y", "y", "radius", "alpha"))


@pytest.mark.parametrize("kernel", ["c", "torch"])
@pytest.mark.parametrize(
    ("parameters", "layout", "built_in", "order"),
    [
        (
            ("t0", "t1", "r", "y1", "x1", "y0", "x0"),
            module.StrokeLayout(("x0", "x1"), ("y0", "y1"), ("r",), ("t1", "t0")),
            "straight", [6, 5, 4, 3, 2, 1, 2, 0, 7, 8, 9],
        ),
        (
            ("t", "x0", "x1", "y0", "y1", "x2", "y2"), module.get_stroke("triangle").definition,
            "triangle", [1, 3, 2, 4, 5, 6, 0, 7, 8, 9],
        ),
    ],
    ids=["sweep", "polygon"],
)  # fmt: skip
def test_a_layout_of_ones_own_in_another_order(
    kernel: str, parameters: tuple[str, ...], layout: module.StrokeLayout, built_in: str, order: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PAINT_GYM_KERNEL", kernel)
    design = module.get_stroke(built_in)
    reordered = StrokeDesign("own", parameters, design.primitive, layout)
    strokes = torch.rand(5, reordered.dim, dtype=torch.float64, requires_grad=True)
    alphas = [
        make_renderer("analytic", painted)(vectors, (30, 40))
        for painted, vectors in ((reordered, strokes), (design, strokes[:, order]))
    ]
    torch.testing.assert_close(*alphas)
    gradients = [torch.autograd.grad(alpha.square().sum(), strokes)[0] for alpha in alphas]
    torch.testing.assert_close(*gradients)
