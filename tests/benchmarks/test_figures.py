"""The paper's figures: what they conclude follows from the scores; all run at the smallest size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecEnv

from agents import ALGORITHMS
from benchmarks.harness.curves import Point
from benchmarks.harness.painting import paint_and_score
from benchmarks.harness.sb3 import Sb3Policy, Sb3Training
from benchmarks.harness.tables import CLAIMS, FINALS, JOBS, Result
from benchmarks.harness.training import UNPAINTED
from benchmarks.learning import sb3_baselines, tuning
from benchmarks.paper import fig7, fig8a, fig8b, fig8c, fig9
from paint_gym.adapters.sb3 import PaintVecEnv

TRAINED = {"fig7": 2 * 3 + 3 + 1, "fig8a": 6 * 3, "fig8b": 4 * 3, "fig8c": 4 * 3, "fig9": 4}
NOISE = np.array([0.99, 1, 1.01])


@pytest.mark.ci
@pytest.mark.parametrize("name", TRAINED)
def test_every_figure_runs_from_one_command(name: str, smoke: Callable[[str], Result]) -> None:
    result = smoke(name)
    tables = result.tables
    assert len(tables[JOBS]) == len(tables[FINALS]) == TRAINED[name] and tables[UNPAINTED]
    assert all(0 < row["l2"] < 1 for row in tables[FINALS])
    assert {"size", "updates", "batch", "renderer"} <= {row["setting"] for row in list(tables.values())[1]}
    runs = [(point.method, point.seed) for point in result.curves]
    assert len(set(runs)) == TRAINED[name] and all(runs.count(run) == 3 for run in runs)


@pytest.mark.ci
@pytest.mark.parametrize("name", ["fig3", "fig10", "reference_scores"])
def test_agents_that_ship_are_scored(name: str, smoke: Callable[[str], Result]) -> None:
    rows = next(iter(smoke(name).tables.values()))
    assert len(rows) >= 4 and all(0 < row["l2"] < 1 for row in rows)


@pytest.mark.ci
def test_trainings_beside_the_figures_run(smoke: Callable[[str], Result]) -> None:
    changes = next(iter(smoke("tuning").tables.values()))
    assert [row["change"] for row in changes] == list(tuning.CHANGES)
    assert all(0 < row[algo] < 1 for row in changes for algo in fig8a.MODEL_FREE)
    rows = next(iter(smoke("sb3_baselines").tables.values()))
    assert [row["algorithm"] for row in rows] == list(sb3_baselines.ALGORITHMS)
    assert all(0 < row["l2, equal time"] < 1 and row["steps"] > 0 for row in rows)


def verdicts(module: Any, l2: dict[str, Any], **measures: dict[str, float]) -> list[str]:
    """Verdicts of a figure whose methods have these scores."""
    finals = [
        {"method": method, "l2": score, "ssim": 0.5, "texture": 0.5, "updates": 1}
        | {name: values[method] * score for name, values in measures.items()}
        for method, scores in l2.items()
        for score in scores
    ]
    ends = ((0, 0.3), (1, 0.2))
    curves = [Point(method, 0, n, n, float(n), score) for method in l2 for n, score in ends]
    unpainted = [{"data set": name, "mean colour": 0.06, "blank canvas": 0.3} for name in fig9.STROKES]
    result = Result("", None, {}, {FINALS: finals, UNPAINTED: unpainted}, curves)
    return [row["holds?"] for row in dict(module.conclude(result))[CLAIMS]]


@pytest.mark.parametrize(
    ("patchq", "ddpg", "judged"),
    [
        (0.06 * NOISE, 0.21 * NOISE, ["holds"] * 3),
        (0.06 * NOISE, 0.06 * NOISE, ["in part", "holds", "in part"]),
        (0.009 * NOISE, 0.005 * NOISE, ["does not hold"] * 3), ([0.06], [0.21], ["cannot be told"] * 3),
    ],
)  # fmt: skip
def test_fig8a_judges_the_order_and_the_ratios(patchq: Any, ddpg: Any, judged: list[str]) -> None:
    ours = 0.01 * NOISE[: len(patchq)]
    l2 = {"model-based, resnet": ours, "patchq, resnet": patchq, "ddpg, resnet": ddpg}
    assert verdicts(fig8a, l2) == judged


def test_fig8a_compares_at_equal_time_and_each_at_its_best() -> None:
    ends = {"model-based": (20.0, 0.1), "patchq": (10.0, 0.2)}
    curves = [
        Point(f"{algo}, resnet", 0, int(second), int(second), second, l2)
        for algo, end in ends.items()
        for second, l2 in ((0.0, 0.3), end)
    ]
    ours, patchq = fig8a.compare(curves, {"model-based": [0.1], "patchq": [0.2]}, "resnet")
    assert ours["l2 after 10 s"] == pytest.approx(0.2) and ours["l2 at its best"] == 0.1
    assert patchq["times model-based"] == pytest.approx(2) and patchq["times, equal time"] == pytest.approx(1)
    assert patchq["times, each at its best"] == pytest.approx(2) and not patchq["met"]


@pytest.mark.parametrize(
    ("ten", "judged"), [(0.02, "holds"), (0.0101, "cannot be told"), (0.005, "does not hold")]
)
def test_fig8b_compares_five_with_the_best_of_the_others(ten: float, judged: str) -> None:
    l2 = {"1 a bundle": 0.05 * NOISE, "5 a bundle": 0.01 * NOISE, "10 a bundle": ten * NOISE}
    assert verdicts(fig8b, l2) == [judged]


@pytest.mark.parametrize(("last", "judged"), [(0.02, "holds"), (0.04, "in part")])
def test_fig8c_wants_it_to_fall_with_each_step(last: float, judged: str) -> None:
    l2 = {"100 strokes": 0.04 * NOISE, "200 strokes": 0.03 * NOISE, "400 strokes": last * NOISE}
    assert verdicts(fig8c, l2) == [judged]
    assert verdicts(fig8c, dict(zip(l2, reversed(l2.values()), strict=True)))[0] != "holds"


def test_fig7_compares_rewards_and_spiral() -> None:
    l2 = {"l2 reward": 0.01 * NOISE, "WGAN reward": 0.0101 * NOISE, "20 opaque strokes": 0.02 * NOISE}
    l2[fig7.SPIRAL.name] = 0.05 * NOISE
    texture = dict.fromkeys(l2, 1.0) | {"WGAN reward": 3.0}
    assert verdicts(fig7, l2, texture=texture) == ["holds", "cannot be told", "in part"]
    l2[fig7.SPIRAL.name] = 0.18 * NOISE  # worse than the mean colour
    assert verdicts(fig7, l2)[2] == "cannot be told"


@pytest.mark.parametrize(("mnist", "judged"), [(0.01, "holds"), (0.07, "in part")])
def test_fig9_wants_all_below_the_mean_colour(mnist: float, judged: str) -> None:
    assert verdicts(fig9, {"mnist": mnist * NOISE, "svhn": 0.001 * NOISE}) == [judged]
    assert verdicts(fig9, {"mnist": [mnist], "svhn": [0.001]}) == ["cannot be told"]


def test_only_the_algorithm_differs_in_fig8a() -> None:
    configs = [variant.configure(fig8a.BASE, fig8a.Fig8a(), 3) for variant in fig8a.variants(("resnet",))]
    assert [config.agent.algo for config in configs] == list(fig8a.ALGORITHMS)
    for config in configs:
        learning, kind = config.agent.learning, type(config.agent.learning)
        assert kind is ALGORITHMS[config.agent.algo].agent.Config
        usual = {name: getattr(kind(), name) for name in fig8a.TUNED[config.agent.algo]}
        assert replace(learning, **usual) == kind()  # Table 1
        agent = replace(config.agent, algo="ddpg", learning=configs[-1].agent.learning)
        assert replace(config, agent=agent) == configs[-1]


def test_a_spiral_like_agent_is_paid_at_the_end(pictures: np.ndarray) -> None:
    task: dict[str, Any] = {"dataset": pictures, "size": 32, "bundle": 1, "max_strokes": 3, "device": "cpu"}

    def rewards(env: VecEnv) -> Iterator[np.ndarray]:
        env.seed(0)
        env.reset()
        actions = np.random.default_rng(0).random((6, 2, 13)).astype(np.float32)
        for action in actions:
            yield env.step(action * 2 - 1)[1].copy()

    envs = PaintVecEnv(num_envs=2, **task), fig7.RewardAtEnd(PaintVecEnv(num_envs=2, **task))
    plain, late = (np.stack(list(rewards(env))) for env in envs)
    assert not late[[0, 1, 3, 4]].any()
    np.testing.assert_allclose(late[[2, 5]], [plain[:3].sum(0), plain[3:].sum(0)], rtol=1e-5)


@pytest.mark.slow
def test_agents_of_sb3_paint_what_they_do_in_the_environment(pictures: np.ndarray) -> None:
    env = PaintVecEnv(num_envs=2, dataset=pictures, size=32, max_strokes=10, device="cpu")
    job = sb3_baselines.jobs(sb3_baselines.Sb3Baselines(smoke=True, algorithms=("SB3 PPO",)))[0]
    assert isinstance(job, Sb3Training)
    agent = job.make(env)
    env.set_options([{"indices": [i]} for i in (3, 5)])
    observation = env.reset()
    for _ in range(2):
        observation, _, _, infos = env.step(agent.predict(observation, deterministic=True)[0])
    paintings = paint_and_score(pictures[[3, 5]], 10, Sb3Policy(agent, env)).paintings
    for info, painting in zip(infos, paintings, strict=True):
        last = info["terminal_observation"][:3].transpose(1, 2, 0)
        assert np.abs(painting.render().astype(int) - last).max() <= 1
