"""Refinement lowers the l2, keeps what it should keep, and never makes a painting worse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents import refine
from agents.painting import refinement
from agents.painting.constraints import Allowed
from agents.painting.evaluation import l2_by_raster
from agents.painting.paint import check_weight
from paint_gym import Painting
from paint_gym.strokes import get_stroke


def target_of(count: int, size: tuple[int, int] = (32, 32)) -> torch.Tensor:
    y, x = np.mgrid[0 : size[0], 0 : size[1]] / (32, 32)[0]
    waves = [[np.sin(4 * x + i + c) * np.cos(5 * y - c) * 0.5 + 0.5 for c in range(3)] for i in range(count)]
    return torch.from_numpy((np.array(waves) * 255).astype(np.uint8))


def random_painting(seed: int, strokes: int = 12, **named) -> Painting:
    return Painting(np.random.default_rng(seed).random((strokes, 13)), size=32, **named)


def test_l2_falls_by_the_ground_truth() -> None:
    paintings, target = [random_painting(i) for i in range(3)], target_of(3)
    refined = refine(paintings, target, 30, "cpu")
    before, after = (l2_by_raster(each, target.numpy()) for each in (paintings, refined))
    assert (after < 0.4 * before).all()


def test_what_stays() -> None:
    painting = random_painting(0, background=(0.2, 0.4, 0.6), opacity=(0.5, 0.75))
    refined = refine(painting, target_of(1)[0], 3, "cpu")
    assert len(refined) == 12 and refined != painting
    for name in ("design", "size", "background", "opacity"):
        assert getattr(refined, name) == getattr(painting, name)


@pytest.mark.parametrize("stroke", ["straight", "circle", "triangle"])
def test_other_designs_and_shapes(stroke: str) -> None:
    dim = {"straight": 11, "circle": 7, "triangle": 10}[stroke]
    painting = Painting(np.random.default_rng(0).random((8, dim)), stroke=stroke, size=(24, 40))
    target = target_of(1, (24, 40))
    refined = refine(painting, target[0], 20, "cpu")
    assert l2_by_raster([refined], target.numpy()) < 0.8 * l2_by_raster([painting], target.numpy())


def test_a_painting_is_refined_as_if_it_were_alone() -> None:
    paintings, target = [random_painting(i) for i in range(2)], target_of(2)
    together = refine(paintings, target, 5, "cpu")
    for one, painting, wanted in zip(together, paintings, target, strict=True):
        alone = refine(painting, wanted, 5, "cpu")
        assert np.abs(alone.strokes - one.strokes).max() < 1e-4


def test_never_worse() -> None:
    """A painting that is perfect already comes back as it is."""
    painting = random_painting(0)
    target = torch.from_numpy(painting.render()).permute(2, 0, 1)
    exact = Painting([], background=(1, 0, 0), size=32)
    assert refine(exact, target, 5, "cpu") == exact
    errors: list[float] = []
    refine(painting, target, 5, "cpu", errors.append)
    assert len(errors) == 5 and errors == sorted(errors, reverse=True) and errors[0] < 1e-5


def test_strokes_that_show_nothing_are_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the strokes lie under one that covers all: they come to use, and their number stays."""
    target = target_of(1)[0]
    cover = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1, 0.5, 0.5, 0.5]
    rng, paintings = np.random.default_rng(0), []
    for _ in range(4):
        hidden, seen = rng.random((30, 13)) * 0.2, rng.random((28, 13))
        paintings.append(Painting([*hidden, cover, cover, *seen], size=32))
    targets = target.expand(4, -1, -1, -1)
    anew = refine(paintings, targets, 60, "cpu")
    monkeypatch.setattr(refinement, "RESEEDED", 0.0)
    as_before = refine(paintings, targets, 60, "cpu")
    one, other = (l2_by_raster(each, targets.numpy()).mean() for each in (anew, as_before))
    assert [len(painting) for painting in anew] == [60] * 4 and one < 0.9 * other


