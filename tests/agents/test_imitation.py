"""Imitation of plans: the actor moves towards better bundles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import agent_of, remaining_l2, run_on_solid, transition

from agents import AgentConfig, Imitation, build_agent
from agents.painting import planning


def test_the_loss_is_the_distance_to_the_plan() -> None:
    agent, batch = agent_of(Imitation, None, imitate=3), transition()
    action, side = agent.act(batch.state), torch.ones(4)
    proposal = planning.full_canvas_proposal(action, batch.state.canvas)
    plan = planning.optimize_action(batch.state, proposal, side, agent.renderer, 3)
    expected = (plan - action).square().mean()
    assert expected > 0 and agent.update(batch)["losses/actor"] == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"reward": "wgan"}, "imitation needs reward l2"),
        ({"renderer": "raster"}, "'raster' has no gradients"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(wrong: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        build_agent(AgentConfig(algo="imitation", actor_width=8, discriminator_width=4, **wrong), "cpu")


@pytest.mark.slow
def test_it_learns_solid_colours(device: torch.device) -> None:
    """To 5% of the l2 at the start, on new colours."""
    learning = Imitation.Config(actor_lr=1e-3, actor_lr_late=3e-4, imitate=5, bf16=False)
    config = AgentConfig("imitation", "glimpse", 16, max_strokes=20, learning=learning)
    colours = np.random.default_rng(0).integers(80, 256, (64, 3, 1, 1), dtype=np.uint8)
    pictures = np.tile(colours, (1, 1, 32, 32))
    assert remaining_l2(pictures, run_on_solid(config, updates=150), device) < 0.05
