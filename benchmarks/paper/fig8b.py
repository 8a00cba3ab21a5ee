"""Number of strokes in a bundle (section 5.4.3, Fig. 8b): equal strokes, equal time.

Run: python -m benchmarks.paper.fig8b --workers 2

Model-based DDPG with the paper's actor and critic, 40 strokes on a canvas of 32 px, in bundles of 1, 2, 5
and 10. All have the same seconds of training; those of few strokes a bundle need more steps for a painting,
and their critic's discount per stroke is the same. Beside the l2 after equal seconds stands that after equal
numbers of decisions, steps of single canvases, read from the curves. Without lookahead.
Only the best is compared with the paper's best: that the others are worse than either follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.curves import at_equal
from benchmarks.harness.measure import Row
from benchmarks.harness.statistics import WELCH, interval, interval_text, over_seeds, ratio, verdict
from benchmarks.harness.tables import CLAIMS, Result, Table, claim, main
from benchmarks.harness.training import TrainingConfig, Variant, figure, trainings
from benchmarks.paper import fig8a

BUNDLES = (1, 2, 5, 10)
BEST = 5  # says the paper


@dataclass(frozen=True)
class Fig8b(TrainingConfig):
    """Number of strokes in a bundle."""

    out: Path = Path("runs/fig8b")
    minutes: float = 3.0
    """Time of each; with --paper or --updates all make as many updates."""
    bundles: tuple[int, ...] = BUNDLES
    """Strokes in a bundle."""


def conclude(result: Result) -> Iterator[Table]:
    """L2 of each bundle, and whether 5 is best."""
    finals, rows = result.finals(), list[Row]()
    updates, ssim = result.finals("updates"), result.finals("ssim")
    decisions, early = at_equal(result.curves, "env_steps")
    for name, l2 in finals.items():
        row: Row = {"bundle": int(name.split()[0])} | over_seeds(l2)
        row |= {"updates": interval(updates[name])[0], "SSIM": interval(ssim[name])[0]}
        rows.append(row | {f"l2 after {decisions} decisions": interval(early[name])[0]})
    yield "l2 by raster of test pictures", rows
    paper = finals.pop(f"{BEST} a bundle", [])
    if not paper or not finals:
        return
    rival = min(finals, key=lambda name: interval(finals[name])[0])
    times = ratio(finals[rival], paper)
    measured = f"{rival} has {interval_text(times)} times the l2 of {BEST}"
    verdict_text = verdict(*times[1:], 1)
    yield CLAIMS, [claim(f"bundles of {BEST} strokes are best", f"k = {BEST}", measured, WELCH, verdict_text)]


def tables(options: Fig8b) -> Iterator[Table]:
    """Records, scores and curves of the trainings; see `figure`."""
    variants = [
        Variant(f"{k} a bundle", {"bundle": k, "actor": "resnet"}, cpu=fig8a.TUNED["model-based"])
        for k in options.bundles
    ]
    seconds = None if options.paper or options.updates else options.minutes * 60
    yield from figure(trainings(variants, fig8a.BASE, options, seconds=seconds), options)


if __name__ == "__main__":
    main(tables, Fig8b, conclude)
