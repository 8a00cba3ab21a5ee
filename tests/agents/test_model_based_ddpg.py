"""Model-based DDPG: its targets by hand, its lookahead, and that it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import DIAMOND, HATCH, Constant, agent_of, l2, left_after, transition

from agents import (
    AgentConfig,
    AlgorithmConfig,
    ModelBasedDDPG,
    build_agent,
)
from agents.networks import GlimpseActor
from agents.networks.actor import Proposals
from agents.painting import planning
from paint_gym import L2Reward, make_renderer
from paint_gym.canvas import CanvasState
from paint_gym.renderers import Renderer, Size
from paint_gym.strokes import BUILT_IN, StrokeDesign, get_stroke


@pytest.mark.parametrize(("step", "ahead"), [(0, 1.0), (3, 0.0)])
def test_value_target_of_model_based(step: int, ahead: float) -> None:
    """Wanted: r + gamma^k V'(s'), and nothing ahead after the last bundle; k is 2."""
    agent, batch = agent_of(ModelBasedDDPG, Constant(value=2.0), gamma=0.9), transition(step)
    after = agent.renderer.paint(batch.state.canvas, torch.full((4, 2, 7), 0.5))
    reward = l2(batch.state.canvas, batch.state.target) - l2(after, batch.state.target)
    expected = (2.0 - (reward + 0.9**2 * ahead * 2.0)).square().mean()
    metrics = agent.update(batch)
    assert metrics["losses/critic"] == pytest.approx(expected.item(), rel=1e-4)
    assert metrics["charts/reward"] == pytest.approx(reward.mean().item(), rel=1e-4)


def test_relative_weighs_by_what_is_left() -> None:
    agent, batch = agent_of(ModelBasedDDPG, Constant(), gamma=0, normalize_by_error=True), transition()
    after = agent.renderer.paint(batch.state.canvas, torch.full((4, 2, 7), 0.5))
    before = l2(batch.state.canvas, batch.state.target)
    expected = -((before - l2(after, batch.state.target)) / before).mean()
    assert agent.update(batch)["losses/actor"] == pytest.approx(expected.item(), rel=1e-4)


class Proposing(Constant):
    """Proposes black and grey on the whole canvas, and white on what is left of its upper left quarter."""

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
    """The analytic renderer, which can only paint whole canvases."""

    differentiable = True

    def __call__(self, strokes: torch.Tensor, size: Size) -> torch.Tensor:
        return make_renderer("analytic", self.design)(strokes, size)


@pytest.mark.parametrize("renderer", [make_renderer("analytic", "circle"), Whole(get_stroke("circle"))])
def test_lookahead_takes_what_lowers_the_l2_most(renderer) -> None:
    agent, state = agent_of(ModelBasedDDPG, Constant()), transition().state
    agent.actor, agent.renderer = Proposing(14), renderer
    targets = torch.tensor([0.6, 0.0, 0.5, 0.2]).view(4, 1, 1, 1).expand(4, 3, 16, 16).clone()
    targets[3, :, 2:5, 2:5] = 1
    state = state._replace(
        target=targets, canvas=torch.where(torch.arange(4).view(4, 1, 1, 1) == 3, 0.2, 1.0)
    )
    state = state._replace(canvas=state.canvas.expand(4, 3, 16, 16))
    assert agent.act(state)[:, 6].tolist() == [0.5, 0, 0.5, 1]
    assert torch.equal(agent.explore(state), torch.full((4, 14), 0.5))
    agent.config = replace(agent.config, lookahead=0)
    assert torch.equal(agent.act(state), torch.full((4, 14), 0.5))


@pytest.mark.parametrize("imitate", [0, 5])
def test_the_actor_climbs_the_reward(imitate: int) -> None:
    agent = agent_of(ModelBasedDDPG, Constant(), gamma=0, actor_lr=0.02, imitate=imitate)
    batch = transition()
    rewards = [agent.update(batch)["charts/reward"] for _ in range(60)]
    assert rewards[-1] > rewards[0] + 0.01


def test_a_renderer_without_gradients_is_refused() -> None:
    with pytest.raises(ValueError, match="'raster' has no gradients"):
        build_agent(AgentConfig(renderer="raster"), "cpu")


@pytest.mark.parametrize("wrong", [{"gamma": 0.5}, {"reward": "wgan"}])
def test_what_is_imitated_serves_l2_only(wrong: dict) -> None:
    learning = AlgorithmConfig(gamma=wrong.get("gamma", 0.0), imitate=5)
    config = AgentConfig(
        reward=wrong.get("reward", "l2"), actor_width=8, critic_width=8, discriminator_width=4,
        learning=learning,
    )  # fmt: skip
    with pytest.raises(ValueError, match="imitate needs reward l2 and gamma 0"):
        build_agent(config, "cpu")


def test_distance_to_a_plan_is_measured_in_windows() -> None:
    """Of a circle's x, y, radius, alphas and colours, the first three."""
    here = torch.full((2, 7), 0.5)
    there = here.clone()
    there[:, 0] += 0.1  # a fifth of the half, and a whole tenth
    there[:, 3] += 0.2
    apart = planning.distance(here, there, torch.tensor([0.5, 1.0]), get_stroke("circle"))
    assert apart.tolist() == pytest.approx([(0.04 + 0.04) / 7, (0.01 + 0.04) / 7])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("actor", "gamma", "renderer", "imitate", "updates"),
    [
        ("glimpse", 0.0, "analytic", 0, 150), ("resnet", 0.95, "analytic", 0, 250),
        ("glimpse", 0.0, "neural", 0, 60), ("glimpse", 0.0, "analytic", 5, 150),
        ("resnet", 0.0, "analytic", 5, 250),
    ],
)  # fmt: skip
def test_model_based_learns_solid_colours(
    actor: str, gamma: float, renderer: str, imitate: int, updates: int, device: torch.device
) -> None:
    """To 5% of the l2 at the start, on colours it has not seen."""
    colours = np.random.default_rng(0).integers(80, 256, (64, 3, 1, 1), dtype=np.uint8)
    learning = AlgorithmConfig(actor_lr=1e-3, actor_lr_late=3e-4, gamma=gamma, imitate=imitate, bf16=False)
    config = AgentConfig("model-based", actor, 16, 16, renderer=renderer, max_strokes=20, learning=learning)
    size = 128 if renderer == "neural" else 32
    pictures = np.tile(colours, (1, 1, size, size))
    assert left_after(pictures, config, updates, device, 32 if size == 32 else 8) < 0.05


