"""Knowledge of the critics of the model-free agents: the paper's argument for the model, measured.

Run: python -m benchmarks.paper.critics --workers 2

PatchQ and DDPG as in `benchmarks.paper.fig8a`; its trainings are not trained again if they are in the folder
of its runs. On the way, on 128 states of the replay: the cosine of the critic's gradient in the action, at
the actor's own actions, with that of the true return, which the renderer gives; and the part of the variance
of the returns that the critic explains (R^2), from state to state, and from action to action in the same
state, for actions with noise of 0.1 around the actor's own. An actor learns from the gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.critic_quality import critic_rows
from benchmarks.harness.tables import CRITICS, CURVES, Result, Table, main
from benchmarks.harness.training import TrainingConfig, records, train
from benchmarks.paper import fig8a


@dataclass(frozen=True)
class Critics(TrainingConfig):
    """Knowledge of the critics of PatchQ and DDPG."""

    out: Path = Path("runs/critics")
    seeds: tuple[int, ...] = tuple(range(10))
    minutes: float = 1.5
    """Time of each; with --paper or --updates all make as many updates."""


def conclude(result: Result) -> Iterator[Table]:
    """Each measure over the seeds, at some points of the trainings."""
    yield "critics, on the way", critic_rows(result.tables[CRITICS])


def tables(options: Critics) -> Iterator[Table]:
    """Records, scores and measures of the trainings."""
    seconds = fig8a.time_limit(options, options.minutes)
    jobs = fig8a.trained(fig8a.MODEL_FREE, "resnet", fig8a.shared(options), seconds)
    yield from (table for table in records(train(jobs, options), options) if table[0] != CURVES)


if __name__ == "__main__":
    main(tables, Critics, conclude)
