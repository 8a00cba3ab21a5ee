"""The paper's figures: all run at the smallest size; what they conclude follows from their numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from stable_baselines3.common.vec_env import VecEnv

from agents import ALGORITHMS
from benchmarks.harness import tables as harness
from benchmarks.harness.curves import Point, by_method
from benchmarks.harness.painting import paint_and_score
from benchmarks.harness.results import Result, read_result
from benchmarks.harness.sb3 import Sb3Policy, Sb3Training
from benchmarks.learning import sb3_baselines, tuning
from benchmarks.painting import kodak
from benchmarks.paper import fig7, fig8a, fig8b, fig8c, fig9
from paint_gym.adapters.sb3 import PaintVecEnv

TRAINED = {"fig7": 2 * 3 + 3 + 1, "fig8a": 6 * 3, "fig8b": 4 * 3, "fig8c": 4 * 3, "fig9": 4}
CURVE = [Point("m", 0, 0, 0, 0.0, 0.5), Point("m", 0, 1, 2, 3.0, 0.4)]
PAINTED = ("fig3", "fig10", "reference_scores")


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_every_figure_runs_from_one_command(
    name: str, smoke: Callable[[str], Result], tmp_path: Path
) -> None:
    result = smoke(name)
    *compared, claims, settings, jobs = result.tables.values()
    results = [row for rows in compared for row in rows]
    assert len(jobs) == TRAINED[name] and all(job["date"] for job in jobs)
    assert all(0 < row["l2"] < 1 for row in results) and claims
    assert {"size", "updates", "batch", "renderer"} <= {row["setting"] for row in settings}
    runs = [(point.method, point.seed) for point in result.curves]
    assert len(set(runs)) == TRAINED[name] and all(runs.count(run) == 3 for run in runs)
    assert (tmp_path / name / "smoke").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("name", PAINTED)
def test_what_ships_is_scored(name: str, smoke: Callable[[str], Result]) -> None:
    rows = next(iter(smoke(name).tables.values()))
    assert len(rows) >= 4 and all(0 < row["l2"] < 1 for row in rows)


def run(l2: float, seed: int = 0, **more: Any) -> dict[str, Any]:
    curve = [{"updates": n, "env_steps": n, "seconds": float(n), "l2": 0.3 - n * (0.3 - l2)} for n in (0, 1)]
    found = {"l2": l2, "ssim": 0.5, "texture": 0.5, "blank": 0.3, "test_images": 3, "updates": 1}
    made = {"version": "1", "commit": "abc", "changed": False, "date": "2026"}
    return found | {"settings": {"seed": seed, "method": "one"}, "made": made, "curve": curve} | more


def concluded(
    module: Any, options: Any, l2: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """The claims of a figure whose methods had these results."""
    found = {
        name: [one if isinstance(one, dict) else run(one, seed) for seed, one in enumerate(values)]
        for name, values in l2.items()
    }
    monkeypatch.setattr(module, "train", lambda jobs, options: found)
    claims: list[dict[str, Any]] = dict(module.tables(options))[harness.CLAIMS]
    return claims


def test_fig8a_wants_the_order_in_every_seed(datasets: None, monkeypatch: pytest.MonkeyPatch) -> None:
    options = fig8a.Fig8a(actors=("resnet",))
    l2 = {"model-based, resnet": [0.01, 0.01, 0.01], "patchq, resnet": [0.06, 0.06, 0.06]}
    order, patchq, ddpg = concluded(fig8a, options, l2 | {"ddpg, resnet": [0.1, 0.1, 0.1]}, monkeypatch)
    assert order["holds?"] == "holds" and order["here"] == "in 3 of 3 seeds"
    assert (patchq["holds?"], ddpg["holds?"]) == ("holds", "in part") and patchq["here"].startswith(
        "6.0 times"
    )
    order, _, ddpg = concluded(fig8a, options, l2 | {"ddpg, resnet": [0.1, 0.05, 0.1]}, monkeypatch)
    assert order["holds?"] == "in part" and order["here"] == "in 2 of 3 seeds"
    worst = {"patchq, resnet": [0.009] * 3, "ddpg, resnet": [0.005] * 3}
    verdicts = [claim["holds?"] for claim in concluded(fig8a, options, l2 | worst, monkeypatch)]
    assert verdicts == ["does not hold here"] * 3


def test_fig8a_compares_at_equal_time() -> None:
    def curve(name: str, seconds: float, l2: float) -> list[Point]:
        return [Point(f"{name}, resnet", 0, 0, 0, 0.0, 0.3), Point(f"{name}, resnet", 0, 10, 10, seconds, l2)]

    curves = curve("model-based", 20.0, 0.1) + curve("patchq", 10.0, 0.2) + curve("ddpg", 10.0, 0.25)
    final = {"model-based, resnet": [0.1], "patchq, resnet": [0.2], "ddpg, resnet": [0.25]}
    best, patchq, _ = fig8a.compare(curves, final, "resnet")
    assert best["l2 after 10 s"] == pytest.approx(0.2) and best["l2 at its best"] == 0.1
    assert patchq["times model-based"] == pytest.approx(2) and patchq["times, equal time"] == pytest.approx(1)
    assert patchq["times, each at its best"] == pytest.approx(2)
    assert patchq["met"] is False and patchq["late change"] > 0.1


@pytest.mark.parametrize(
    ("five", "ten", "verdict"),
    [(0.01, 0.02, "holds"), (0.0201, 0.02, "in part"), (0.03, 0.02, "does not hold here")],
)
def test_fig8b_wants_five_to_be_best(
    five: float, ten: float, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.array([-0.001, 0, 0.001])
    l2 = {"1": 0.05 + noise, "2": 0.04 + noise, "5": five + noise, "10": ten + noise}
    (claim,) = concluded(fig8b, fig8b.Fig8b(), {name: list(some) for name, some in l2.items()}, monkeypatch)
    assert claim["holds?"] == verdict


@pytest.mark.parametrize(("last", "verdict"), [(0.01, "holds"), (0.03, "in part"), (0.04, "in part")])
def test_fig8c_wants_it_to_fall_with_each_step(
    last: float, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    l2 = {"100": [0.04], "200": [0.03], "400": [0.02], "1000": [last]}
    (claim,) = concluded(fig8c, fig8c.Fig8c(), l2, monkeypatch)
    assert claim["holds?"] == verdict
    (claim,) = concluded(
        fig8c, fig8c.Fig8c(), dict(zip(l2, [[0.1], [0.2], [0.3], [0.4]], strict=True)), monkeypatch
    )
    assert claim["holds?"] == "does not hold here"


def test_fig7_compares_rewards_and_spiral(datasets: None, monkeypatch: pytest.MonkeyPatch) -> None:
    l2 = {
        "l2 reward": [run(0.01, texture=0.2)], "WGAN reward": [run(0.016, texture=0.6)],
        "20 opaque strokes": [0.02], "200 opaque strokes": [0.01], "1000 strokes": [0.01],
        fig7.SPIRAL.name: [0.05],
    }  # fmt: skip
    richer, lower, spiral = concluded(fig7, fig7.Fig7(seeds=(0,)), l2, monkeypatch)
    assert [claim["holds?"] for claim in (richer, lower, spiral)] == [
        "holds",
        "does not hold here",
        "in part",
    ]
    alone = {name: l2[name] for name in ("l2 reward", "WGAN reward")}
    assert len(concluded(fig7, fig7.Fig7(seeds=(0,), stroke_seeds=()), alone, monkeypatch)) == 2
    found = {
        name: [one if isinstance(one, dict) else run(one) for one in values] for name, values in l2.items()
    }
    rows = {row["painted by"]: row for row in fig7.compare(found)}
    assert rows["WGAN reward"]["l2 in that of l2"] == pytest.approx(1.6) and not rows["WGAN reward"]["met"]


def test_fig9_wants_all_to_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"mnist": [0.01], "svhn": [0.001], "celeba": [0.005], "imagenet": [0.011]}
    (claim,) = concluded(fig9, fig9.Fig9(), good, monkeypatch)
    assert claim["holds?"] == "holds"
    (claim,) = concluded(fig9, fig9.Fig9(), good | {"mnist": [0.2]}, monkeypatch)
    assert claim["holds?"] == "does not hold here"


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
    def rewards(env: VecEnv) -> Iterator[np.ndarray]:
        env.seed(0)
        env.reset()
        actions = np.random.default_rng(0).random((6, 2, 13)).astype(np.float32)
        for action in actions:
            yield env.step(action * 2 - 1)[1].copy()

    made = lambda: PaintVecEnv(  # noqa: E731
        num_envs=2, dataset=pictures, size=32, bundle=1, max_strokes=3, device="cpu"
    )
    plain, late = (np.stack(list(rewards(env))) for env in (made(), fig7.RewardAtEnd(made())))
    assert not late[[0, 1, 3, 4]].any()
    np.testing.assert_allclose(late[[2, 5]], [plain[:3].sum(0), plain[3:].sum(0)], rtol=1e-5)


def test_results_are_json(tmp_path: Path) -> None:
    options = harness.BenchmarkConfig(json=tmp_path / "r.json", threads=1)
    harness.report(options, [(harness.CURVES, CURVE), ("rows", [{"a": 1}])])
    assert json.loads((tmp_path / "r.json").read_text())["tables"] == {"rows": [{"a": 1}]}
    assert read_result(tmp_path / "r.json").curves == CURVE


@pytest.mark.slow
def test_kodak_runs_and_says_what_is_published(
    pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kodak").mkdir()
    Image.fromarray(pictures[0].transpose(1, 2, 0)).save(tmp_path / "kodak" / "kodim01.png")
    monkeypatch.setenv("PAINT_GYM_DATA", str(tmp_path))
    options = kodak.Kodak(smoke=True, threads=1, out=tmp_path / "out")
    rows = dict(kodak.tables(options)).popitem()[1]
    by = {row["by"]: row["PSNR, dB"] for row in rows}
    refined, planned = by["planned, refined, 10 steps, 600 iterations"], by["planned, 10 steps"]
    assert len(by) == 6 and refined > planned > by["the agent alone, as shipped"]
    with Image.open(next((tmp_path / "out" / "smoke").glob("*.png"))) as painted:
        assert painted.size == (32, 32)
    with pytest.raises(ValueError, match=r"no kodim\*\.png in"):
        monkeypatch.setenv("PAINT_GYM_DATA", str(tmp_path / "out"))
        list(kodak.tables(options))


@pytest.mark.slow
def test_tuning_runs_every_change(smoke: Callable[[str], Result]) -> None:
    rows = next(iter(smoke("tuning").tables.values()))
    assert [row["change"] for row in rows] == list(tuning.CHANGES)
    assert all(0 < row[algo] < 1 for row in rows for algo in fig8a.MODEL_FREE)


@pytest.mark.slow
def test_sb3_baselines_write_table_curves_and_plot(smoke: Callable[[str], Result], tmp_path: Path) -> None:
    result = smoke("sb3_baselines")
    rows = next(iter(result.tables.values()))
    assert [row["algorithm"] for row in rows] == list(sb3_baselines.ALGORITHMS)
    assert all(0 < row["l2, equal time"] < 1 and row["steps"] > 0 for row in rows)
    curves = by_method(result.curves)
    assert set(curves) == {*sb3_baselines.ALGORITHMS}
    for seeds in curves.values():
        assert set(seeds) == {0, 1, 2}
        for curve in seeds.values():
            # the start, the end, and a point between them where the machine came to it in time
            assert 2 <= len(curve) <= 3 and curve[0].updates == 0 < curve[1].updates
    assert (tmp_path / "sb3_baselines" / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_agents_of_sb3_paint_what_they_do_in_the_environment(pictures: np.ndarray) -> None:
    env = PaintVecEnv(num_envs=2, dataset=pictures, size=32, max_strokes=10, device="cpu")
    options = sb3_baselines.Sb3Baselines(smoke=True, algorithms=("SB3 PPO",))
    (job, *_) = sb3_baselines.jobs(options)
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
