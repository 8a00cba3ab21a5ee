"""Agents that learn through the analytic renderer, and through the neural one: equal time, and equal updates.

Run: python -m benchmarks.renderer_choice --workers 2 --json benchmarks/results/renderer_choice.json

Preset `cpu` on CelebA at 128 px, 200 strokes without lookahead. Each agent learns on canvases of its own
renderer; what it paints on pictures of `val` is scored by `raster`, and by its own renderer, to see the gap.
Time is that of the processor, by thread.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from agents import PRESETS, TrainConfig, Trainer
from agents.evaluation import l2_by
from benchmarks.harness.jobs import (
    Job,
    TimedTrainer,
    TrainingBenchmarkConfig,
    interval,
    run_jobs,
    settings_of,
)
from benchmarks.harness.suite import Row, Table, report


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
class Trial(Job):
    """One agent.

    Attributes:
        config: the settings; if its time is limited, not how many updates it makes.
        minutes: of learning; None for the updates of the settings.
    """

    config: TrainConfig
    minutes: float | None

    @property
    def name(self) -> str:
        """The renderer and the seed."""
        return f"{self.config.agent.renderer}, seed {self.config.seed}"

    def settings(self) -> Row:
        """Settings that the result depends on, as JSON gives them back."""
        return settings_of(self.config, minutes=self.minutes, threads=self.threads)

    def work(self) -> None:
        """Learn, then paint."""
        torch.set_num_threads(self.threads)
        began = time.process_time()
        if self.minutes is None:
            trainer = Trainer(self.config, "cpu").fit()
        else:
            trainer = TimedTrainer(self.config, self.minutes * 60).fit()
        seconds = (time.process_time() - began) / self.threads
        l2, paintings = trainer.evaluate()
        own = float(l2_by(self.config.agent.renderer, paintings, trainer.eval_targets).mean())
        print(f"{self.name}: l2 {l2:.4f} after {trainer.updates} updates", flush=True)
        self.write({"updates": trainer.updates, "seconds": seconds, "l2": l2, "l2 by its renderer": own})


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
        name = f"{renderer}_{seed}" + ("" if updates is None else "_updates")
        minutes = options.minutes if updates is None else None
        config = configure(options, renderer, seed, updates)
        return Trial(options.out / f"{name}.json", options.threads_each, config, minutes)

    jobs = [trial(renderer, seed) for seed in options.seeds for renderer in ("analytic", "neural")]
    timed = run_jobs(jobs, options.workers)
    analytic, neural = timed[::2], timed[1::2]
    yield (
        f"{options.minutes:g} minutes each",
        [row("analytic", analytic), row("neural", neural)],
    )
    counts = [result["updates"] for result in analytic]
    again = [trial("neural", seed, count) for seed, count in zip(options.seeds, counts, strict=True)]
    counted = run_jobs(again, options.workers)
    yield "equal updates", [row("analytic", analytic), row("neural", counted)]


if __name__ == "__main__":
    chosen = tyro.cli(RendererChoice)
    report(chosen, tables(chosen))