@pytest.mark.parametrize("design", [*BUILT_IN, DIAMOND, HATCH], ids=lambda design: design.name)
@pytest.mark.parametrize("size", [(64, 64), (40, 72), (96, 48)])
@pytest.mark.parametrize("step", [0, 5, 40, 500])
def test_lookahead_is_that_of_whole_canvases(design: StrokeDesign, size: tuple[int, int], step: int) -> None:
    """Painting only the part that strokes can touch takes the same bundle as painting whole canvases."""
    torch.manual_seed(step)
    actor = GlimpseActor(design, 3, 8)
    with torch.no_grad():
        actor.head.weight.mul_(20)  # strokes of all places and sizes,
        actor.head.bias.fill_(2.0)  # many of which reach beyond their windows
    state = CanvasState(torch.rand(3, 3, *size), torch.rand(3, 3, *size), torch.full((3,), step))
    config = AlgorithmConfig(bf16=False, lookahead=4)
    renderer = make_renderer("analytic", design)
    agent = ModelBasedDDPG(actor, Constant(), renderer, L2Reward(), 40, 3, config)
    chosen = agent.act(state)
    proposed = torch.cat([group.action for group in actor.propose(*state, 4)])  # (N, B, A)
    gains = []
    for action in proposed:
        painted = renderer.paint(state.canvas, action.view(3, 3, design.dim))
        gains.append(l2(state.canvas, state.target) - l2(painted, state.target))
    taken = (proposed == chosen).all(2)  # (N, B)
    best = torch.stack(gains).amax(0)
    assert taken.any(0).all()
    # of two that gain as much, rounding decides
    torch.testing.assert_close(torch.stack(gains).where(taken, -torch.inf).amax(0), best, rtol=0, atol=1e-7)


@pytest.mark.parametrize("design", [*BUILT_IN, DIAMOND, HATCH], ids=lambda design: design.name)
@pytest.mark.parametrize("lookahead", [0, 2])
@pytest.mark.parametrize("size", [(64, 64), (40, 72)])
def test_planning_never_loses_and_mostly_gains(
    design: StrokeDesign, lookahead: int, size: tuple[int, int]
) -> None:
    """On canvases at different steps, whose windows are of different sizes."""
    torch.manual_seed(0)
    step = torch.tensor([0, 3, 20, 60, 200, 500])
    state = CanvasState(torch.rand(6, 3, *size) * 0.3, torch.rand(6, 3, 1, 1).expand(6, 3, *size), step)
    renderer = make_renderer("analytic", design)
    config = AlgorithmConfig(bf16=False, lookahead=lookahead)
    agent = ModelBasedDDPG(GlimpseActor(design, 3, 8), Constant(), renderer, L2Reward(), 40, 3, config)

    def error(action: torch.Tensor) -> torch.Tensor:
        assert not action.requires_grad and ((action >= 0) & (action <= 1)).all()
        return l2(renderer.paint(state.canvas, action.view(6, 3, design.dim)), state.target)

    before, after = error(agent.act(state)), error(agent.act(state, plan=8))
    blank = l2(state.canvas, state.target)
    assert (after <= before + 1e-7).all()
    assert (blank - after > (blank - before).clamp(min=0) * 1.2).float().mean() >= 0.5
    agent.config = replace(config, plan=8)
    assert torch.equal(error(agent.act(state)), after)
    assert torch.equal(error(agent.act(state, plan=0)), before)


def test_planning_without_proposals_improves_the_actors_own() -> None:
    agent = build_agent(AgentConfig("model-based", "resnet", 4, 4, depth=1, max_strokes=20), "cpu")
    target = torch.full((2, 3, 32, 32), 0.7)
    state = CanvasState(torch.zeros(2, 3, 32, 32), target, torch.tensor([0, 2]))
    plain, planned = (
        l2(agent.renderer.paint(state.canvas, agent.act(state, plan=plan).view(2, 5, 13)), target)
        for plan in (0, 10)
    )
    assert (planned < 0.8 * plain).all()
