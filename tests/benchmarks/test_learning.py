"""The benchmarks that learn run at a size that takes seconds, and resume."""

import dataclasses
import json
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from agents import PRESETS, TrainConfig, build_agent
from benchmarks import ablation, learning_speed, renderer_choice, rewards, sb3_baselines, variants
from benchmarks.harness import jobs, suite
from benchmarks.harness.paper_renderer import PaperRenderer
from paint_gym.canvas import CanvasState, model_step
from paint_gym.datasets import register_dataset

pytestmark = pytest.mark.slow

TINY = ablation.Ablation(
    threads=1, seeds=(0, 1), size=16, strokes=10, width=4, updates=2, batch=2, eval_every=1, eval_images=2,
    final_images=3, device="cpu",
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread(two_threads):
    """Two would wait for each other, spinning, where the cores are taken; so small a size gains nothing."""
    torch.set_num_threads(1)


def _measured(path):
    return {file.name: file.stat().st_mtime_ns for file in path.glob("*.json")}


@pytest.fixture
def dataset(pictures):
    register_dataset("ablated", lambda split, size, data_root: pictures, replace=True)
    return "ablated"


def test_ablation_writes_table_curves_and_plot(dataset, tmp_path, capsys):
    options = dataclasses.replace(TINY, dataset=dataset, out=tmp_path, json=tmp_path / "all" / "figures.json")
    suite.report(options, ablation.tables(options))
    settings, final, curves, every = json.loads(options.json.read_text())["tables"].values()
    assert [row["algorithm"] for row in final] == [*ablation.ALGORITHMS, "blank canvas"]
    assert final[0]["times model-based"] == 1 and all(0 < row["l2"] < 1 for row in final)
    assert all(row["low"] <= row["l2"] <= row["high"] for row in final[:3])
    assert all("met" in row for row in final[1:3])
    assert [row["updates"] for row in curves] == [0, 1, 2] * 3 and len(every) == 18
    assert all(a["seconds"] < b["seconds"] for a, b in pairwise(every) if b["updates"])
    differing = {row["setting"] for row in settings}
    assert {"size", "updates", "batch", "agent.actor_width", "agent.reward", "renderer"} <= differing
    assert "agent.learning.gamma" not in differing
    assert (tmp_path / "ablation.png").read_bytes().startswith(b"\x89PNG")
    assert "6 of 6 jobs to run" in capsys.readouterr().out


def test_rewards_are_compared(dataset, tmp_path, capsys):
    options = rewards.Rewards(
        threads=1, seeds=(0,), size=16, strokes=10, updates=2, eval_every=1, images=3, dataset=dataset,
        out=tmp_path, json=tmp_path / "all" / "figures.json",
    )  # fmt: skip
    suite.report(options, rewards.tables(options))
    final, curve = json.loads(options.json.read_text())["tables"].values()
    assert [row["reward"] for row in final] == ["l2", "wgan", "blank canvas"]
    assert final[1]["l2 in that of l2"] == pytest.approx(final[1]["l2"] / final[0]["l2"])
    assert all(-1 <= row["ssim"] <= 1 and row["texture"] > 0 for row in final[:2])
    assert [(row["reward"], row["updates"]) for row in curve] == [
        (reward, n) for reward in ("l2", "wgan") for n in (0, 1, 2)
    ]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (3 * 16, 3 * 16)  # pictures, and paintings by each reward
    suite.report(options, rewards.tables(options))
    assert "0 of 2 jobs to run" in capsys.readouterr().out


def test_texture_is_energy_of_high_frequencies():
    smooth, sharp = np.full((8, 8, 3), 90, np.uint8), np.zeros((8, 8, 3), np.uint8)
    sharp[::2] = 255
    assert rewards._texture([smooth]) == 0
    assert rewards._texture([sharp]) == pytest.approx(4.0 * 3 / 4 + 1.0 / 4, rel=0.3)


def test_ablation_resumes_job_by_job(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    options = dataclasses.replace(TINY, dataset="photos", seeds=(0,), updates=1, workers=2, out=out)
    first = ablation.results_of(options)
    before = _measured(out)
    assert before.keys() == {f"{algo}_0.json" for algo in ablation.ALGORITHMS}
    assert ablation.results_of(options) == first and _measured(out) == before
    (out / "patchq_0.json").unlink()
    again = ablation.results_of(dataclasses.replace(options, workers=1))
    assert again["patchq"][0]["l2"] == pytest.approx(first["patchq"][0]["l2"], rel=0.05)
    after = _measured(out)
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] != after[name]} == {"patchq_0.json"}
    printed = capsys.readouterr().out
    assert all(f"{count} of 3 jobs to run" in printed for count in (3, 0, 1))
    with pytest.raises(ValueError, match=r"model-based_0.*other settings.*--out"):
        ablation.results_of(dataclasses.replace(options, updates=2))


def test_only_the_algorithm_differs():
    configs = [job.config for job in ablation.jobs(dataclasses.replace(TINY, seeds=(3,)))]
    assert [config.agent.algo for config in configs] == list(ablation.ALGORITHMS)
    alike = [dataclasses.replace(one.agent, algo="ddpg") for one in configs]
    assert alike[0] == alike[1] == alike[2]
    assert len({dataclasses.replace(one, agent=alike[0]) for one in configs}) == 1


