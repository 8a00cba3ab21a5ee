"""Settings of PatchQ and DDPG drawn together, on validation pictures.

Run: python -m benchmarks.learning.tuning --workers 2 --seeds 0 1 2 3 4

The agents of `benchmarks.paper.fig8a` with the paper's actor. Both algorithms get the same draws: Table 1 of
the paper, settings found by hand with each of two gammas, and random ones. l2 by `raster` on pictures of
`val` after equal seconds: of all draws with one seed, and of the best three of each algorithm with all. The
table is of the last points of the curves; `finals` are of test pictures, by which nothing is chosen.
Model-based DDPG is not drawn: it needs no noise and no delay.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from benchmarks.harness.measure import Row
from benchmarks.harness.statistics import interval
from benchmarks.harness.tables import Table, main
from benchmarks.harness.training import Results, TrainingConfig, Variant, records, train, trainings
from benchmarks.paper import fig8a

BY_HAND: Row = {
    "gamma": 0.0, "actor_lr": 1e-3, "critic_lr": 1e-3, "tau": 0.01, "noise": 0.3, "random_actions": 0.2,
    "warm_up": 0, "policy_delay": 5, "batch": 64, "updates_per_step": 1,
}  # fmt: skip
TABLE_1: Row = BY_HAND | {
    "gamma": 0.95, "actor_lr": 3e-4, "tau": 0.001, "noise": 0.1, "random_actions": 0.0, "policy_delay": 1,
    "batch": 32,
}  # fmt: skip
RANDOM = 6
"""Number of random draws."""
BEST = 3
"""Number of draws that are trained with all seeds."""
ALGOS = fig8a.MODEL_FREE


@dataclass(frozen=True)
class Tuning(TrainingConfig):
    """Settings of PatchQ and DDPG drawn together."""

    out: Path = Path("runs/tuning")
    seeds: tuple[int, ...] = (0, 1)
    seconds: float = 85.0
    """Time of each."""
    paper: tyro.conf.Suppress[bool] = False


def draws() -> list[Row]:
    """Settings of the algorithm and of the training."""
    rng, settings = np.random.default_rng(0), [TABLE_1, BY_HAND, BY_HAND | {"gamma": 0.95}]
    for _ in range(RANDOM):
        drawn = {
            "gamma": rng.choice([0.0, 0.95]), "actor_lr": 10 ** rng.uniform(-4, -2.5),
            "critic_lr": 10 ** rng.uniform(-3.5, -2.5), "tau": rng.choice([0.001, 0.01]),
            "noise": 10 ** rng.uniform(-1.3, -0.3), "random_actions": rng.choice([0.0, 0.2, 0.5]),
            "warm_up": rng.choice([0, 500]), "policy_delay": rng.choice([1, 2, 5]),
            "batch": rng.choice([32, 64]), "updates_per_step": rng.choice([1, 2]),
        }  # fmt: skip
        settings.append({name: round(np.array(value).item(), 5) for name, value in drawn.items()})
    return settings


def variant(name: str, algo: str, draw: Row) -> Variant:
    """The variant of an algorithm with the paper's actor and the settings of a draw."""
    training = {name: draw[name] for name in ("batch", "updates_per_step")}
    learning = {name: value for name, value in draw.items() if name not in training}
    learning |= {f"{network}_lr_late": 0.3 * draw[f"{network}_lr"] for network in ("actor", "critic")}
    return Variant(name, {"algo": algo, "actor": "resnet"}, training, cpu=learning)


def tables(options: Tuning) -> Iterator[Table]:
    """L2 at the end of each draw, by algorithm; and the curves."""
    base = dataclasses.replace(fig8a.BASE, eval_split="val")
    settings, results = draws(), Results()

    def measure(numbers: Mapping[str, Sequence[int]], seeds: tuple[int, ...]) -> None:
        variants = [
            variant(f"{algo}, draw {number}", algo, settings[number])
            for algo in ALGOS
            for number in numbers[algo]
        ]
        seeded = dataclasses.replace(options, seeds=seeds)
        jobs = trainings(variants, base, seeded, points=4, seconds=options.seconds)
        for method, runs in train(jobs, options).items():
            results.setdefault(method, []).extend(runs)

    def l2(algo: str, number: int) -> float:
        return interval([run["curve"][-1]["l2"] for run in results[f"{algo}, draw {number}"]])[0]

    every = range(len(settings))
    measure(dict.fromkeys(ALGOS, every), options.seeds[:1])
    best = {algo: sorted(every, key=lambda number: l2(algo, number))[:BEST] for algo in ALGOS}
    if options.seeds[1:]:
        measure(best, options.seeds[1:])
    rows: list[Row] = []
    for number, draw in enumerate(settings):
        seeds = {f"seeds, {algo}": len(results[f"{algo}, draw {number}"]) for algo in ALGOS}
        rows.append({"draw": number} | {algo: l2(algo, number) for algo in ALGOS} | seeds | draw)
    yield f"l2 on val, resnet, {options.seconds:g} s", rows
    yield from records(results, options)


if __name__ == "__main__":
    main(tables, Tuning)
