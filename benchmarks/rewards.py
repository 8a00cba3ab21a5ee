"""The WGAN reward against l2 (Fig. 7 of the paper): l2, SSIM, texture, and a sheet, over several seeds.

Run: python -m benchmarks.rewards --workers 2 --json benchmarks/results/rewards.json

The agent of preset `cpu`, all settings the same but for the reward; equal updates. Paintings are of the test
split, by `raster`. Texture is the energy of the painting's high frequencies, by its Laplacian, in that of the
picture: 1 is as much as the picture has. Each reward and seed is one job, whose result is a file: the same
command again runs only the jobs that have not finished.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from PIL import Image
from scipy import ndimage
from skimage.metrics import structural_similarity

from agents import PRESETS, TrainConfig, Trainer
from agents.training.trainer import side_by_side
from benchmarks.ablation import blank
from benchmarks.harness.jobs import Job, TrainingBenchmarkConfig, interval, run_jobs, settings_of
from benchmarks.harness.suite import Row, Table, at_most, report
from paint_gym.datasets import load_dataset
from paint_gym.utils.files import replace_when_done

REWARDS = ("l2", "wgan")
BAR = 1.5
"""The most that the l2 with `wgan` may be, in that with `l2`."""


@dataclass(frozen=True)
class Rewards(TrainingBenchmarkConfig):
    """The WGAN reward against l2."""

    out: Path = Path("runs/rewards")
    """Folder of the jobs' results."""
    sheet: Path | None = None
    """PNG to write pictures and their paintings to; by default sheet.png in that folder."""
    dataset: str = "celeba"
    """A name, or a folder of images."""
    size: int = 64
    """Side of the canvas in pixels."""
    strokes: int = 100
    """Strokes per painting, in training and at the end."""
    updates: int = 2000
    """Updates with each reward."""
    eval_every: int = 200
    """Updates from one evaluation to the next, on the validation split."""
    images: int = 200
    """Pictures of the test split that are painted at the end."""


@dataclass(frozen=True)
class Training(Job):
    """One reward, with one seed.

    Attributes:
        config: how.
        images: pictures that are painted at the end.
    """

    config: TrainConfig
    images: int

    @property
    def name(self) -> str:
        """The reward and the seed."""
        return f"{self.config.agent.reward}, seed {self.config.seed}"

    @property
    def sheet(self) -> Path:
        """Pictures above their paintings."""
        return self.path.with_suffix(".png")

    def settings(self) -> Row:
        """Settings that the result depends on, as JSON gives them back."""
        return settings_of(self.config, images=self.images)

    def work(self) -> None:
        """Train, watching the validation split; then paint the test split."""
        torch.set_num_threads(self.threads)
        trainer = Trainer(self.config, "cpu")
        curve: list[Row] = []

        def measure(trainer: Trainer, metrics: dict[str, float]) -> None:
            if trainer.updates % self.config.eval_every == 0:
                curve.append({"updates": trainer.updates, "l2": trainer.evaluate()[0]})
                print(f"{self.name}: {curve[-1]}", flush=True)

        measure(trainer, {})
        trainer.fit(measure)
        pictures = load_dataset(self.config.dataset, "test", self.config.size)
        targets = pictures[np.arange(min(self.images, len(pictures)))]
        l2, paintings = trainer.evaluate(targets)
        painted = [painting.render() for painting in paintings]
        originals = list(targets.transpose(0, 2, 3, 1))
        found = {
            "l2": l2,
            "ssim": float(np.mean([_ssim(*pair) for pair in zip(painted, originals, strict=True)])),
            "texture": _texture(painted) / _texture(originals),
            "blank": blank(targets),
        }
        with replace_when_done(self.sheet) as temporary:
            Image.fromarray(side_by_side(targets[:8], paintings[:8])).save(temporary, "PNG")
        self.write(found | {"curve": curve, "threads": self.threads})


def _ssim(one: np.ndarray, other: np.ndarray) -> float:
    return float(structural_similarity(one, other, channel_axis=2, data_range=255))


def _texture(pictures: list[np.ndarray]) -> float:
    """Mean energy of the Laplacian of grey pictures."""
    greys = [picture.astype(np.float64).mean(2) / 255 for picture in pictures]
    return float(np.mean([np.square(ndimage.laplace(grey)).mean() for grey in greys]))


def jobs(options: Rewards) -> list[Training]:
    """All jobs, seed by seed."""
    preset = PRESETS["cpu"]
    found = []
    for seed in options.seeds:
        for reward in REWARDS:
            agent = dataclasses.replace(preset.agent, reward=reward, max_strokes=options.strokes)
            config = dataclasses.replace(
                preset, agent=agent, dataset=options.dataset, size=options.size, updates=options.updates,
                eval_every=options.eval_every, eval_split="val", eval_strokes=options.strokes, seed=seed,
            )  # fmt: skip
            path = options.out / f"{reward}_{seed}.json"
            found.append(Training(path, options.threads_each, config, options.images))
    return found


def compare(results: dict[str, list[Row]]) -> Iterator[Row]:
    """Each measure with both rewards, over the seeds."""
    for reward, runs in results.items():
        row: Row = {"reward": reward, "seeds": len(runs)}
        for measure in ("l2", "ssim", "texture"):
            mean, low, high = interval([result[measure] for result in runs])
            row |= {measure: mean, f"{measure} low": low, f"{measure} high": high}
        if reward == "wgan":
            ratio = row["l2"] / float(np.mean([result["l2"] for result in results["l2"]]))
            row |= {"l2 in that of l2": ratio} | at_most(ratio, BAR)
        yield row
    yield {"reward": "blank canvas", "l2": results["l2"][0]["blank"]}


def tables(options: Rewards) -> Iterator[Table]:
    """The comparison, and every evaluation; the sheet is written beside."""
    everything = jobs(options)
    results: dict[str, list[Row]] = {reward: [] for reward in REWARDS}
    for job, result in zip(everything, run_jobs(everything, options.workers), strict=True):
        results[job.config.agent.reward].append(result)
    yield f"{options.updates} updates, {options.images} test pictures", list(compare(results))
    yield (
        "validation l2 on the way",
        [
            {"reward": reward, "seed": result["settings"]["seed"], **point}
            for reward, runs in results.items()
            for result in runs
            for point in result["curve"]
        ],
    )
    rows = [np.asarray(Image.open(job.sheet)) for job in everything[: len(REWARDS)]]
    rows = [rows[0], *(row[options.size :] for row in rows[1:])]  # the pictures once
    with replace_when_done(options.sheet or options.out / "sheet.png") as temporary:
        Image.fromarray(np.concatenate(rows)).save(temporary, "PNG")


if __name__ == "__main__":
    chosen = tyro.cli(Rewards)
    report(chosen, tables(chosen))