def test_paper_ablation_is_the_preset():
    config = ablation.configure(dataclasses.replace(TINY, paper=True), "model-based", 0)
    assert config == dataclasses.replace(PRESETS["paper"], eval_images=TINY.eval_images)
    differing = [row["setting"] for row in ablation.differences(config)]
    assert differing == list(ablation.BEYOND_PRESETS)
    assert isinstance(config, TrainConfig) and config.updates == 200_000


def test_bar_is_the_order_of_the_means(capsys):
    def results(**l2):
        return {algo.replace("_", "-"): [{"l2": value, "blank": 0.5}] for algo, value in l2.items()}

    _, patchq, ddpg, _ = ablation.compare(results(model_based=0.01, patchq=0.03, ddpg=0.02))
    assert patchq["met"] and patchq["times model-based"] == pytest.approx(3) and not ddpg["met"]


def test_interval_is_students():
    mean, low, high = jobs.interval([1.0, 2.0, 3.0])
    assert mean == 2 and high - 2 == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)
    assert low == pytest.approx(4 - high)
    assert jobs.interval([1.0]) == (1.0, None, None)


def test_blank_is_the_l2_of_black():
    pictures = np.full((2, 3, 4, 4), 255, np.uint8)
    pictures[1] = 0
    assert ablation.blank(pictures) == 0.5


def test_learning_speed_writes_finite_figures(tmp_path):
    options = learning_speed.LearningSpeed(
        batch=2, width=4, strokes=10, repeats=1, threads=1, json=tmp_path / "speed.json"
    )
    suite.report(options, learning_speed.tables(options))
    tables = list(json.loads(options.json.read_text())["tables"].values())
    assert [len(rows) for rows in tables] == [3, 3]
    for rows in tables:
        assert {"bar", "met"} <= rows[-1].keys()
        assert all(row["seconds"] > 0 and math.isfinite(row["times faster"]) for row in rows)
    update = tables[0]
    assert update[2]["seconds"] == pytest.approx(update[0]["seconds"] + update[1]["seconds"])


def test_plain_agent_learns_the_same():
    """On the same transitions, with the same renderer and in float32, both agents have the same losses."""
    config = learning_speed.paper_config(width=4)
    exact = dataclasses.replace(config.learning, bf16=False, channels_last=False, max_grad_norm=math.inf)
    config = dataclasses.replace(config, learning=exact)
    torch.manual_seed(0)
    ours, plain = build_agent(config, "cpu"), learning_speed.PlainAgent(config)
    ours.renderer = plain.renderer
    for name in ("actor", "critic", "target_critic"):
        getattr(plain, name).load_state_dict(getattr(ours, name).state_dict())
    plain.discriminator.load_state_dict(ours.reward.discriminator.state_dict())
    plain.target_discriminator.load_state_dict(ours.reward.target.state_dict())
    batch = learning_speed.random_batch(3, config.bundle, ours.steps)
    state = CanvasState(*batch.state[:2], torch.tensor([0, 20, ours.steps - 1]))
    for _ in range(3):
        ours.actor.train()
        with torch.no_grad():
            action = ours.actor(state.canvas, state.target, state.step, ours.steps)
            next_state, _ = model_step(state, action, plain.renderer, ours.reward)
        transition = batch._replace(state=state, action=action, next_state=next_state)
        expected, losses = ours.update(transition), plain.update(transition)
        plain.discriminator.load_state_dict(ours.reward.discriminator.state_dict())
        plain.target_discriminator.load_state_dict(ours.reward.target.state_dict())
        assert losses == pytest.approx({name: expected[name] for name in losses}, rel=1e-3)


