"""Agents that learn through the analytic renderer, and through the neural one: equal time, and equal updates.

Run: python -m benchmarks.renderer_choice --workers 2 --json benchmarks/results/renderer_choice.json

Preset `cpu` on CelebA at 128 px, 200 strokes without lookahead. Each agent learns on canvases of its own
renderer; what it paints on pictures of `val` is scored by `raster`, and by its own renderer, to see the gap.
Time is that of the processor, by thread.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents import PRESETS, TrainConfig
from agents.painting.evaluation import l2_by
from agents.painting.paint import Policy
from benchmarks.harness.statistics import interval
from benchmarks.harness.suite import Row, Table, main
from benchmarks.harness.training import Training, TrainingBenchmarkConfig, train

NAMES = ("analytic", "neural")


@dataclass(frozen=True)
class RendererChoice(TrainingBenchmarkConfig):
    """Agents that learn through the analytic and the neural renderer."""

    out: Path = Path("runs/renderer_choice")
    """Folder of the jobs' results."""
    minutes: float = 3.0
    """Time of those that learn for equal time."""
    dataset: str = "celeba"
    """A name, or a folder of images."""
    strokes: int = 200
    """Strokes of a painting that is scored."""
    eval_images: int = 32
    """Pictures that are painted at the end."""
    batch: int | None = None
    """Transitions per update, and environments; the preset's if not given."""


@dataclass(frozen=True)
class Trial(Training):
    """One renderer, one seed."""

    def finish(self, policy: Policy, curve: list[Row]) -> None:
        """Score by the agent's own renderer too, and write the result."""
        _, paintings = self.paint(policy, self.watched)
        own = float(l2_by(self.config.agent.renderer, paintings, self.watched).mean())
        last = {name: curve[-1][name] for name in ("updates", "seconds", "l2")}
        self.write(last | {"l2 by its renderer": own, "curve": curve})


def configure(options: RendererChoice, renderer: str, seed: int, updates: int | None = None) -> TrainConfig:
    """Preset `cpu` with another renderer, and of another length if wanted."""
    preset = PRESETS["cpu"]
    base: Row = {"dataset": options.dataset, "eval_images": options.eval_images, "eval_split": "val"}
    if options.batch is not None:
        base |= {"batch": options.batch, "num_envs": options.batch}
    learning = dataclasses.replace(preset.agent.learning, lookahead=0)
    base["agent"] = dataclasses.replace(preset.agent, renderer=renderer, learning=learning)
    base |= {"seed": seed, "eval_strokes": options.strokes, "updates": updates or preset.updates}
    return dataclasses.replace(preset, **base)


def row(what: str, results: list[Row]) -> Row:
    """Means over the seeds."""
    mean, low, high = interval([result["l2"] for result in results])
    updates, seconds, own = (
        float(np.mean([result[key] for result in results]))
        for key in ("updates", "seconds", "l2 by its renderer")
    )
    return {
        "through": what, "seeds": len(results), "updates": updates, "seconds": seconds,
        "l2 by raster": mean, "low": low, "high": high, "l2 by its own renderer": own, "gap": mean - own,
    }  # fmt: skip


def tables(options: RendererChoice) -> Iterator[Table]:
    """Equal time; then the neural renderer for as many updates as the analytic one had."""

    def trial(renderer: str, seed: int, updates: int | None = None) -> Trial:
        name = renderer if updates is None else f"{renderer}, {updates} updates"
        seconds = options.minutes * 60 if updates is None else None
        path = options.out / f"{name.replace(' ', '_')}_{seed}.json"
        return Trial(
            path, options.threads_each, name, configure(options, renderer, seed, updates), seconds, 2
        )

    timed = train([trial(name, seed) for seed in options.seeds for name in NAMES], options)
    analytic, neural = (timed[name] for name in NAMES)
    yield f"{options.minutes:g} minutes each", [row("analytic", analytic), row("neural", neural)]
    counts = [result["updates"] for result in analytic]
    again = [trial("neural", seed, count) for seed, count in zip(options.seeds, counts, strict=True)]
    counted = [run for runs in train(again, options).values() for run in runs]
    yield "equal updates", [row("analytic", analytic), row("neural", counted)]


if __name__ == "__main__":
    main(RendererChoice, tables)
