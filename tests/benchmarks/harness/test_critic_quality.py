"""Critics against the renderer: one that is the renderer, and one that knows nothing."""

from __future__ import annotations

import pytest
import torch
from helpers import Constant, agent_of, transition
from torch import Tensor

from agents import DDPG
from benchmarks.harness.critic_quality import MEASURES, critic_quality, critic_rows
from paint_gym.canvas import CanvasState, model_step
from paint_gym.renderers import make_renderer
from paint_gym.rewards import L2Reward


class Exact(torch.nn.Module):
    """The gain in l2 of an action, but for the gradient of colours, which has the wrong sign."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))  # an optimizer needs one

    def forward(self, canvas: Tensor, target: Tensor, step: Tensor, steps: int, action: Tensor) -> Tensor:
        """``(B,)``."""
        strokes = action.view(len(action), 2, 7)
        colours = 2 * strokes[..., 4:].detach() - strokes[..., 4:]
        action = torch.cat([strokes[..., :4], colours], 2).flatten(1)
        renderer = make_renderer("analytic", "circle")
        return model_step(CanvasState(canvas, target, step), action, renderer, L2Reward())[1]


class OfState(Constant):
    """The squared error of the canvas: all about the state, nothing about the action."""

    def forward(self, canvas: Tensor, target: Tensor, step: Tensor, steps: int, action: Tensor) -> Tensor:
        """``(B,)``."""
        return (canvas - target).square().mean((1, 2, 3)) + 0 * action.sum(1)


def test_a_critic_is_held_against_the_renderer() -> None:
    quality = critic_quality(agent_of(DDPG, Exact(), gamma=0.0), transition())
    assert list(quality) == list(MEASURES)
    assert quality["cosine, geometry"] == pytest.approx(1, abs=1e-3)
    assert quality["cosine, colour"] == pytest.approx(-1, abs=1e-3)
    assert quality["R2, states"] == pytest.approx(1, abs=1e-3)
    assert quality["R2, actions"] == pytest.approx(1, abs=1e-3)
    far = critic_quality(agent_of(DDPG, Exact(), gamma=0.9), transition())
    assert 0 < far["cosine, geometry"] < 0.999 and far["R2, states"] < 0.999  # it looks one step ahead
    last = critic_quality(agent_of(DDPG, Exact(), gamma=0.9), transition(3))
    assert last["cosine, geometry"] == pytest.approx(1, abs=1e-3)
    knows_nothing = critic_quality(agent_of(DDPG, Constant(), gamma=0.0), transition())
    assert knows_nothing["cosine, geometry"] == 0 and knows_nothing["R2, states"] < 0
    assert knows_nothing["R2, actions"] == pytest.approx(0, abs=0.02)
    knows_the_state = critic_quality(agent_of(DDPG, OfState(), gamma=0.0), transition())
    assert knows_the_state["R2, actions"] == pytest.approx(0, abs=0.02)


def test_rows_are_means_over_the_seeds() -> None:
    rows = [
        {"method": "a", "seed": seed, "seconds": n} | dict.fromkeys(MEASURES, seed + n)
        for seed in (0, 2)
        for n in range(5)
    ]
    first, last = critic_rows(rows, points=2)
    assert [(row["seeds"], row["seconds"]) for row in (first, last)] == [(2, 0), (2, 4)]
    assert first["cosine, colour"] == "1 (-11.7 to 13.7)"  # Student's t of one degree of freedom is 12.71
    assert last["cosine, colour"] == "5 (-7.71 to 17.7)"
