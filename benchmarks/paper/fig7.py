"""WGAN against l2 as reward, opaque strokes against SPIRAL, 1,000 strokes (section 5.4.2, Fig. 7).

Run: python -m benchmarks.paper.fig7 --workers 2 --json benchmarks/results/fig7.json

Agents of preset `cpu`, CelebA at 64 px, 100 strokes unless it says otherwise, equal updates. Paintings are
of the test split, by `raster`, without lookahead. Texture is the energy of high frequencies, by the
Laplacian, of a painting in that of the picture: 1 is as much as the picture has. The SPIRAL-like agent is
model-free (PPO of stable-baselines3), paints stroke by stroke, and gets the gain in l2 as its only reward,
at the end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from agents import PRESETS
from benchmarks.harness.sb3 import Sb3Training, Trunk
from benchmarks.harness.scores import mean_colour
from benchmarks.harness.statistics import interval
from benchmarks.harness.tables import CLAIMS, Row, Table, at_most, claim, main
from benchmarks.harness.training import (
    FigureConfig,
    Method,
    Training,
    curves_and_jobs,
    settings_beside,
    sheet,
    train,
    trainings,
)
from paint_gym import load_dataset
from paint_gym.adapters.sb3 import PaintVecEnv

BAR = 1.5
"""The most that the l2 with `wgan` may be, in that with `l2`."""
OPAQUE: Row = {"opacity": (1.0, 1.0), "reward": "wgan"}
REWARDS = (Method("l2 reward", {"reward": "l2"}), Method("WGAN reward", {"reward": "wgan"}))
STROKES = (
    Method("20 opaque strokes", OPAQUE | {"max_strokes": 20}),
    Method("200 opaque strokes", OPAQUE | {"max_strokes": 200}),
    Method("1000 strokes", {"reward": "wgan", "max_strokes": 1000}),
)
SPIRAL = Method("SPIRAL-like, 20 opaque strokes", OPAQUE | {"max_strokes": 20, "bundle": 1, "reward": "l2"})
BASE = dataclasses.replace(
    PRESETS["cpu"], agent=dataclasses.replace(PRESETS["cpu"].agent, max_strokes=100), dataset="celeba",
    size=64, updates=2000, eval_split="test", eval_images=64,
)  # fmt: skip


@dataclass(frozen=True)
class Fig7(FigureConfig):
    """WGAN against l2, opaque strokes, a SPIRAL-like agent, and 1,000 strokes."""

    out: Path = Path("runs/fig7")
    """Folder of the jobs' results and of sheet.png, to look at."""
    stroke_seeds: tuple[int, ...] = (0,)
    """Random seeds of what is not the comparison of rewards; none leaves it out."""
    spiral_minutes: float = 10.0
    """Time of the SPIRAL-like agent."""


class RewardAtEnd(VecEnvWrapper):
    """Pays the rewards of an episode all at once, when it ends."""

    def reset(self) -> np.ndarray:
        """Observations; nothing is owed."""
        self.owed = np.zeros(self.num_envs, np.float32)
        return self.venv.reset()  # type: ignore[return-value]

    def step_wait(self) -> VecEnvStepReturn:
        """As the environments, but for the rewards."""
        obs, rewards, dones, infos = self.venv.step_wait()
        self.owed += rewards
        paid = np.where(dones, self.owed, 0).astype(np.float32)
        self.owed[dones] = 0
        return obs, paid, dones, infos


@dataclass(frozen=True)
class SpiralLike(Sb3Training):
    """An agent that is told what a painting is worth when it is finished, and learns by policy gradients."""

    def make(self, env: PaintVecEnv) -> PPO:
        """PPO with the trunk of the paper's actor."""
        steps = 2 * self.config.agent.max_strokes  # two paintings of each canvas
        policy: Row = {"features_extractor_class": Trunk, "features_extractor_kwargs": {"width": 16}}
        return PPO(
            "CnnPolicy", RewardAtEnd(env), learning_rate=3e-4, n_steps=steps,
            batch_size=min(256, steps * env.num_envs), gamma=1.0, seed=self.config.seed,
            policy_kwargs=policy, device=self.device,
        )  # fmt: skip


def jobs(options: Fig7) -> tuple[list[Training], list[Training], list[Training]]:
    """Those of the rewards, those of other strokes, and SPIRAL's."""
    if not options.stroke_seeds:
        return trainings(REWARDS, BASE, options), [], []
    others = dataclasses.replace(options, seeds=options.stroke_seeds)
    spiral = trainings([SPIRAL], BASE, others, SpiralLike, seconds=options.spiral_minutes * 60)
    return trainings(REWARDS, BASE, options), trainings(STROKES, BASE, others), spiral


def compare(results: dict[str, list[Row]]) -> Iterator[Row]:
    """Each measure of each method, over its seeds."""
    for method, runs in results.items():
        row: Row = {"painted by": method, "seeds": len(runs)}
        for measure in ("l2", "ssim", "texture"):
            middle, low, high = interval([run[measure] for run in runs])
            row |= {measure: middle, f"{measure}, low": low, f"{measure}, high": high}
        row["updates"] = runs[0]["updates"]
        if method == "WGAN reward":
            ratio = row["l2"] / interval([run["l2"] for run in results["l2 reward"]])[0]
            row |= {"l2 in that of l2": ratio} | at_most(ratio, BAR)
        yield row


def claims(rows: dict[str, Row], flat: float) -> Iterator[Row]:
    """What the paper says, and whether it holds here; `flat` is the l2 of canvases of the mean colour."""
    l2, wgan = rows["l2 reward"], rows["WGAN reward"]
    here = f"texture {wgan['texture']:.2f} against {l2['texture']:.2f} of the picture's"
    richer = "the WGAN reward paints richer textures than l2 as reward"
    yield claim(richer, "seen in Fig. 7", here, wgan["texture"] > l2["texture"])
    here = f"{wgan['l2']:.4f} against {l2['l2']:.4f}"
    yield claim("the WGAN reward has a lower test l2 than l2 as reward", "lower", here, wgan["l2"] < l2["l2"])
    if SPIRAL.name not in rows:
        return
    ours, spiral = rows["20 opaque strokes"]["l2"], rows[SPIRAL.name]["l2"]
    here = f"{spiral / ours:.1f} times a SPIRAL-like agent, {ours:.4f} against {spiral:.4f}"
    learnt = spiral < flat
    if not learnt:
        here += f", which has not learnt: a canvas of the mean colour has {flat:.4f}"
    better = "with 20 opaque strokes, 3 times better than SPIRAL"
    yield claim(better, "3 times", here, learnt and spiral > 3 * ours, spiral > ours)


def tables(options: Fig7) -> Iterator[Table]:
    """Each measure, claims, the settings that differ from the paper's, and curves; writes the sheet."""
    rewards, strokes, spiral = jobs(options)
    every = [*rewards, *strokes, *spiral]
    results = train(every, options)
    rows = list(compare(results))
    any_run = results["l2 reward"][0]
    config = rewards[0].config
    pictures = load_dataset(config.dataset, "test", config.size)
    flat = mean_colour(pictures[list(range(any_run["test_images"]))])
    yield f"{any_run['test_images']} test pictures; l2 of a blank canvas {any_run['blank']:.4f}", rows
    yield CLAIMS, list(claims({row["painted by"]: row for row in rows}, flat))
    yield "settings that differ from the paper's", list(settings_beside(rewards))
    yield from curves_and_jobs(results)
    first = [job for job in every if job.config.seed == options.seeds[0]]
    sheet(first, options.folder / "sheet.png")


if __name__ == "__main__":
    main(Fig7, tables)
