"""The benchmarks that learn run at a size that takes seconds, and resume."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from agents import build_agent, paint
from benchmarks.harness import curves
from benchmarks.harness import tables as harness
from benchmarks.harness.paper_renderer import PaperRenderer
from benchmarks.harness.sb3 import Sb3Policy
from benchmarks.learning import sb3_baselines
from benchmarks.speed import learning_speed
from paint_gym.canvas import CanvasState, model_step
from paint_gym.datasets import register_dataset

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def one_thread(two_threads):
    """Two would wait for each other, spinning, where the cores are taken; so small a size gains nothing."""
    torch.set_num_threads(1)


@pytest.fixture
def dataset(pictures):
    register_dataset("ablated", lambda split, size, data_root: pictures, replace=True)
    return "ablated"


def test_learning_speed_writes_finite_figures(tmp_path):
    options = learning_speed.LearningSpeed(
        batch=2, width=4, strokes=10, repeats=1, threads=1, json=tmp_path / "speed.json"
    )
    harness.report(options, learning_speed.tables(options))
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
    exact = dataclasses.replace(config.learning, bf16=False, channels_last=False, max_grad_norm=1e9)
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


def test_sb3_baselines_write_table_curves_and_plot(dataset, tmp_path):
    options = sb3_baselines.Sb3Baselines(
        threads=1, out=tmp_path / "jobs", json=tmp_path / "all.json", seeds=(0, 1), minutes=0.005, points=2,
        dataset=dataset, size=16, strokes=10, width=4, batch=2, test_images=2,
    )  # fmt: skip
    harness.report(options, sb3_baselines.tables(options))
    rows, _ = json.loads(options.json.read_text())["tables"].values()
    assert [row["algorithm"] for row in rows] == list(sb3_baselines.ALGORITHMS)
    assert all(0 < row["l2, equal time"] < 1 and row["steps"] > 0 for row in rows)
    found = curves.by_method(curves.read_curves(tmp_path / "all.csv"))
    assert set(found) == {*sb3_baselines.ALGORITHMS}
    for seeds in found.values():
        assert set(seeds) == {0, 1}
        # the start, the end, and a point between them where the machine came to it in time
        assert all(
            2 <= len(curve) <= 3 and curve[0].updates == 0 < curve[1].updates for curve in seeds.values()
        )
    assert (options.out / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_agents_of_sb3_paint_what_they_do_in_the_environment(pictures):
    env = sb3_baselines.PaintVecEnv(num_envs=2, dataset=pictures, size=32, max_strokes=10, device="cpu")
    options = sb3_baselines.Sb3Baselines(width=4, batch=2, algorithms=("SB3 PPO",))
    agent = sb3_baselines.jobs(options)[0].make(env)
    env.set_options([{"indices": [i]} for i in (3, 5)])
    seen = env.reset()
    for _ in range(2):
        seen, _, _, infos = env.step(agent.predict(seen, deterministic=True)[0])
    policy = Sb3Policy(agent, env)
    paintings = paint(policy, torch.from_numpy(pictures[[3, 5]]), 10)
    for info, painting in zip(infos, paintings, strict=True):
        last = info["terminal_observation"][:3].transpose(1, 2, 0)
        assert np.abs(painting.render().astype(int) - last).max() <= 1
