"""Model-based DDPG against PatchQ and DDPG (section 5.4.1 and Fig. 8a of the paper), over several seeds.

Run: python -m benchmarks.ablation --workers 2 --json benchmarks/results/ablation.json

All three have the same actor, the same width of critic, the same learning rates and replay, and make as many
updates and environment steps. l2 is measured by `raster` on the test split. Each algorithm and seed is
one job, whose result is a file: the same command again runs only the jobs that have not finished. A job that
was interrupted begins anew. Seconds are those of training alone, evaluations left out, all workers at work.
"""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from matplotlib.figure import Figure

from agents import PRESETS, AgentConfig, TrainConfig, Trainer
from benchmarks.harness.jobs import Job, TrainingBenchmarkConfig, interval, run_jobs, settings_of
from benchmarks.harness.suite import Row, Table, report
from paint_gym.datasets import load_dataset
from paint_gym.utils.files import replace_when_done

ALGORITHMS = ("model-based", "patchq", "ddpg")  # from the best to the worst, says the paper
PAPER_RATIOS = {"model-based": 1.0, "patchq": 5.0, "ddpg": 20.0}  # l2, in that of model-based DDPG
BEYOND_PRESETS: dict[str, tuple[object, object]] = {  # ours and the paper's; the preset "paper" shares ours
    "renderer": ("analytic", "network of Fig. 12"),
    "precision": ("bfloat16 where autocast allows it", "float32"),
    "largest norm of the actor's gradient": (PRESETS["paper"].agent.learning.max_grad_norm, "not said"),
    "action noise of DDPG and PatchQ": (PRESETS["paper"].agent.learning.noise, "not said"),
    "how the critics of DDPG and PatchQ read the action": ("as a picture beside the state", "not said"),
}
UNCOMPARED = ("agent.algo", "eval_every", "eval_images", "eval_split", "seed", "data_root")


@dataclass(frozen=True)
class Ablation(TrainingBenchmarkConfig):
    """Model-based DDPG against PatchQ and DDPG, at a size that two cores can do."""

    threads: int = os.cpu_count() or 1
    """Threads of torch in all; each worker has its share, at least one."""
    out: Path = Path("runs/ablation")
    """Folder of the jobs' results."""
    plot: Path | None = None
    """PNG to draw the curves in; by default ablation.png in that folder."""
    paper: bool = False
    """Train as the paper did, for days on a GPU: size, strokes, width, updates, batch and eval-every are then
    those of the preset, and so is the reward, wgan."""
    dataset: str = "celeba"
    """A name, or a folder of images."""
    size: int = 32
    """Side of the canvas in pixels."""
    strokes: int = 40
    """Strokes per painting, in bundles of 5."""
    patches: int = 4
    """Patches a side of the model-free critics' values, and of PatchQ's rewards."""
    width: int = 16
    """Channels of the first stage of actor and critics."""
    depth: int = 1
    """Blocks per stage of actor and critics."""
    updates: int = 5000
    """Updates of each algorithm, and steps of its environments."""
    batch: int = 32
    """Transitions per update, and environments."""
    eval_every: int = 500
    """Updates from one evaluation to the next."""
    eval_images: int = 64
    """Pictures that an evaluation on the way paints."""
    final_images: int = 200
    """Pictures that the last evaluation paints."""
    device: str = "auto"
    """Device to train on."""


@dataclass(frozen=True)
class Training(Job):
    """One algorithm, trained with one seed.

    Attributes:
        config: how.
        final_images: pictures of the last evaluation.
        device: where.
    """

    config: TrainConfig
    final_images: int
    device: str

    @property
    def name(self) -> str:
        """The algorithm and the seed."""
        return f"{self.config.agent.algo}, seed {self.config.seed}"

    def settings(self) -> Row:
        """Settings that the result depends on, as JSON gives them back."""
        return settings_of(self.config, final_images=self.final_images)

    def work(self) -> None:
        """Train, measuring on the way and at the end."""
        torch.set_num_threads(self.threads)
        trainer = Trainer(self.config, self.device)
        pictures = load_dataset(self.config.dataset, self.config.eval_split, self.config.size)
        eval_targets, final = trainer.eval_targets, pictures[np.arange(min(self.final_images, len(pictures)))]
        curve: list[Row] = []
        spent, since = 0.0, time.perf_counter()

        def measure(trainer: Trainer, metrics: dict[str, float]) -> None:
            nonlocal spent, since
            updates = trainer.updates
            if updates % self.config.eval_every and updates != self.config.updates:
                return
            spent += time.perf_counter() - since
            l2, _ = trainer.evaluate()
            curve.append({"updates": updates, "seconds": spent, "l2": l2})
            print(f"{self.name}: l2 {l2:.4g} after {updates} updates, {spent:.0f} s", flush=True)
            since = time.perf_counter()

        measure(trainer, {})
        trainer.fit(measure)
        l2, _ = trainer.evaluate(final)
        found = {"curve": curve, "l2": l2, "images": len(final)}
        found |= {"blank": blank(final), "blank_watched": blank(eval_targets)}
        self.write({"threads": self.threads, "device": str(trainer.agent.device)} | found)


def configure(options: Ablation, algo: Any, seed: int) -> TrainConfig:
    """The settings of one job; but for `algo` and `seed` the same for all."""
    config = PRESETS["paper"]
    if not options.paper:
        agent = AgentConfig(
            actor="resnet",
            actor_width=options.width,
            critic_width=options.width,
            max_strokes=options.strokes,
            patches=options.patches,
            depth=options.depth,
        )
        config = dataclasses.replace(
            config, agent=agent, size=options.size, updates=options.updates, batch=options.batch,
            num_envs=options.batch, eval_every=options.eval_every,
        )  # fmt: skip
    return dataclasses.replace(
        config, agent=dataclasses.replace(config.agent, algo=algo), seed=seed, dataset=options.dataset,
        eval_images=options.eval_images,
    )  # fmt: skip


