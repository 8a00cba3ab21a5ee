"""Scoreboard: agents and baselines on one task, after equal seconds and equal environment steps.

Run: python -m benchmarks.learning.scoreboard --workers 2

The task of `benchmarks.paper.fig8a`: CelebA at 32 px, 40 strokes in bundles of 5; l2 by `raster` on pictures
of the test split, actions without noise. All that learn have the ResNet of `agents.networks.resnet`, of one
width and depth: with batch norm in our actors, weight-normalised in critics and in the agents of
stable-baselines3. PatchQ and DDPG are tuned on this task, SHAC and APG have the rates of model-based. The
agents of stable-baselines3 have normalised rewards, the paper's gamma and a rate of 3e-4; PPO 6 epochs of
minibatches of 128 after 16 steps, and exp(-1) as its first standard deviation; SAC and TD3 batches of 32, a
replay of 20,000 steps, and learn from step 5,000 on. With their defaults SAC and TD3 do not learn here. The
best of four settings of SAC and of three of TD3, tried by hand with one seed on `val`, are: an entropy
coefficient of 3e-4 and a rate of 1e-3; a policy delay of 10 and noise of 0.5. The rest are defaults.

Environment steps are equal where the first of all trainings ends. The l2 of the others there is read from
their curves, between two evaluations, where their learning rates have not fallen yet.

Trainings of `fig8a` that are in the folder of its runs are not trained again. A row of your own is one
command; `my_module` registers the algorithm in `agents.ALGORITHMS`, whose settings are the defaults of its
`Config`. `check` reads the result once its JSON and CSV are in benchmarks/results/:

    python -m benchmarks.learning.scoreboard --module my_module --methods my-algo --json scoreboard_mine.json
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

from agents import ALGORITHMS, PaintingPolicy, build_agent
from benchmarks.harness import horizon
from benchmarks.harness.curves import at_equal
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import mean_colour_l2, paint_and_score, random_l2
from benchmarks.harness.sb3 import SB3, Baseline
from benchmarks.harness.statistics import interval, interval_text, over_seeds
from benchmarks.harness.tables import Result, Table, main
from benchmarks.harness.training import (
    UNPAINTED,
    Training,
    TrainingConfig,
    Variant,
    records,
    train,
    trainings,
)
from benchmarks.paper import fig8a
from paint_gym.utils.errors import unknown_name
from paint_gym.utils.registry import import_module

HORIZONS: dict[str, Row] = {"shac": {"horizon": 4}, "apg": {"horizon": 8, "gamma": 1.0}}
METHODS = ("model-based", fig8a.NO_CRITIC, "shac", "apg", "ppo", "sac", "td3", "patchq", "ddpg")
PLAN = 20
"""Gradient steps on each bundle of planning alone."""


@dataclass(frozen=True)
class Scoreboard(TrainingConfig):
    """Agents and baselines on one task."""

    out: Path = Path("runs/scoreboard")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    methods: tuple[str, ...] = METHODS
    """Names of the methods; any algorithm of `agents.ALGORITHMS` is one, too."""
    module: str = ""
    """Module that registers an algorithm of your own."""
    minutes: float = 1.5
    """Time of each."""
    paper: tyro.conf.Suppress[bool] = False
    updates: tyro.conf.Suppress[int | None] = None


def jobs(options: Scoreboard) -> list[Training]:
    """Trainings of all methods.

    Raises:
        ValueError: an unknown method.
    """
    if options.module:
        import_module(options.module)
    made, seconds = list[Training](), options.minutes * 60
    for method in options.methods:
        named = Variant(f"{method}, resnet", {"algo": method, "actor": "resnet"})
        if method in fig8a.ALGOS:
            made += fig8a.trained([method], "resnet", fig8a.shared(options), seconds)
        elif method in SB3:
            named = dataclasses.replace(named, agent={"algo": "ddpg", "actor": "resnet"})
            made += trainings([named], fig8a.BASE, options, Baseline, algorithm=method, seconds=seconds)
        elif method in ALGORITHMS:
            if method in HORIZONS:
                learning, module = fig8a.TUNED["model-based"] | HORIZONS[method], horizon.__name__
            else:
                learning = dataclasses.asdict(ALGORITHMS[method].agent.Config())
                module = options.module
            named = dataclasses.replace(named, cpu=learning)
            made += trainings([named], fig8a.BASE, options, module=module, seconds=seconds)
        else:
            hint = "; --module names the module that registers it"
            raise ValueError(f"{unknown_name('method', method, {*METHODS, *ALGORITHMS})}{hint}")
    return sorted(made, key=lambda job: job.config.seed)  # one that is broken off compares something


def untrained(job: Training) -> Iterator[Row]:
    """Rows of methods that do not learn, on the pictures of a job."""
    pictures, agent = job.pictures("test", job.test_images), job.config.agent
    planner = PaintingPolicy.of(build_agent(agent, "cpu"), plan=PLAN)
    yield {"method": "one flat colour", "l2": mean_colour_l2(pictures)}
    yield {"method": "random strokes", "l2": random_l2(pictures, agent.max_strokes)}
    planned = paint_and_score(pictures, agent.max_strokes, planner, batch=len(pictures))
    yield {"method": f"planning alone, {PLAN} steps a bundle", "l2": float(planned.l2.mean())}


def conclude(result: Result) -> Iterator[Table]:
    """L2 of each method when time is up, and after equal environment steps."""
    finals, made = result.finals(), {name: result.finals(name) for name in ("updates", "env_steps")}
    steps, early = at_equal(result.curves, "env_steps")
    rows = list[Row]()
    for method in sorted(finals, key=lambda method: interval(finals[method])[0]):
        row: Row = {"method": method.removesuffix(", resnet")} | over_seeds(finals[method])
        row[f"l2 after {steps:,} environment steps"] = interval_text(interval(early[method]))
        rows.append(row | {name: round(interval(values[method])[0]) for name, values in made.items()})
    yield "l2 after equal time", rows


def tables(options: Scoreboard) -> Iterator[Table]:
    """L2 of canvases without an agent; records, scores and curves of the trainings."""
    made = jobs(options)
    yield UNPAINTED, list(untrained(made[0]))
    yield from records(train(made, options), options)


if __name__ == "__main__":
    main(tables, Scoreboard, conclude)
