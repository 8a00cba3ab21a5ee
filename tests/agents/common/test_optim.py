"""The checked gradient step."""

from __future__ import annotations

import pytest
from helpers import Constant, agent_of, transition

from agents import (
    DDPG,
    TrainingDivergedError,
)


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    agent = agent_of(DDPG, Constant(value=float("nan")), gamma=0.9)
    with pytest.raises(TrainingDivergedError, match="losses/critic is nan"):
        agent.update(transition())
    assert (agent.actor.value == 0.5).all()
