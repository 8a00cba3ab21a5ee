"""Number of strokes in a bundle (section 5.4.3, Fig. 8b): equal strokes, equal time.

Run: python -m benchmarks.paper.fig8b --workers 2

The task of `benchmarks.paper.fig8a`: the paper's actor, 40 strokes on a canvas of 32 px, in bundles of 1, 2,
5 and 10; model-based DDPG, and the same without a critic (gamma is 0). All have the same seconds of training;
those of few strokes a bundle need more steps for a painting, and their critic's discount per stroke is the
same. Beside the l2 after equal seconds stands that after equal numbers of decisions, steps of single
canvases, read from the curves, where the learning rate of those with more updates is still high. Without
lookahead. Only the best is compared with the paper's best: that the others are worse than either follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.harness.curves import at_equal
from benchmarks.harness.measure import Row
from benchmarks.harness.statistics import WELCH, interval, interval_text, over_seeds, ratio, verdict
from benchmarks.harness.tables import CLAIMS, Result, Table, claim, main
from benchmarks.harness.training import TrainingConfig, Variant, figure, trainings
from benchmarks.paper import fig8a

BUNDLES = (1, 2, 5, 10)
BEST = 5  # says the paper
AGENTS = ("model-based", fig8a.NO_CRITIC)


@dataclass(frozen=True)
class Fig8b(TrainingConfig):
    """Number of strokes in a bundle."""

    out: Path = Path("runs/fig8b")
    minutes: float = 1.5
    """Time of each; with --paper or --updates all make as many updates."""
    bundles: tuple[int, ...] = BUNDLES
    """Strokes in a bundle."""


def conclude(result: Result) -> Iterator[Table]:
    """L2 of each bundle, with and without the critic, and whether 5 is best."""
    rows, claims = list[Row](), list[Row]()
    decisions, early = at_equal(result.curves, "env_steps")
    model_based = result.finals(suffix=" a bundle, model-based")
    for agent in AGENTS:
        suffix = f" a bundle, {agent}"
        finals, ssim = result.finals(suffix=suffix), result.finals("ssim", suffix)
        updates = result.finals("updates", suffix)
        for bundle, l2 in finals.items():
            row: Row = {"bundle": int(bundle), "agent": agent} | over_seeds(l2)
            row |= {"updates": interval(updates[bundle])[0], "SSIM": interval(ssim[bundle])[0]}
            row[f"l2 after {decisions} decisions"] = interval(early[bundle + suffix])[0]
            if agent == fig8a.NO_CRITIC and bundle in model_based:
                row |= fig8a.times_model_based(l2, model_based[bundle])
            rows.append(row)
        paper = finals.pop(str(BEST), [])
        if paper and finals:
            rival = min(finals, key=lambda bundle: interval(finals[bundle])[0])
            times = ratio(finals[rival], paper, chosen_of=len(finals))
            text = f"bundles of {BEST} strokes are best ({agent})"
            measured = f"{rival} a bundle has {interval_text(times)} times the l2 of {BEST}"
            by = f"{WELCH}, of {len(finals)} rivals (Bonferroni)"
            claims.append(claim(text, f"k = {BEST}", measured, by, verdict(*times[1:], 1)))
    yield "l2 by raster of test pictures", rows
    if claims:
        yield CLAIMS, claims


def bundled(algo: str, strokes: int) -> Variant:
    """An algorithm of `fig8a` with bundles of some strokes."""
    variant = fig8a.variant(algo, "resnet")
    name = f"{strokes} a bundle, {algo}"
    return replace(variant, name=name, agent=variant.agent | {"bundle": strokes})


def tables(options: Fig8b) -> Iterator[Table]:
    """Records, scores and curves of the trainings; see `figure`."""
    variants = [bundled(algo, strokes) for algo in AGENTS for strokes in options.bundles]
    seconds = fig8a.time_limit(options, options.minutes)
    jobs = trainings(variants, fig8a.BASE, options, seconds=seconds)
    yield from figure(jobs, options)


if __name__ == "__main__":
    main(tables, Fig8b, conclude)