def test_plain_discriminator_learns_the_same(monkeypatch):
    config = learning_speed.paper_config(width=4)
    reward, plain = build_agent(config, "cpu").reward, learning_speed.PlainAgent(config)
    plain.discriminator.load_state_dict(reward.discriminator.state_dict())
    pair = torch.rand(2, 2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(torch, "rand", lambda count, **_: torch.full((count,), 0.25))
    for _ in range(2):
        loss = plain.update_discriminator(*pair)
        assert loss == pytest.approx(reward.update(*pair)["losses/discriminator"], rel=1e-2)


def test_network_renderer_knows_one_size():
    renderer = PaperRenderer()
    assert renderer(torch.rand(2, 13), 128).shape == (2, 128, 128)
    with pytest.raises(ValueError, match="128 x 128 pixels"):
        renderer(torch.rand(2, 13), 64)


def test_variants_write_table_curves_and_plot(dataset, tmp_path):
    of_their_own = ("preset", "resnet", "two-windows", "unrolled", "imitates", "explores")
    options = variants.Variants(
        threads=1, out=tmp_path / "jobs", json=tmp_path / "variants.json", plot=tmp_path / "variants.png",
        variants=of_their_own, seeds=(0, 1), minutes=0.001,
        dataset=dataset, size=16, strokes=10, points=2, eval_images=2, batch=2,
    )  # fmt: skip
    suite.report(options, variants.tables(options))
    rows, points, parts = json.loads(options.json.read_text())["tables"].values()
    assert [row["variant"] for row in rows] == list(options.variants)
    assert all(0 < row["l2"] < 1 and row["low"] <= row["l2"] <= row["high"] for row in rows)
    assert len(points) == 2 * 2 * len(rows) and all(point["updates"] > 0 for point in points)
    assert all(part["seconds"] > 0 for part in parts)
    assert options.plot.read_bytes().startswith(b"\x89PNG")


def test_either_renderer_for_equal_time_and_updates(pictures, tmp_path):
    large = pictures.repeat(4, 2).repeat(4, 3)
    register_dataset("large", lambda split, size, data_root: large, replace=True)
    options = renderer_choice.RendererChoice(
        threads=1, out=tmp_path / "jobs", json=tmp_path / "renderer_choice.json", seeds=(0, 1), minutes=0.001,
        dataset="large", strokes=10, eval_images=2, batch=2,
    )  # fmt: skip
    suite.report(options, renderer_choice.tables(options))
    timed, counted = json.loads(options.json.read_text())["tables"].values()
    assert [row["through"] for row in (*timed, *counted)] == ["analytic", "neural"] * 2
    assert counted[0]["updates"] == counted[1]["updates"] == timed[0]["updates"]
    assert timed[0] == counted[0]
    for row in (*timed, *counted):
        assert (
            0 < row["l2 by raster"] < 1 and row["gap"] == row["l2 by raster"] - row["l2 by its own renderer"]
        )
    assert abs(timed[0]["gap"]) < 1e-3  # the analytic renderer is close to raster


def test_each_variant_changes_something():
    preset = variants.VARIANTS["preset"]
    base = variants.configure(variants.Variants(), preset, 0)
    for name, variant in variants.VARIANTS.items():
        settings = variants.configure(variants.Variants(), variant, 0)
        who = (variant.agent, variant.actor) != (preset.agent, preset.actor)
        assert (settings != base or who) == (name != "preset"), name


def test_time_drives_the_learning_rate(dataset):
    config = variants.configure(
        variants.Variants(dataset=dataset, size=16, batch=2), variants.VARIANTS["preset"], 0
    )
    trainer, rates = jobs.TimedTrainer(config, seconds=0.2), []
    measure = lambda: rates.append(trainer.agent.actor_optimizer.param_groups[0]["lr"])  # noqa: E731
    trainer.fit(jobs.at_points(2, measure))
    assert trainer.spent >= 0.2 and trainer.progress == 1
    assert 0 <= rates[1] < rates[0] <= 1e-3 and len(rates) == 2


def test_unknown_variants_are_named():
    with pytest.raises(ValueError, match=r"no variants \['magic'\]; there are preset, resnet"):
        variants.Variants(variants=("preset", "magic"))


def test_sb3_baselines_write_table_curves_and_plot(dataset, tmp_path):
    options = sb3_baselines.Baselines(
        threads=1, out=tmp_path / "jobs", json=tmp_path / "all.json", seeds=(0, 1), minutes=0.005, points=2,
        dataset=dataset, size=16, strokes=10, width=4, batch=2, images=2,
    )  # fmt: skip
    suite.report(options, sb3_baselines.tables(options))
    rows, unlearned, points = json.loads(options.json.read_text())["tables"].values()
    blank = np.square(sb3_baselines.test_pictures(options) / 255).mean()
    assert unlearned[0]["l2"] == pytest.approx(blank) and unlearned[1]["l2"] != unlearned[0]["l2"]
    assert [row["algorithm"] for row in rows] == list(sb3_baselines.ALGORITHMS)
    assert all(0 < row["l2, equal time"] < 1 and row["steps"] > 0 for row in rows)
    assert len(points) == 2 * 2 * len(rows)
    assert (options.out / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_l2_at_equal_steps_lies_between_the_points():
    curve = [{"steps": 10, "l2": 0.4}, {"steps": 20, "l2": 0.2}]
    assert [sb3_baselines.at_steps(curve, steps) for steps in (5, 15, 20)] == [0.4, pytest.approx(0.3), 0.2]


def test_agents_of_sb3_paint_what_they_do_in_the_environment(pictures):
    env = sb3_baselines.PaintVecEnv(num_envs=2, dataset=pictures, size=32, max_strokes=10, device="cpu")
    agent = sb3_baselines.make("SB3 PPO", env, sb3_baselines.Baselines(width=4, batch=2), 0)
    env.set_options([{"indices": [i]} for i in (3, 5)])
    seen = env.reset()
    for _ in range(2):
        seen, _, _, infos = env.step(agent.predict(seen, deterministic=True)[0])
    policy = sb3_baselines.Sb3Policy(agent, env)
    paintings = sb3_baselines.paint(policy, torch.from_numpy(pictures[[3, 5]]), 10)
    for info, painting in zip(infos, paintings, strict=True):
        last = info["terminal_observation"][:3].transpose(1, 2, 0)
        assert np.abs(painting.render().astype(int) - last).max() <= 1
