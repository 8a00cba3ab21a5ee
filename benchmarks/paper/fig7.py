"""WGAN against l2 as reward, opaque strokes against SPIRAL, 1,000 strokes (section 5.4.2, Fig. 7).

Run: python -m benchmarks.paper.fig7 --workers 2

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
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import mean_colour_l2
from benchmarks.harness.sb3 import Sb3Training, Trunk
from benchmarks.harness.statistics import interval
from benchmarks.harness.tables import Table, at_most, claim, main
from benchmarks.harness.training import Training, TrainingConfig, Variant, conclusions, train, trainings
from paint_gym.adapters.sb3 import PaintVecEnv

BAR = 1.5
"""Greatest l2 with `wgan`, in that with `l2`."""
OPAQUE: Row = {"opacity": (1.0, 1.0), "reward": "wgan"}
REWARDS = (Variant("l2 reward", {"reward": "l2"}), Variant("WGAN reward", {"reward": "wgan"}))
STROKES = (
    Variant("20 opaque strokes", OPAQUE | {"max_strokes": 20}),
    Variant("200 opaque strokes", OPAQUE | {"max_strokes": 200}),
    Variant("1000 strokes", {"reward": "wgan", "max_strokes": 1000}),
)
SPIRAL = Variant("SPIRAL-like, 20 opaque strokes", OPAQUE | {"max_strokes": 20, "bundle": 1, "reward": "l2"})
BASE = dataclasses.replace(
    PRESETS["cpu"], agent=dataclasses.replace(PRESETS["cpu"].agent, max_strokes=100), dataset="celeba",
    size=64, updates=2000, eval_split="test", eval_images=64,
)  # fmt: skip


@dataclass(frozen=True)
class Fig7(TrainingConfig):
    """WGAN against l2, opaque strokes, a SPIRAL-like agent, and 1,000 strokes."""

    out: Path = Path("runs/fig7")
    stroke_seeds: tuple[int, ...] = (0,)
    """Random seeds of all but the comparison of rewards; none leaves it out."""
    spiral_minutes: float = 10.0
    """Time of the SPIRAL-like agent."""


class RewardAtEnd(VecEnvWrapper):
    """Pays the rewards of an episode all at once, when it ends."""

    def reset(self) -> np.ndarray:
        """Observations; nothing is owed."""
        self.owed = np.zeros(self.num_envs, np.float32)
        return self.venv.reset()  # type: ignore[return-value]

    def step_wait(self) -> VecEnvStepReturn:
        """Step the environments, and hold back the rewards."""
        obs, rewards, dones, infos = self.venv.step_wait()
        self.owed += rewards
        paid = np.where(dones, self.owed, 0).astype(np.float32)
        self.owed[dones] = 0
        return obs, paid, dones, infos


@dataclass(frozen=True)
class SpiralLike(Sb3Training):
    """Agent that gets its reward when a painting is finished, and learns by policy gradients."""

    def make(self, env: PaintVecEnv) -> PPO:
        """PPO with the trunk of the paper's actor."""
        steps = 2 * self.config.agent.max_strokes  # two paintings of each canvas
        policy: Row = {"features_extractor_class": Trunk, "features_extractor_kwargs": {"width": 16}}
        return PPO(
            "CnnPolicy", RewardAtEnd(env), learning_rate=3e-4, n_steps=steps,
            batch_size=min(256, steps * env.num_envs), gamma=1.0, seed=self.config.seed,
            policy_kwargs=policy, device=self.device,
        )  # fmt: skip


def jobs(options: Fig7) -> tuple[list[Training], list[Training]]:
    """Jobs of the rewards, and of all else."""
    rewards = trainings(REWARDS, BASE, options)
    if not options.stroke_seeds:
        return rewards, []
    options = dataclasses.replace(options, seeds=options.stroke_seeds)
    spiral = trainings([SPIRAL], BASE, options, SpiralLike, seconds=options.spiral_minutes * 60)
    return rewards, trainings(STROKES, BASE, options) + spiral


def compare(results: dict[str, list[Row]]) -> Iterator[Row]:
    """Each measure of each variant, over its seeds."""
    for method, runs in results.items():
        row: Row = {"painted by": method, "seeds": len(runs)}
        for measure in ("l2", "ssim", "texture"):
            mean, low, high = interval([run[measure] for run in runs])
            row |= {measure: mean, f"{measure}, low": low, f"{measure}, high": high}
        row["updates"] = runs[0]["updates"]
        if method == "WGAN reward":
            ratio = row["l2"] / interval([run["l2"] for run in results["l2 reward"]])[0]
            row |= {"l2 in that of l2": ratio} | at_most(ratio, BAR)
        yield row


def claims(rows: dict[str, Row], flat: float) -> Iterator[Row]:
    """Claims of the paper; `flat` is the l2 of canvases of the mean colour."""
    l2, wgan = rows["l2 reward"], rows["WGAN reward"]
    text = f"texture {wgan['texture']:.2f} against {l2['texture']:.2f} of the picture's"
    richer = "the WGAN reward paints richer textures than l2 as reward"
    yield claim(richer, "seen in Fig. 7", text, wgan["texture"] > l2["texture"])
    text = f"{wgan['l2']:.4f} against {l2['l2']:.4f}"
    yield claim("the WGAN reward has a lower test l2 than l2 as reward", "lower", text, wgan["l2"] < l2["l2"])
    if SPIRAL.name not in rows:
        return
    opaque, spiral = rows["20 opaque strokes"]["l2"], rows[SPIRAL.name]["l2"]
    text = f"{spiral / opaque:.1f} times a SPIRAL-like agent, {opaque:.4f} against {spiral:.4f}"
    if spiral >= flat:
        text += f", which has not learnt: a canvas of the mean colour has {flat:.4f}"
    better = "with 20 opaque strokes, 3 times better than SPIRAL"
    yield claim(better, "3 times", text, 3 * opaque < spiral < flat, spiral > opaque)


def tables(options: Fig7) -> Iterator[Table]:
    """Each measure, claims, the settings that differ from the paper's, and curves."""
    rewards, strokes = jobs(options)
    results = train(rewards + strokes, options)
    rows = list(compare(results))
    run = results["l2 reward"][0]
    flat = mean_colour_l2(rewards[0].pictures("test", run["test_images"]))
    yield f"{run['test_images']} test pictures; l2 of a blank canvas {run['blank']:.4f}", rows
    yield from conclusions(claims({row["painted by"]: row for row in rows}, flat), rewards, results)


if __name__ == "__main__":
    main(tables, Fig7)
