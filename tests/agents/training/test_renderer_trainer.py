"""A network learns to paint, stops and goes on, and what it writes can be painted with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agents import PRESETS, Trainer
from agents.cli.main import main
from agents.training.renderer_trainer import RendererConfig, RendererTrainer
from paint_gym import make_renderer

TINY = RendererConfig(stroke="circle", updates=8, batch=4, warmup=2, eval_every=4, bf16=False)


def weights(trainer: RendererTrainer) -> list[torch.Tensor]:
    return list(trainer.network.state_dict().values())


def test_2n_updates_are_n_then_resume_then_n(tmp_path: Path) -> None:
    straight, first = RendererTrainer(TINY, "cpu"), RendererTrainer(TINY, "cpu")
    for _ in range(8):
        straight.update()
    for _ in range(3):
        first.update()
    first.evaluation(8)  # draws strokes of its own
    first.save(tmp_path)
    resumed = RendererTrainer.resume(tmp_path, "cpu")
    assert (resumed.updates, resumed.config) == (3, TINY)
    for _ in range(5):
        resumed.update()
    assert all(torch.equal(*pair) for pair in zip(weights(straight), weights(resumed), strict=True))


@pytest.mark.slow
def test_it_learns() -> None:
    """In a few seconds, to paint circles better than a blank canvas is."""
    trainer = RendererTrainer(replace(TINY, updates=200, batch=16, warmup=20), "cpu")
    blank = make_renderer("raster", "circle")(torch.rand(200, 7), 128).square().mean().item()
    for _ in range(200):
        trainer.update()
    metrics, sheet = trainer.evaluation(200)
    assert metrics["eval/mse"] < blank / 3
    assert sheet.shape == (256, 1024, 3)


def test_files_of_a_run(tmp_path: Path) -> None:
    out = tmp_path / "run"
    small = "--stroke circle --updates 100 --batch 2 --eval-every 50".split()  # noqa: SIM905
    main(["train-renderer", *small, "--out", str(out)])
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["update"] for line in lines if "eval/mse" in line] == [50, 100]
    assert [line["update"] for line in lines if "losses/network" in line] == [100]
    assert list(out.glob("events.out.tfevents.*"))
    strokes = torch.rand(3, 7)
    painted = make_renderer(f"neural:{out / 'renderer.safetensors'}", "circle")(strokes, 128)
    trainer = RendererTrainer.resume(out, "cpu")
    torch.testing.assert_close(painted, trainer.paint(strokes).detach(), rtol=0, atol=0.01)  # half precision
    with pytest.raises(SystemExit, match="already; add --resume"):
        main(["train-renderer", "--out", str(out)])
    main(["train-renderer", "--out", str(out), "--resume"])  # nothing is left to do
    with pytest.raises(SystemExit, match="no run to resume"):
        main(["train-renderer", "--out", str(tmp_path / "none"), "--resume"])


def test_a_run_can_begin_with_another_network(tmp_path: Path) -> None:
    first, second = RendererTrainer(TINY, "cpu"), RendererTrainer(replace(TINY, seed=1), "cpu")
    first.save(tmp_path)
    second.warm_start(tmp_path / "renderer.safetensors")
    torch.testing.assert_close(weights(first), weights(second), rtol=1e-3, atol=1e-6)  # half precision
    with pytest.raises(ValueError, match=r"renderer.safetensors: does not fit: missing layers"):
        RendererTrainer(replace(TINY, network="paper"), "cpu").warm_start(tmp_path / "renderer.safetensors")
    with pytest.raises(ValueError, match="a network for circle strokes"):
        RendererTrainer(replace(TINY, stroke="bezier"), "cpu").warm_start(tmp_path / "renderer.safetensors")


def test_a_checkpoint_of_an_agent_is_refused(tmp_path: Path) -> None:
    Trainer(PRESETS["smoke"], "cpu").save(tmp_path)
    with pytest.raises(ValueError, match=r"checkpoint\.pt: no run of a renderer"):
        RendererTrainer.resume(tmp_path)
