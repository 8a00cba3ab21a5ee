"""The glimpse actor looks where the error is, and its strokes stay there."""

from __future__ import annotations

import pytest
import torch
from helpers import DIAMOND, HATCH

from agents.networks.glimpse import GlimpseActor
from paint_gym.renderers import make_renderer
from paint_gym.strokes import BUILT_IN, StrokeDesign, get_stroke


@pytest.fixture
def actor() -> GlimpseActor:
    torch.manual_seed(0)
    return GlimpseActor(get_stroke("bezier"), bundle=3, width=8).eval()


def test_windows_follow_the_error(actor: GlimpseActor) -> None:
    canvas, target = torch.zeros(2, 2, 3, 64, 64)
    target[0, :, 50:60, 4:12] = 1
    target[1, :, 2:8, 40:60] = 1
    for step in range(3, 13):
        x, y, side, obs = actor.select_window(canvas, target, torch.tensor([step + 12, step]))
        assert side.tolist() == [0.25, 0.5]
        assert torch.equal(actor.side(torch.tensor([step + 12, step]), 64, 64), side)
        for i, pixels in enumerate((16, 32)):
            left, top = round(x[i].item() * 64), round(y[i].item() * 64)
            under = target[i, :, top : top + pixels, left : left + pixels]
            assert under.sum() > 0
            assert torch.allclose(obs[i, 3:6].mean(), under.mean(), atol=1e-2)


def test_windows_shrink_with_the_steps_not_with_the_budget(actor: GlimpseActor) -> None:
    """3 steps for each of 1, 4, 16, 64, 256 windows, then 1/32; twice as wide a canvas has twice as many."""
    step = torch.tensor([0, 2, 3, 14, 15, 62, 63, 254, 255, 1022, 1023, 9000])
    sides = [2.0**-n for n in range(6) for _ in range(2)]
    picture = torch.rand(12, 3, 32, 32)
    assert actor.select_window(picture, picture, step).side.tolist() == sides
    wide = torch.rand(12, 3, 32, 64)
    assert actor.select_window(wide, wide, 2 * step).side.tolist() == sides
    assert torch.equal(actor(picture, 1 - picture, step, 40), actor(picture, 1 - picture, step, 400))


def test_proposals_are_of_three_sides_and_elsewhere(actor: GlimpseActor) -> None:
    """Of the step's own side (first what the actor would do), the next larger, and the next smaller."""
    canvas, target = torch.zeros(2, 2, 3, 64, 64)
    target[:, :, 4:10, 4:10], target[:, :, 50:56, 50:56] = 1, 0.5
    step = torch.tensor([20, 5])
    own, larger, smaller = actor.propose(canvas, target, step, 2)
    assert own.action.shape == larger.action.shape == smaller.action.shape == (2, 2, 39)
    assert torch.allclose(own.action[0], actor(canvas, target, step, 40), atol=1e-6)
    for group in (own, smaller):
        middle = group.action.view(2, 2, 3, 13)[..., :2].mean(2)  # (2, 2, 2): of the first points
        assert (middle[0] < 0.5).all()
        assert ((middle[0] - middle[1]).abs().amax(1) > 0.1).all()
    spread = torch.stack([group.action.view(2, 2, 3, 13)[0, 0, :, 0] for group in (larger, own, smaller)])
    assert (spread.amax(1) - spread.amin(1)).diff().max() < 0


@pytest.mark.parametrize("design", [*BUILT_IN, DIAMOND, HATCH], ids=lambda design: design.name)
@pytest.mark.parametrize("size", [(64, 64), (50, 70)])
@pytest.mark.parametrize("step", [0, 5, 20, 300, 2000])
def test_strokes_stay_in_their_part(design: StrokeDesign, size: tuple[int, int], step: int) -> None:
    torch.manual_seed(0)
    actor = GlimpseActor(design, bundle=3, width=8).eval()
    with torch.no_grad():
        actor.head.bias.fill_(4.0)  # thick, and close to the far edges
    canvas, target = torch.rand(2, 2, 3, *size)
    renderer = make_renderer("analytic", design)
    for group in actor.propose(canvas, target, torch.tensor([step, step + 1]), 3):
        touched = (renderer(group.action.view(-1, design.dim), size) > 0).view(3, 2, 3, *size).any(2)
        for n, b in torch.cartesian_prod(torch.arange(3), torch.arange(2)).tolist():
            top, left = int(group.top[n, b]), int(group.left[n, b])
            assert top + group.size[0] <= size[0] and left + group.size[1] <= size[1]
            touched[n, b, top : top + group.size[0], left : left + group.size[1]] = False
        assert not touched.any()


def test_no_window_is_selected_for_ever(actor: GlimpseActor) -> None:
    """Where the error is greatest, strokes may no longer help: others with an error have their turn."""
    canvas, target = torch.zeros(2, 1, 3, 64, 64)
    target[..., 4:10, 4:10], target[..., 40:46, 50:56] = 1, 0.9
    steps = torch.arange(70, 110)
    lefts = actor.select_window(canvas.expand(40, -1, -1, -1), target.expand(40, -1, -1, -1), steps).left
    near = (lefts < 0.5).float().mean()  # 1.2 times the error
    assert 0.5 < near < 1


@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("size", [(32, 32), (37, 61)])
def test_windows_reach_every_corner(actor: GlimpseActor, size: tuple, corner: tuple) -> None:
    """One wrong pixel in a corner is seen, whatever the size."""
    canvas, target = torch.zeros(2, 1, 3, *size)
    target[..., -corner[0], -corner[1]] = 1
    for step in (0, 10, 50, 500):
        assert actor.select_window(canvas, target, torch.tensor([step])).obs[:, 3:6].max() > 0


def test_windows_are_square_in_pixels(actor: GlimpseActor) -> None:
    """A disc on a wide canvas is seen as a disc."""
    canvas, target = torch.zeros(2, 1, 3, 32, 64)
    y, x = torch.meshgrid(torch.arange(32) - 15.5, torch.arange(64) - 40.5, indexing="ij")
    target[..., x**2 + y**2 < 100] = 1
    obs = actor.select_window(canvas, target, torch.tensor([0])).obs[0, 3]
    assert obs.amax(0).sum() == obs.amax(1).sum() == 20
