"""The defaults of a renderer, against those of the analytic one."""

import pytest
import torch

from paint_gym import Renderer, make_renderer
from paint_gym.renderers import Size
from paint_gym.renderers.base import check_size, height_width
from paint_gym.strokes import get_stroke
from paint_gym.utils.images import crop


class OnlyCoverage(Renderer):
    """Knows coverage, as a renderer of one's own may."""

    name, side = "own", 24

    def __call__(self, strokes: torch.Tensor, size: Size) -> torch.Tensor:
        return make_renderer("analytic", self.design, self.opacity)(strokes, size)


@pytest.mark.parametrize("opacity", [(0.0, 1.0), (0.5, 1.0)])
def test_paint_and_paint_part_follow_from_coverage(opacity: tuple[float, float]) -> None:
    design = get_stroke("bezier")
    own, analytic = OnlyCoverage(design, opacity), make_renderer("analytic", design, opacity)
    canvas, strokes = torch.rand(3, 3, 24, 40), torch.rand(3, 4, 13)
    top, left = torch.tensor([0, 3, 10]), torch.tensor([20, 0, 7])
    painted = own.paint(canvas, strokes)
    torch.testing.assert_close(painted, analytic.paint(canvas, strokes), rtol=0, atol=1e-5)
    part = own.paint_part(crop(canvas, top, left, (14, 20)), strokes, top, left, (24, 40))
    assert torch.equal(part, crop(painted, top, left, (14, 20)))


def test_a_renderer_is_taken_as_it_is() -> None:
    own = OnlyCoverage(get_stroke("circle"))
    assert make_renderer(own, "bezier") is own


def test_sizes() -> None:
    assert height_width(3) == (3, 3) and height_width((2, 5)) == (2, 5)
    with pytest.raises(ValueError, match="at least 1 pixel"):
        height_width((0, 5))
    check_size(OnlyCoverage(get_stroke("circle")), 24)
    with pytest.raises(ValueError, match=r"the own renderer paints 24 x 24 pixels.*analytic"):
        check_size(OnlyCoverage(get_stroke("circle")), (24, 25))


@pytest.mark.parametrize("name", ["analytic", "raster", "neural"])
def test_strokes_that_are_none_are_refused(name: str) -> None:
    renderer = make_renderer(name)
    with pytest.raises(ValueError, match="a bezier stroke has 13 numbers"):
        renderer(torch.rand(2, 12), 128)
    for bad in (torch.nan, torch.inf, -torch.inf):
        with pytest.raises(ValueError, match="NaN or inf"):
            renderer(torch.full((2, 13), bad), 128)


@pytest.mark.parametrize("name", ["analytic", "raster"])
def test_a_place_for_each_part(name: str) -> None:
    renderer = make_renderer(name, "circle")
    strokes = torch.rand(2, 3, renderer.design.dim)
    place = torch.zeros(3, dtype=torch.long)
    with pytest.raises(ValueError, match=r"top and left must be \(2,\), a place for each part; got \(3,\)"):
        renderer.paint_part(torch.zeros(2, 3, 8, 8), strokes, place, place, 16)
