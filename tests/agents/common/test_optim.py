"""The checked gradient step."""

from __future__ import annotations

import pytest
import torch
from helpers import Constant, agent_of, transition

from agents import DDPG, TrainingDivergedError
from agents.common.optim import gradient_step


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    agent = agent_of(DDPG, Constant(value=float("nan")), gamma=0.9)
    with pytest.raises(TrainingDivergedError, match="losses/critic is nan"):
        agent.update(transition())
    assert (agent.actor.value == 0.5).all()


@pytest.mark.parametrize("max_norm", [None, 1.0])
def test_a_gradient_that_is_not_finite_changes_nothing(max_norm: float | None) -> None:
    """The slope of a root at 0 is infinite, though the root is not."""
    weights = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([weights])
    with pytest.raises(TrainingDivergedError, match=r"the gradient of losses/root is (inf|nan)"):
        gradient_step(optimizer, weights.sqrt().sum(), "losses/root", max_norm)
    assert (weights == 0).all() and not optimizer.state