def jobs(options: Ablation) -> list[Training]:
    """All jobs, seed by seed, so that an ablation that is broken off has compared something."""
    return [
        Training(
            options.out / f"{algo}_{seed}.json", options.threads_each, configure(options, algo, seed),
            options.final_images, options.device,
        )
        for seed in options.seeds
        for algo in ALGORITHMS
    ]  # fmt: skip


def blank(pictures: np.ndarray) -> float:
    """Mean l2 of black canvases, ``(n, 3, H, W)`` uint8 being the pictures."""
    return float(np.square(pictures / 255).mean())


def results_of(options: Ablation) -> dict[str, list[Row]]:
    """Run the jobs that have not finished, and return the results of all by algorithm, seed by seed."""
    everything = jobs(options)
    results: dict[str, list[Row]] = {algo: [] for algo in ALGORITHMS}
    for job, result in zip(everything, run_jobs(everything, options.workers), strict=True):
        results[job.config.agent.algo].append(result)
    return results


def compare(results: dict[str, list[Row]]) -> Iterator[Row]:
    """The l2 at the end of each algorithm, in that of model-based DDPG; and that of a blank canvas."""
    best = float(np.mean([result["l2"] for result in results["model-based"]]))
    before = -math.inf
    for place, algo in enumerate(ALGORITHMS):
        mean, low, high = interval([result["l2"] for result in results[algo]])
        row: Row = {"algorithm": algo, "seeds": len(results[algo]), "l2": mean, "low": low, "high": high}
        row |= {"times model-based": mean / best, "times, in the paper": PAPER_RATIOS[algo]}
        if place:
            row |= {"bar": f"> {ALGORITHMS[place - 1]}", "met": mean > before}
        yield row
        before = mean
    dark = results["model-based"][0]["blank"]
    yield {"algorithm": "blank canvas", "l2": dark, "times model-based": dark / best}


def curves(results: dict[str, list[Row]]) -> Iterator[Row]:
    """The l2 of each evaluation, over the seeds."""
    for algo, runs in results.items():
        for points in zip(*(result["curve"] for result in runs), strict=True):
            mean, low, high = interval([point["l2"] for point in points])
            seconds = float(np.mean([point["seconds"] for point in points]))
            updates = points[0]["updates"]
            row: Row = {"algorithm": algo, "updates": updates, "seconds": seconds}
            yield row | {"l2": mean, "low": low, "high": high}


def draw(rows: list[Row], dark: float, path: Path) -> None:
    """Write the curves as a PNG: l2 against updates and against seconds, with the interval as a band.

    Args:
        rows: of `curves`.
        dark: l2 of a blank canvas.
        path: the file.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    lowest = min(row["l2"] for row in rows) / 2  # an interval may reach below 0
    for axis, along in zip(axes, ("updates", "seconds"), strict=True):
        for algo in ALGORITHMS:
            own = [row for row in rows if row["algorithm"] == algo]
            x = [row[along] for row in own]
            (line,) = axis.plot(x, [row["l2"] for row in own], label=algo)
            if own[0]["low"] is not None:
                low = [max(row["low"], lowest) for row in own]
                axis.fill_between(x, low, [row["high"] for row in own], color=line.get_color(), alpha=0.2)
        axis.axhline(dark, linestyle=":", color="black", label="blank canvas")
        axis.set(xlabel="seconds of training" if along == "seconds" else along, yscale="log")
    axes[0].set_ylabel("test l2, mean and 95% interval")
    axes[0].legend()
    with replace_when_done(path) as temporary:
        figure.savefig(temporary, dpi=150)


def differences(config: TrainConfig) -> Iterator[Row]:
    """Which settings are not the paper's."""
    own, paper = _flat(dataclasses.asdict(config)), _flat(dataclasses.asdict(PRESETS["paper"]))
    for name, value in own.items():
        if name not in UNCOMPARED and value != paper[name]:
            yield {"setting": name, "here": value, "paper": paper[name]}
    for name, (here, there) in BEYOND_PRESETS.items():
        yield {"setting": name, "here": here, "paper": there}


def _flat(tree: Row, path: str = "") -> Row:
    """Nested settings by their dotted names."""
    found: Row = {}
    for name, value in tree.items():
        found |= _flat(value, f"{path}{name}.") if isinstance(value, dict) else {f"{path}{name}": value}
    return found


def tables(options: Ablation) -> Iterator[Table]:
    """Settings, the comparison, the curves over the seeds, and every evaluation."""
    yield "settings that differ from the paper's", list(differences(configure(options, "ddpg", 0)))
    results = results_of(options)
    any_run = results["model-based"][0]
    yield f"l2 by raster of {any_run['images']} pictures of the test split", list(compare(results))
    rows = list(curves(results))
    yield f"curves, {len(options.seeds)} seeds", rows
    draw(rows, any_run["blank_watched"], options.plot or options.out / "ablation.png")
    yield (
        "every evaluation",
        [
            {"algorithm": algo, "seed": result["settings"]["seed"], **point, "l2 at the end": result["l2"]}
            for algo, runs in results.items()
            for result in runs
            for point in result["curve"]
        ],
    )


if __name__ == "__main__":
    chosen = tyro.cli(Ablation)
    report(chosen, tables(chosen))
