"""The command `evaluate`: scores of the agent's paintings by the ground truth."""

from __future__ import annotations

import json
import logging
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import agents
from agents import AgentConfig, build_agent, save_agent
from agents.cli.evaluate import Evaluate, evaluate_agent
from agents.painting.evaluation import EvaluationSettings, l2_by_raster
from paint_gym.datasets import read_image, register_dataset, registry

CONFIG = AgentConfig(actor_width=8, bundle=2)
STROKES = 42


@pytest.fixture
def command(pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """An untrained agent, and a data set of six pictures."""
    monkeypatch.setattr(registry.DATASETS, "_entries", dict(registry.DATASETS._entries))
    register_dataset("waves", lambda split, size, data_root: pictures[:6])
    torch.manual_seed(0)
    file = tmp_path / "agent.safetensors"
    save_agent(file, build_agent(CONFIG, "cpu"), CONFIG)
    settings = EvaluationSettings(dataset="waves", max_strokes=STROKES, size=32, batch=4)
    return Evaluate(agent=str(file), settings=settings)


def evaluate(command: Evaluate, **changes: Any) -> dict[str, Any]:
    """The report of the command with other options."""
    names = {field.name for field in fields(EvaluationSettings)}
    settings = {name: changes.pop(name) for name in names & changes.keys()}
    return evaluate_agent(replace(command, settings=replace(command.settings, **settings), **changes))


def test_report(command: Evaluate, pictures: np.ndarray, tmp_path: Path, caplog) -> None:
    """Scores by raster, and the l2 after whole bundles."""
    caplog.set_level(logging.INFO)
    file = tmp_path / "not" / "yet" / "scores.json"
    report = evaluate(command, json=file, curve=tmp_path / "curve.png")
    assert json.loads(file.read_text()) == report
    facts = {"dataset": "waves", "split": "test", "strokes": STROKES, "size": 32, "renderer": "raster"}
    assert facts.items() <= report.items() and report["images"] == 6  # of 500
    assert "waves has only 6 pictures" in caplog.text
    for name in ("l2", "psnr", "ssim"):
        assert report[name]["low"] < report[name]["mean"] < report[name]["high"]
        assert f"| {name} | {report[name]['mean']:.5g} |" in caplog.text
    paintings = agents.paint(agents.load(command.agent), torch.from_numpy(pictures[:6]), STROKES)
    expected = l2_by_raster(paintings, pictures[:6])
    assert report["l2"]["mean"] == pytest.approx(expected.mean(), rel=1e-5)
    assert report["psnr"]["mean"] == pytest.approx(np.mean(-10 * np.log10(expected)), rel=1e-5)
    curve = report["curve"]
    assert curve["strokes"] == [*range(0, 42, 4), 42]
    for name in ("mean", "low", "high"):
        assert len(curve[name]) == 12 and curve[name][-1] == pytest.approx(report["l2"][name])
    plot = read_image(tmp_path / "curve.png")
    assert min(plot.shape[:2]) > 200 and len(np.unique(plot)) > 50


def test_options_are_those_of_the_command(command: Evaluate) -> None:
    """The same seed gives the same report, another seed other intervals."""
    planned: dict[str, Any] = {"images": 6, "max_strokes": 4, "lookahead": 0, "plan": 1, "refine": 2}
    report, default = evaluate(command, **planned), evaluate(command, images=6, max_strokes=4)
    assert (report["lookahead"], report["plan"], default["lookahead"], default["plan"]) == (0, 1, 2, 0)
    assert report["refine"] == 2 and report["images"] == 6 and report["l2"]["mean"] < default["l2"]["mean"]
    assert report == evaluate(command, **planned)
    assert report["l2"]["low"] != evaluate(command, seed=1, **planned)["l2"]["low"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"images": 0}, "images must be a whole number from 1 to .*, not 0"),
        ({"size": 10}, "11 pixels a side; 10 x 10"),
        ({"dataset": "wave"}, "did you mean 'waves'"),
        ({"split": "tests"}, "did you mean 'test'"),
        ({"curve": Path("curve.pgn")}, "did you mean '.png'"),
    ],
)
def test_errors(command: Evaluate, tmp_path: Path, change: dict, text: str) -> None:
    file = tmp_path / "scores.json"
    with pytest.raises(ValueError, match=text):
        evaluate(command, json=file, **change)
    assert not file.exists()
