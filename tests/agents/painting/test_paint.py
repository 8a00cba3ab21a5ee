"""Painting with anything that acts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
import torch

from agents import PaintOptions, evaluate, load, paint, refine
from agents.painting.evaluation import PaintingScores
from paint_gym import CanvasState, Painting, make_renderer


class Copying:
    """A policy of one's own: a disc in the mean colour of the target; nobody's subclass."""

    renderer, bundle, device = make_renderer("analytic", "circle"), 2, torch.device("cpu")

    def __init__(self) -> None:
        self.states: list[tuple[CanvasState, int | None]] = []

    def act(self, state: CanvasState, steps: int | None = None) -> torch.Tensor:
        self.states.append((state, steps))
        disc = torch.tensor([0.5, 0.5, 1.0, 1.0]).expand(len(state.target), 4)
        return torch.cat([disc, state.target.mean((2, 3))], 1).repeat(1, 2)


def test_a_policy_of_ones_own_paints() -> None:
    policy, targets, errors = Copying(), torch.full((2, 3, 16, 24), 0.5), []
    paintings = paint(policy, targets, 6, on_bundle=errors.append)
    assert [len(painting) for painting in paintings] == [6, 6] and paintings[0].size == (16, 24)
    assert paintings[0].strokes[0, 4:].tolist() == [0.5, 0.5, 0.5]
    assert [(int(state.step[0]), steps) for state, steps in policy.states] == [(0, 3), (1, 3), (2, 3)]
    assert len(errors) == 3 and errors[2] < errors[0] < 0.25
    with pytest.raises(ValueError, match="max_strokes must be a whole number from 1"):
        paint(policy, targets, 2.5)
    with pytest.raises(TypeError, match=r"a painter, not a name: agents\.load\('pretrained'\) gives one"):
        paint("pretrained", targets)


@pytest.mark.parametrize(
    ("action", "error", "text"),
    [
        (np.zeros((2, 14)), TypeError, "act must return a tensor, not ndarray"),
        (torch.zeros(1, 14), ValueError, r"\(2, 14\), not \(1, 14\)"),
        (torch.zeros(2, 0), ValueError, r"\(2, 14\), not \(2, 0\)"),  # would never fill the budget
        (torch.zeros(2, 28), ValueError, r"\(2, 14\), not \(2, 28\)"),
    ],
)
def test_other_actions_are_refused(action: object, error: type[Exception], text: str) -> None:
    policy = Copying()
    policy.act = lambda state: action
    with pytest.raises(error, match=text):
        paint(policy, torch.zeros(2, 3, 16, 16), 4)


@pytest.mark.parametrize("score", [evaluate, lambda policy: paint(policy, torch.zeros(1, 3, 8, 8))])
def test_what_lacks_a_part_of_a_painter_is_refused(score: Callable[[object], object]) -> None:
    with pytest.raises(
        TypeError, match=r"function lacks renderer, bundle, device|lacks act, renderer, bundle"
    ):
        score(lambda state: state)


def test_large_pictures_are_painted_on_smaller_canvases() -> None:
    policy, targets = Copying(), torch.rand(1, 3, 300, 600)
    (painting,) = paint(policy, targets, 2)
    assert painting.size == (300, 600) and policy.states[-1][0].target.shape == (1, 3, 256, 512)
    (painting,) = paint(policy, targets, 2, PaintOptions(canvas=None))
    assert painting.size == (300, 600) and policy.states[-1][0].target.shape == (1, 3, 300, 600)
    pictures = np.zeros((1, 3, 272, 272), np.uint8)
    totals = list[int]()

    def progress(scores: Iterable[PaintingScores], total: int) -> Iterable[PaintingScores]:
        totals.append(total)
        return scores

    scores = evaluate(policy, progress, dataset=pictures, split="train", size=272, max_strokes=2)
    assert policy.states[-1][0].target.shape == (1, 3, 272, 272) and scores["size"] == 272 and totals == [1]


def test_shapes_that_are_no_batch_of_pictures_are_refused() -> None:
    picture = torch.rand(3, 16, 24)
    for wrong in (picture, picture.permute(1, 2, 0)[None]):
        with pytest.raises(ValueError, match=r"pictures must be \(B, 3, H, W\), not"):
            paint(Copying(), wrong, 2)
    with pytest.raises(TypeError, match=r"not ndarray; of an array \(H, W, 3\) it is torch\.from_numpy"):
        paint(Copying(), picture.numpy(), 2)
    (painting,) = paint(Copying(), picture[None], 2)
    with pytest.raises(ValueError, match=r"one painting needs one picture \(3, H, W\), not \(1, 3, 16, 24\)"):
        refine(painting, picture[None])
    with pytest.raises(TypeError, match="target must be a tensor, not ndarray"):
        refine(painting, picture.numpy())


def test_a_policy_that_does_not_weigh_errors_is_named() -> None:
    target, weight = torch.rand(1, 3, 16, 16), torch.ones(16, 16)
    with pytest.raises(ValueError, match="Copying does not weigh errors"):
        paint(Copying(), target, 10, PaintOptions(weight=weight))
    with pytest.raises(ValueError, match=r"weight must be \(16, 16\)"):
        paint(load("pretrained-mnist"), target, 10, PaintOptions(weight=weight[:3]))


def noise() -> torch.Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_backgrounds() -> None:
    target, policy = noise(), load("pretrained-mnist")
    means = [tuple(((picture.mean((1, 2)) * 255).round() / 255).tolist()) for picture in target]
    for background, expected in {(0.2, 0.4, 1.0): [(0.2, 0.4, 1.0)] * 2, "auto": means}.items():
        paintings = paint(policy, target, 5, PaintOptions(background=background))
        for painting, colour in zip(paintings, expected, strict=True):
            assert painting.background == pytest.approx(colour, abs=1e-6)
            assert painting[:0].render(8)[0, 0] == pytest.approx(np.array(colour) * 255, abs=0.51)
    (layer, _) = paint(policy, target, 5, PaintOptions(background=None))
    (on_white, _) = paint(policy, target, 5, PaintOptions(background=(1, 1, 1)))
    assert layer.background is None and np.array_equal(layer.strokes, on_white.strokes)
    with pytest.raises(ValueError, match="background must be 3 numbers"):
        paint(policy, target, 5, PaintOptions(background=(2, 0, 0)))


def test_paintings_to_go_on_with() -> None:
    target, policy = noise(), load("pretrained-mnist")
    init = paint(policy, target, 8, PaintOptions(background=(1, 1, 1)))
    longer = paint(policy, target, 21, PaintOptions(init=init))
    for before, after in zip(init, longer, strict=True):
        assert after[:8] == before and len(after) == 21
    for strokes in (8, 3):
        assert paint(policy, target, strokes, PaintOptions(init=init)) == init
    opaque = [Painting(painting.strokes, size=32, opacity=(1, 1)) for painting in init]
    long = [Painting(painting.strokes, size=(20, 100)) for painting in init]
    for wrong, text in (
        (init[:1], "2 pictures need as many paintings"), ([init[0], init[1][:5]], "one number of strokes"),
        (opaque, r"bezier strokes of opacity \(1.0, 1.0\), the agent paints"), (long, "another aspect"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=text):
            paint(policy, target, 21, PaintOptions(init=wrong))


def test_a_picture_of_the_canvas_is_painted_over() -> None:
    policy, target = Copying(), torch.full((1, 3, 16, 24), 0.5)
    canvas = torch.rand(1, 3, 16, 24)
    (painting,) = paint(policy, target, 4, PaintOptions(canvas_image=canvas))
    assert painting.background is None and torch.equal(policy.states[0][0].canvas, canvas)
    with pytest.raises(ValueError, match=r"canvas_image must be as the pictures, \(1, 3, 16, 24\)"):
        paint(policy, target, 4, PaintOptions(canvas_image=canvas[..., :5]))
