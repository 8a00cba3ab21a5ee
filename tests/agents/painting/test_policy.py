"""The policy that paints: lookahead and plans through the renderer; frozen."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from helpers import DIAMOND, HATCH, Constant, l2

from agents import PaintingPolicy
from agents.networks import GlimpseActor
from agents.networks.actor import Proposals
from paint_gym import make_renderer
from paint_gym.canvas import CanvasState
from paint_gym.renderers import Renderer, Size
from paint_gym.strokes import BUILT_IN, StrokeDesign, get_stroke

DESIGNS = pytest.mark.parametrize("design", [*BUILT_IN, DIAMOND, HATCH], ids=lambda design: design.name)


class Proposing(Constant):
    """Proposes black and grey on the whole canvas, and white on a part of its upper left quarter."""

    def propose(self, canvas, target, step, count: int) -> list[Proposals]:
        discs = torch.tensor([0.5, 0.5, 1, 1]).expand(3, len(canvas), 2, 4).clone()
        discs[2, ..., :3] = torch.tensor([0.2, 0.2, 0.0])
        colours = torch.tensor([0, 0.5, 1]).view(3, 1, 1, 1).expand(3, len(canvas), 2, 3)
        action, corner = torch.cat([discs, colours], 3).flatten(2), torch.zeros(3, len(canvas)).long()
        return [
            Proposals(action[:2], corner[:2], corner[:2], (16, 16)),
            Proposals(action[2:], corner[2:], corner[2:], (8, 8)),
        ]


class Whole(Renderer):
    """The analytic renderer without `paint_part`."""

    differentiable = True

    def __call__(self, strokes: torch.Tensor, size: Size) -> torch.Tensor:
        return make_renderer("analytic", self.design)(strokes, size)


@pytest.mark.parametrize("renderer", [make_renderer("analytic", "circle"), Whole(get_stroke("circle"))])
def test_lookahead_takes_the_proposal_that_lowers_the_l2_most(renderer: Renderer) -> None:
    target = torch.tensor([0.6, 0.0, 0.5, 0.2]).view(4, 1, 1, 1).expand(4, 3, 16, 16).clone()
    target[3, :, 2:5, 2:5] = 1
    canvas = torch.where(torch.arange(4).view(4, 1, 1, 1) == 3, 0.2, 1.0).expand(4, 3, 16, 16)
    state = CanvasState(canvas, target, torch.zeros(4, dtype=torch.long))
    policy = PaintingPolicy(Proposing(14), renderer, 2, 4, lookahead=2)
    assert policy.act(state)[:, 6].tolist() == [0.5, 0, 0.5, 1]
    plain = dataclasses.replace(policy, lookahead=0)
    assert torch.equal(plain.act(state), torch.full((4, 14), 0.5))


@DESIGNS
@pytest.mark.parametrize(("size", "step"), [((64, 64), 0), ((40, 72), 5), ((96, 48), 500)])
def test_lookahead_is_that_of_whole_canvases(design: StrokeDesign, size: tuple[int, int], step: int) -> None:
    """Painting only the part that strokes can touch takes the same bundle as painting whole canvases."""
    torch.manual_seed(step)
    actor = GlimpseActor(design, 3, 8).eval()
    with torch.no_grad():
        actor.head.weight.mul_(20)  # strokes of all places and sizes,
        actor.head.bias.fill_(2.0)  # many of which reach beyond their windows
    state = CanvasState(torch.rand(3, 3, *size), torch.rand(3, 3, *size), torch.full((3,), step))
    renderer = make_renderer("analytic", design)
    action = PaintingPolicy(actor, renderer, 3, 40, lookahead=4).act(state)
    proposed = torch.cat([group.action for group in actor.propose(*state, 4)])  # (N, B, A)
    gains = []
    for proposal in proposed:
        painted = renderer.paint(state.canvas, proposal.view(3, 3, design.dim))
        gains.append(l2(state.canvas, state.target) - l2(painted, state.target))
    chosen = (proposed == action).all(2)  # (N, B)
    gain = torch.stack(gains)
    assert chosen.any(0).all()
    # of two that gain as much, rounding decides
    torch.testing.assert_close(gain.where(chosen, -torch.inf).amax(0), gain.amax(0), rtol=0, atol=1e-7)


@DESIGNS
@pytest.mark.parametrize(("lookahead", "size"), [(0, (64, 64)), (2, (40, 72))])
def test_plans_never_lose_and_mostly_gain(
    design: StrokeDesign, lookahead: int, size: tuple[int, int]
) -> None:
    """On canvases at different steps, whose windows are of different sizes."""
    torch.manual_seed(0)
    step = torch.tensor([0, 3, 20, 60, 200, 500])
    state = CanvasState(torch.rand(6, 3, *size) * 0.3, torch.rand(6, 3, 1, 1).expand(6, 3, *size), step)
    renderer = make_renderer("analytic", design)
    policy = PaintingPolicy(GlimpseActor(design, 3, 8), renderer, 3, 40, lookahead)

    def error(action: torch.Tensor) -> torch.Tensor:
        assert not action.requires_grad and ((action >= 0) & (action <= 1)).all()
        return l2(renderer.paint(state.canvas, action.view(6, 3, design.dim)), state.target)

    before, after = error(policy.act(state)), error(dataclasses.replace(policy, plan=8).act(state))
    blank = l2(state.canvas, state.target)
    assert (after <= before + 1e-7).all()
    assert (blank - after > (blank - before).clamp(min=0) * 1.2).float().mean() >= 0.5


def test_a_policy_is_frozen_and_leaves_its_actor_alone() -> None:
    actor = GlimpseActor(get_stroke("circle"), 2, 8)
    policy = PaintingPolicy(actor, make_renderer("analytic", "circle"), 2, 4, seed=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.lookahead = 2
    state = CanvasState(*torch.rand(2, 4, 3, 64, 64), torch.full((4,), 70))
    policy.act(state, weight=torch.rand(4, 64, 64))
    assert actor.weight is None and actor.seed == 0
    seeds = [dataclasses.replace(policy, seed=seed).act(state) for seed in (3, 4)]
    assert torch.equal(policy.act(state), seeds[0]) and not torch.equal(*seeds)


@pytest.mark.parametrize("wrong", [{"lookahead": -1}, {"lookahead": 257}, {"plan": -1}, {"plan": 1.5}])
def test_numbers_out_of_range_are_named(wrong: dict) -> None:
    name = next(iter(wrong))
    with pytest.raises(ValueError, match=rf"^{name} must be a whole number from 0 to [0-9,]+, not "):
        PaintingPolicy(Constant(14), make_renderer("analytic", "circle"), 2, 4, **wrong)
