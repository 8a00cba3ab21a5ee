"""WGAN against l2 as reward, opaque strokes against SPIRAL, 1,000 strokes (section 5.4.2, Fig. 7).

Run: python -m benchmarks.paper.fig7 --workers 2

Agents of preset `cpu`, CelebA at 64 px, 100 strokes unless it says otherwise. Paintings are of the test
split, by `raster`, without lookahead. Texture is the energy of high frequencies, by the Laplacian, of a
painting in that of the picture: 1 is as much as the picture has. The SPIRAL-like agent is model-free (PPO of
stable-baselines3), paints stroke by stroke, and gets the gain in l2 as its only reward, at the end. All
others are `glimpse` actors without a critic (gamma is 0): they climb the reward of one step.

The two rewards are compared after equal updates, and after equal time, which is the end of the faster one.
An update with the WGAN reward takes longer, so its l2 after that time is read from its curve, where its
learning rate has not fallen yet: that favours l2 as reward.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from agents import PRESETS
from benchmarks.harness.curves import at_equal
from benchmarks.harness.measure import Row
from benchmarks.harness.sb3 import Baseline
from benchmarks.harness.statistics import (
    WELCH,
    interval,
    interval_text,
    ratio,
    times_better,
    verdict,
)  # fmt: skip
from benchmarks.harness.tables import CLAIMS, Result, Table, at_most, claim, main
from benchmarks.harness.training import UNPAINTED, TrainingConfig, Variant, figure, trainings

BAR = 1.5
"""Greatest l2 with `wgan`, in that with `l2`."""
OPAQUE: Row = {"opacity": (1.0, 1.0), "reward": "wgan"}
REWARDS = tuple(
    Variant(f"{text} reward", {"reward": name}, {"updates": 6000}, paper={"updates": 200_000})
    for text, name in (("l2", "l2"), ("WGAN", "wgan"))
)
STROKES = (
    Variant("20 opaque strokes", OPAQUE | {"max_strokes": 20}),
    Variant("200 opaque strokes", OPAQUE | {"max_strokes": 200}),
    Variant("1000 strokes", {"reward": "wgan", "max_strokes": 1000}),
)
SPIRAL = Variant(
    "SPIRAL-like, 20 opaque strokes",
    OPAQUE | {"max_strokes": 20, "bundle": 1, "reward": "l2", "actor_width": 16},
    learning={"gamma": 1.0, "actor_lr": 1e-3},
)  # fmt: skip
BASE = dataclasses.replace(
    PRESETS["cpu"], agent=dataclasses.replace(PRESETS["cpu"].agent, max_strokes=100), dataset="celeba",
    size=64, updates=2000, eval_split="test",
)  # fmt: skip


@dataclass(frozen=True)
class Fig7(TrainingConfig):
    """WGAN against l2, opaque strokes, a SPIRAL-like agent, and 1,000 strokes."""

    out: Path = Path("runs/fig7")
    stroke_seeds: tuple[int, ...] = (0,)
    """Random seeds of all but the comparison of rewards; none leaves it out."""
    spiral_minutes: float = 20.0
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
class SpiralLike(Baseline):
    """PPO that gets its reward when a painting is finished."""

    def make(self, env: VecEnv) -> BaseAlgorithm:
        """Make the agent that learns."""
        return super().make(RewardAtEnd(env))


def compare(result: Result) -> Iterator[Row]:
    """Each measure of each variant, over its seeds."""
    updates = result.finals("updates")
    measures = {measure: result.finals(measure) for measure in ("l2", "ssim", "texture")}
    for method, l2 in measures["l2"].items():
        row: Row = {"painted by": method, "seeds": len(l2)}
        for measure, values in measures.items():
            mean, low, high = interval(values[method])
            row |= {measure: mean, f"{measure}, low": low, f"{measure}, high": high}
        row["updates"] = updates[method][0]
        if method == "WGAN reward":
            times = ratio(l2, measures["l2"]["l2 reward"])[0]
            row |= {"l2 in that of l2": times} | at_most(times, BAR)
        yield row


def claims(result: Result) -> Iterator[Row]:
    """Claims of the paper."""
    l2, texture = result.finals(), result.finals("texture")
    names = [variant.name for variant in REWARDS]
    _, early = at_equal([point for point in result.curves if point.method in names], "seconds")
    richer = ratio(texture["WGAN reward"], texture["l2 reward"])
    text, measured = "the WGAN reward paints richer textures than l2 as reward", interval_text(richer)
    yield claim(text, "seen in Fig. 7", f"{measured} times the texture", WELCH, verdict(*richer[1:], 1))
    for when, scores in (("equal updates", l2), ("equal time", early)):
        lower = ratio(scores["l2 reward"], scores["WGAN reward"])
        text = f"the WGAN reward has a lower test l2 than l2 as reward, {when}"
        measured = f"l2 as reward has {interval_text(lower)} times its l2"
        yield claim(text, "lower", measured, WELCH, verdict(*lower[1:], 1))
    if SPIRAL.name not in l2:
        return
    flat = result.tables[UNPAINTED][0]["mean colour"]
    measured, judged = times_better(l2[SPIRAL.name], l2["20 opaque strokes"], flat, 3)
    yield claim("with 20 opaque strokes, 3 times better than SPIRAL", "3 times", measured, WELCH, judged)


def conclude(result: Result) -> Iterator[Table]:
    """Each measure, and the claims."""
    yield "test pictures, by raster", list(compare(result))
    yield CLAIMS, list(claims(result))


def tables(options: Fig7) -> Iterator[Table]:
    """Records, scores and curves of the trainings; see `figure`."""
    jobs = trainings(REWARDS, BASE, options)
    if options.stroke_seeds:
        seeded = dataclasses.replace(options, seeds=options.stroke_seeds)
        jobs += trainings(STROKES, BASE, seeded)
        jobs += trainings([SPIRAL], BASE, seeded, SpiralLike, seconds=options.spiral_minutes * 60)
    yield from figure(jobs, options)


if __name__ == "__main__":
    main(tables, Fig7, conclude)
