"""Refinement lowers the l2, and never makes a painting worse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents import PaintOptions, refine
from agents.painting import refinement
from agents.painting.evaluation import l2_by_raster
from paint_gym import Painting


def target_of(count: int, size: tuple[int, int] = (32, 32)) -> torch.Tensor:
    y, x = np.mgrid[0 : size[0], 0 : size[1]] / (32, 32)[0]
    waves = [[np.sin(4 * x + i + c) * np.cos(5 * y - c) * 0.5 + 0.5 for c in range(3)] for i in range(count)]
    return torch.from_numpy((np.array(waves) * 255).astype(np.uint8))


def random_painting(seed: int, strokes: int = 12, **named) -> Painting:
    return Painting(np.random.default_rng(seed).random((strokes, 13)), size=32, **named)


def test_l2_falls_by_the_ground_truth() -> None:
    paintings, target = [random_painting(i) for i in range(3)], target_of(3)
    refined = refine(paintings, target, 30)
    before, after = (l2_by_raster(each, target.numpy()) for each in (paintings, refined))
    assert (after < 0.4 * before).all()


def test_what_stays() -> None:
    painting = random_painting(0, background=(0.2, 0.4, 0.6), opacity=(0.5, 0.75))
    refined = refine(painting, target_of(1)[0], 3)
    assert len(refined) == 12 and refined != painting
    for name in ("design", "size", "background", "opacity"):
        assert getattr(refined, name) == getattr(painting, name)


@pytest.mark.parametrize("stroke", ["straight", "circle", "triangle"])
def test_other_designs_and_shapes(stroke: str) -> None:
    dim = {"straight": 11, "circle": 7, "triangle": 10}[stroke]
    painting = Painting(np.random.default_rng(0).random((8, dim)), stroke=stroke, size=(24, 40))
    target = target_of(1, (24, 40))
    refined = refine(painting, target[0], 20)
    assert l2_by_raster([refined], target.numpy()) < 0.8 * l2_by_raster([painting], target.numpy())


def test_never_worse() -> None:
    """A painting that is perfect already comes back as it is."""
    painting = random_painting(0)
    target = torch.from_numpy(painting.render()).permute(2, 0, 1)
    exact = Painting([], background=(1, 0, 0), size=32)
    assert refine(exact, target, 5) == exact
    errors: list[float] = []
    refine(painting, target, 5, on_iteration=errors.append)
    assert len(errors) == 5 and errors == sorted(errors, reverse=True) and errors[0] < 1e-5


def test_hidden_strokes_are_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the strokes lie under one that covers all: they come to use, and their number stays."""
    cover = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1, 0.5, 0.5, 0.5]
    rng = np.random.default_rng(0)
    several = [[*rng.random((30, 13)) * 0.2, cover, cover, *rng.random((28, 13))] for _ in range(4)]
    paintings = [Painting(strokes, size=32) for strokes in several]
    targets = target_of(1).expand(4, -1, -1, -1)
    reseeded = refine(paintings, targets, 60)
    monkeypatch.setattr(refinement, "RESEEDED", 0.0)
    plain = refine(paintings, targets, 60)
    l2, l2_plain = (l2_by_raster(several, targets.numpy()).mean() for several in (reseeded, plain))
    assert [len(painting) for painting in reseeded] == [60] * 4 and l2 < 0.9 * l2_plain


def test_bad_arguments() -> None:
    painting, target = random_painting(0), target_of(1)[0]
    assert refine(painting, target, 0) is painting
    palettes = torch.zeros(3), torch.zeros(257, 3), torch.full((2, 3), 2.0), torch.full((1, 3), torch.nan)
    weights = torch.ones(31, 32), torch.zeros(32, 32), -torch.ones(32, 32), torch.full((32, 32), torch.nan)
    radii = (0.05, 0.02), (0.3, 0.5), (0.0, 0.001), (float("nan"), 1)
    for paintings, targets, iterations, options, text in (
        (painting, target, -1, {}, "at least 0, not -1"),
        ([painting], target_of(2), 3, {}, r"1 paintings need a target of 1 pictures .*not \(2, 3, 32, 32\)"),
        ([painting, random_painting(0, strokes=3)], target_of(2), 3, {}, "one by one"),
        (painting, target, 3, {"until": float("nan")}, "until must be at least 0, not nan"),
        *((painting, target, 3, {"palette": wrong}, "palette") for wrong in palettes),
        *((painting, target, 3, {"weight": wrong}, "weight must be") for wrong in weights),
        *((painting, target, 3, {"radii": wrong}, "radii must be least and greatest") for wrong in radii),
        (painting, target, 3, {"alpha": torch.ones(32, 32)}, "alpha is for paintings without a background"),
    ):
        with pytest.raises(ValueError, match=text):
            refine(paintings, targets, iterations, PaintOptions(**options))


def test_a_painting_is_refined_as_if_it_were_alone() -> None:
    """Bit for bit, also where strokes are drawn anew; so many that a kernel may treat them differently."""
    paintings, targets = [random_painting(i, strokes=30) for i in range(9)], target_of(9)
    together = refine(paintings, targets, 24)
    assert [refine(*pair, 24) for pair in zip(paintings, targets, strict=True)] == together


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_refines_where_gradients_are_off(mode) -> None:
    painting, target = random_painting(0), target_of(1)[0]
    with mode():
        refined = refine(painting, target.clone(), 5)
    assert refined == refine(painting, target, 5) and refined != painting


def test_a_palette_is_kept_to_and_used_well() -> None:
    palette = torch.tensor([[0.1, 0.1, 0.1], [0.9, 0.2, 0.1], [0.2, 0.3, 0.9]])
    colours = torch.cat([palette[:1], palette[1:], palette[:1]])
    target = colours.repeat_interleave(8, 0).T.unsqueeze(2).expand(3, 32, 32)  # bands
    painting = random_painting(3, 40, opacity=(1, 1))
    refined = refine(painting, target, 60, PaintOptions(palette=palette))
    used = {tuple(colour) for colour in refined.strokes[:, -3:].tolist()}
    assert used <= {tuple(colour) for colour in palette.tolist()} and len(used) == 3
    assert np.square(refined.render(32) / 255 - target.permute(1, 2, 0).numpy()).mean() < 0.01


def test_strokes_that_do_not_help_are_removed() -> None:
    """Neither what lies under others, nor what makes it worse; one of two equal strokes stays."""
    target = torch.zeros(3, 32, 32)
    target[0, :, :16] = 1.0
    left = [0.2, 0.5, 0.5, 1.0, 1.0, 0.0, 0.0]
    strokes = [
        [0.2, 0.5, 0.1, 1.0, 0.5, 0.5, 0.5],
        [*left[:2], 0.3, *left[3:]],
        left,
        [0.8, 0.5, 0.5, 1.0, 0.0, 1.0, 0.0],
    ]
    painting = Painting(strokes, "circle", 32, opacity=(1, 1))
    pruned = refinement.prune(painting, target[None], PaintOptions())
    assert pruned.strokes.tolist() == painting.strokes[2:3].tolist()
