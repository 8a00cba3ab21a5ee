"""Model-based DDPG against PatchQ and DDPG (section 5.4.1, Fig. 8a), with the paper's actor and with ours.

Run: python -m benchmarks.paper.fig8a --workers 2

With each of the two actors, `resnet` and `glimpse`, the three algorithms have the same width of critic and
the same replay, and make as many updates and environment steps. Rates, noise and gamma of each were chosen
on `val` by `benchmarks.learning.tuning`: with `resnet`, 40 strokes, one seed and 2,000 updates, each
changed alone; `glimpse` was not tuned. So PatchQ has gamma 0 and the others .95, and their comparison is
also one of gammas. l2 by `raster`, without lookahead, of test pictures; as committed, of 200 at the end,
and on the way, and so at its best and at equal time, of the first 64 of them. Equal time is where the
quickest run of that actor ends; `late change` is the part of the l2 that goes in the last quarter of the
updates, negative where it gets worse. The bars are this project's; the paper says 5 and 20 times. The
model-free agents have no policy delay, warm-up or joint tuning, so these ratios are of these settings, not
of the algorithms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from agents import AgentConfig, TrainConfig
from benchmarks.harness.curves import Point, at_equal, by_method, late_change
from benchmarks.harness.measure import Row
from benchmarks.harness.statistics import (
    WELCH,
    interval,
    interval_text,
    joint_verdict,
    over_seeds,
    ratio,
    verdict,
)  # fmt: skip
from benchmarks.harness.tables import CLAIMS, Result, Table, at_least, claim, main
from benchmarks.harness.training import TrainingConfig, Variant, figure, trainings
from paint_gym.utils.errors import unknown_name

ALGORITHMS = ("model-based", "patchq", "ddpg")  # from the best to the worst, says the paper
MODEL_FREE = ("patchq", "ddpg")
PAPER_RATIOS = {"patchq": 5.0, "ddpg": 20.0}  # l2, in that of model-based DDPG
BARS = {"patchq": 4.0, "ddpg": 10.0}

BASE = TrainConfig(
    agent=AgentConfig(actor_width=16, critic_width=16, depth=1, patches=4, max_strokes=40),
    dataset="celeba", size=32, updates=5000, batch=32, num_envs=32, episodes=800, updates_per_step=1,
    eval_split="test", eval_images=64,
)  # fmt: skip
TUNED: dict[str, Row] = {
    "model-based": {"actor_lr": 1e-3, "actor_lr_late": 3e-4},
    "patchq": {"actor_lr": 1e-4, "actor_lr_late": 3e-5, "gamma": 0.0},
    "ddpg": {"actor_lr": 1e-4, "actor_lr_late": 3e-5, "noise": 0.3},
}
"""Best settings on `val`, each changed alone, by `benchmarks.learning.tuning`."""


@dataclass(frozen=True)
class Fig8a(TrainingConfig):
    """Model-based DDPG against PatchQ and DDPG."""

    out: Path = Path("runs/fig8a")
    actors: tuple[str, ...] = ("resnet", "glimpse")
    """Names of the actors."""
    algos: tuple[str, ...] = ALGORITHMS
    """Names of the algorithms."""


def variants(actors: tuple[str, ...], algos: tuple[str, ...] = ALGORITHMS) -> list[Variant]:
    """Each algorithm with each actor.

    Raises:
        ValueError: an unknown algorithm.
    """
    for algo in algos:
        if algo not in ALGORITHMS:
            raise unknown_name("algorithm", algo, ALGORITHMS)
    return [
        Variant(f"{algo}, {actor}", {"algo": algo, "actor": actor}, cpu=TUNED[algo])
        for actor in actors
        for algo in algos
    ]


def compare(curves: list[Point], final: dict[str, list[float]], actor: str) -> Iterator[Row]:
    """L2 of each algorithm with one actor, and in that of the first; `final` is of the end, by algorithm."""
    seconds, timed = at_equal([point for point in curves if point.method.endswith(actor)], "seconds")
    best = {
        name: [min(point.l2 for point in curve) for curve in seeds.values()]
        for name, seeds in by_method(curves).items()
    }
    first = f"{next(iter(final))}, {actor}"
    for algo, scores in final.items():
        name = f"{algo}, {actor}"
        row: Row = {"actor": actor, "algorithm": algo} | over_seeds(scores)
        row |= {"late change": late_change(by_method(curves)[name].values())}
        row |= {"l2 at its best": interval(best[name])[0]}
        row |= {f"l2 after {seconds:.0f} s": interval(timed[name])[0]}
        if algo in MODEL_FREE and first.startswith("model-based"):
            times = ratio(scores, next(iter(final.values())))[0]
            row |= {"times model-based": times, "in the paper": PAPER_RATIOS[algo]}
            row |= {"times, each at its best": ratio(best[name], best[first])[0]}
            row |= {"times, equal time": ratio(timed[name], timed[first])[0]} | at_least(times, BARS[algo])
        yield row


def claims(final: dict[str, list[float]], rows: list[Row], actor: str) -> Iterator[Row]:
    """Claims of the paper, with one actor."""
    pairs = [ratio(final[worse], final[better]) for better, worse in pairwise(ALGORITHMS)]
    text = f"model-based is better than PatchQ, PatchQ than DDPG ({actor})"
    measured = f"{interval_text(pairs[0])} times, {interval_text(pairs[1])} times"
    parts = [verdict(low, high, 1) for _, low, high in pairs]
    yield claim(text, "in this order", measured, f"each over 1: {WELCH}", joint_verdict(parts))
    for row in rows[1:]:
        algo, paper = row["algorithm"], row["in the paper"]
        times = ratio(final[algo], final["model-based"])
        measured = f"{interval_text(times)} times; {row['times, each at its best']:.1f} each at its best; "
        measured += f"{row['times, equal time']:.1f} for equal time"
        text = f"model-based is {paper:g} times better than {algo} ({actor})"
        yield claim(text, f"{paper:g} times", measured, WELCH, verdict(*times[1:], paper, 1))


def conclude(result: Result) -> Iterator[Table]:
    """The comparison and the claims."""
    methods, statements = result.finals(), list[Row]()
    for actor in dict.fromkeys(method.partition(", ")[2] for method in methods):
        final = {algo: methods[f"{algo}, {actor}"] for algo in ALGORITHMS if f"{algo}, {actor}" in methods}
        rows = list(compare(result.curves, final, actor))
        yield f"{actor}, l2 by raster of test pictures", rows
        statements += claims(final, rows, actor) if len(final) == len(ALGORITHMS) else []
    if statements:
        yield CLAIMS, statements


def tables(options: Fig8a) -> Iterator[Table]:
    """Records, scores and curves of the trainings; see `figure`."""
    yield from figure(trainings(variants(options.actors, options.algos), BASE, options), options)


if __name__ == "__main__":
    main(tables, Fig8a, conclude)