def test_a_painting_whose_strokes_are_drawn_anew_does_not_depend_on_others() -> None:
    paintings, target = [random_painting(i, strokes=30) for i in range(2)], target_of(2)
    together = refine(paintings, target, 12, "cpu")
    for one, painting, wanted in zip(together, paintings, target, strict=True):
        assert np.abs(refine(painting, wanted, 12, "cpu").strokes - one.strokes).max() < 1e-3


def test_it_ends_where_the_l2_is_wanted() -> None:
    errors: list[float] = []
    painting, target = random_painting(0), target_of(1)[0]
    refine(painting, target, 40, "cpu", errors.append)
    wanted, whole = errors[14], len(errors)
    errors.clear()
    refine(painting, target, 40, "cpu", errors.append, until=wanted)
    assert whole == 40 and len(errors) == 15 and errors[-1] <= wanted
    assert refine(painting, target, 40, "cpu", until=1.0) == painting


def test_where_more_weight_is_the_error_is_less() -> None:
    painting, target = random_painting(0), target_of(1)
    weight = torch.ones(32, 32)
    weight[:16] = 20.0
    wanted = target[0].permute(1, 2, 0).numpy() / 255.0
    plain, weighted = (
        refine(painting, target[0], 40, "cpu", weight=each).render() / 255.0 - wanted
        for each in (None, weight)
    )
    assert (weighted[:16] ** 2).mean() < 0.8 * (plain[:16] ** 2).mean()
    assert (weighted[16:] ** 2).mean() > (plain[16:] ** 2).mean()
    as_it_was = refine(painting, target[0], 5, "cpu", weight=torch.full((32, 32), 7.0))
    assert np.abs(as_it_was.strokes - refine(painting, target[0], 5, "cpu").strokes).max() < 1e-4


@pytest.mark.parametrize(
    "weight",
    [
        torch.ones(31, 32),
        torch.ones(2, 32, 32),
        torch.zeros(32, 32),
        -torch.ones(32, 32),
        torch.full((32, 32), torch.nan),
    ],
)
def test_weights_that_are_none_are_refused(weight: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="weight must be"):
        refine(random_painting(0), target_of(1)[0], 3, "cpu", weight=weight)


def test_no_iterations() -> None:
    painting = random_painting(0)
    assert refine(painting, target_of(1)[0], 0) is painting


def test_bad_arguments() -> None:
    painting = random_painting(0)
    with pytest.raises(ValueError, match="at least 0, not -1"):
        refine(painting, target_of(1)[0], -1)
    with pytest.raises(ValueError, match=r"1 paintings need a target of 1 pictures .*not \(2, 3, 32, 32\)"):
        refine([painting], target_of(2))
    with pytest.raises(ValueError, match="one by one"):
        refine([painting, random_painting(0, strokes=3)], target_of(2))


def test_a_painting_among_others_is_refined_as_if_alone() -> None:
    """As many as the kernel might treat otherwise than one."""
    paintings, targets = [random_painting(i) for i in range(9)], target_of(9)
    together = refine(paintings, targets, 30)
    assert [refine(one, target, 30) for one, target in zip(paintings, targets, strict=True)] == together


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_refines_where_gradients_are_off(mode) -> None:
    painting, target = random_painting(0), target_of(1)[0]
    with mode():
        refined = refine(painting, target.clone(), 5)
    assert refined == refine(painting, target, 5) and refined != painting


@pytest.mark.parametrize("bad", [torch.nan, 200.0, 1])
def test_a_target_that_is_no_picture_is_refused(bad: float) -> None:
    painting = random_painting(0)
    with pytest.raises(ValueError, match=r"floats in \[0, 1\]"):
        refine(painting, torch.full((3, 8, 8), bad), 5)
    with pytest.raises(ValueError, match="until must be at least 0, not nan"):
        refine(painting, torch.rand(3, 8, 8), 5, until=float("nan"))


