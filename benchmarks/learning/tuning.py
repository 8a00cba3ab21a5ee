"""Settings of Fig. 8a's three algorithms, each changed alone, on validation pictures.

Run: python -m benchmarks.learning.tuning --workers 2

The agents of `benchmarks.paper.fig8a`, one seed, fewer updates and strokes; l2 by `raster` on pictures of
`val`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.harness.measure import Row
from benchmarks.harness.statistics import interval
from benchmarks.harness.tables import Table, main
from benchmarks.harness.training import TrainingConfig, Variant, records, train, trainings
from benchmarks.paper import fig8a

CHANGES: dict[str, tuple[Row, tuple[str, ...]]] = {
    "as in Table 1": ({}, fig8a.ALGORITHMS),
    "rate of the actor 1e-4": ({"actor_lr": 1e-4, "actor_lr_late": 3e-5}, fig8a.ALGORITHMS),
    "rate of the actor 1e-3": ({"actor_lr": 1e-3, "actor_lr_late": 3e-4}, fig8a.ALGORITHMS),
    "rate of the critic 3e-4": ({"critic_lr": 3e-4, "critic_lr_late": 1e-4}, fig8a.ALGORITHMS),
    "tau 0.01": ({"tau": 0.01}, fig8a.ALGORITHMS),
    "gamma 0": ({"gamma": 0.0}, fig8a.ALGORITHMS),
    "noise 0.03": ({"noise": 0.03}, fig8a.MODEL_FREE),
    "noise 0.3": ({"noise": 0.3}, fig8a.MODEL_FREE),
}
"""Changes of Table 1's settings, and the algorithms that get them."""
UPDATES = 2000


@dataclass(frozen=True)
class Tuning(TrainingConfig):
    """Settings of the three algorithms, each changed alone."""

    out: Path = Path("runs/tuning")
    seeds: tuple[int, ...] = (0,)
    paper: tyro.conf.Suppress[bool] = False


def tables(options: Tuning) -> Iterator[Table]:
    """L2 at the end of each, by algorithm; and the curves."""
    variants = [
        Variant(f"{algo}, {what}", {"algo": algo, "actor": "resnet"}, cpu=learning)
        for what, (learning, algorithms) in CHANGES.items()
        for algo in algorithms
    ]
    base = dataclasses.replace(
        fig8a.BASE, agent=dataclasses.replace(fig8a.BASE.agent, max_strokes=40),
        updates=UPDATES, eval_split="val", eval_images=128,
    )  # fmt: skip
    results = train(trainings(variants, base, options, points=4), options)
    rows: list[Row] = []
    for what, (_, algorithms) in CHANGES.items():
        row: Row = {"change": what}
        for algo in algorithms:
            row[algo] = interval([run["curve"][-1]["l2"] for run in results[f"{algo}, {what}"]])[0]
        rows.append(row)
    yield f"l2 on val, resnet, {UPDATES} updates", rows
    yield from records(results, options)


if __name__ == "__main__":
    main(tables, Tuning)