def test_huge_weights_count_as_any() -> None:
    painting, target = random_painting(0), target_of(1)[0]
    huge = torch.full((32, 32), 1e37)
    assert refine(painting, target, 10, weight=huge) == refine(painting, target, 10, weight=huge / 1e37)


def test_a_palette_is_kept_to_and_used_well() -> None:
    palette = torch.tensor([[0.1, 0.1, 0.1], [0.9, 0.2, 0.1], [0.2, 0.3, 0.9]])
    colours = torch.cat([palette[:1], palette[1:], palette[:1]])
    target = colours.repeat_interleave(8, 0).T.unsqueeze(2).expand(3, 32, 32)  # bands
    painting = random_painting(3, 40, opacity=(1, 1))
    refined = refine(painting, target, 60, "cpu", palette=palette)
    used = {tuple(colour) for colour in refined.strokes[:, -3:].tolist()}
    assert used <= {tuple(colour) for colour in palette.tolist()} and len(used) == 3
    assert np.square(refined.render(32) / 255 - target.permute(1, 2, 0).numpy()).mean() < 0.01


def test_radii_stay_within_their_limits() -> None:
    limits = (0.02, 0.05)
    refined = refine(random_painting(1, 40), target_of(1)[0], 20, "cpu", radii=limits)
    radii = (1 + 64 * refined.strokes[:, [6, 8]]) / 256
    assert limits[0] - 1e-6 <= radii.min() < 0.9 * radii.max() and radii.max() <= limits[1] + 1e-6
    for wrong in ((0.05, 0.02), (0.3, 0.5), (0.0, 0.001), (float("nan"), 1)):
        with pytest.raises(ValueError, match="radii must be least and greatest"):
            refine(random_painting(1), target_of(1)[0], 2, "cpu", radii=wrong)


def test_a_palette_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"palette must be \(K, 3\)"):
        refine(random_painting(1), target_of(1)[0], 2, "cpu", palette=torch.zeros(3))


def test_what_is_transparent_stays_so() -> None:
    alpha = torch.zeros(32, 32)
    alpha[8:24, 8:24] = 1
    on_white = torch.stack([torch.full((32, 32), 0.2), torch.full((32, 32), 0.5), alpha]) * alpha + (
        1 - alpha
    )
    painting = random_painting(2, 40, background=None)
    with_it = refine(painting, on_white, 80, "cpu", alpha=alpha)
    without = refine(painting, on_white, 80, "cpu")
    off = [
        np.abs(one.render_rgba(32)[..., 3] / 255 - alpha.numpy()).mean()
        for one in (painting, without, with_it)
    ]
    assert off[2] < 0.5 * off[1] < 0.5 * off[0] and off[2] < 0.05 and with_it.background is None
    with pytest.raises(ValueError, match="alpha is for paintings without a background"):
        refine(random_painting(2), on_white, 2, "cpu", alpha=alpha)
    with pytest.raises(ValueError, match=r"alpha must be \(32, 32\)"):
        refine(painting, on_white, 2, "cpu", alpha=alpha[:5])


def test_a_weighted_painting_is_the_same_alone_and_among_others() -> None:
    """Large enough that threads would share the sum over one weight, but not over several."""
    torch.manual_seed(0)
    targets, weight = torch.rand(3, 3, 192, 192), torch.rand(192, 192)
    assert torch.equal(check_weight(weight, targets)[0], check_weight(weight, targets[:1])[0])


def test_the_nearest_of_colours_that_are_almost_the_same() -> None:
    """It is the same for few and for many."""
    palette = 1 - torch.rand(24, 3, generator=torch.Generator().manual_seed(0)) * 0.02
    colours = 1 - torch.rand(400, 3, generator=torch.Generator().manual_seed(1)) * 0.02
    allowed = Allowed(get_stroke("circle"), palette, None)
    few = torch.cat([allowed.nearest_colour(colour[None]) for colour in colours])
    assert torch.equal(allowed.nearest_colour(colours), few)
