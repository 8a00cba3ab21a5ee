"""A run can stop, be killed, fail or go on, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import assert_equal_weights

import agents
from agents import Trainer, TrainingDivergedError
from agents.cli.main import main

COMMAND = [sys.executable, "-m", "agents", "train", "--preset", "smoke", "--device", "cpu"]


@pytest.mark.slow
def test_after_kill_9(tmp_path: Path) -> None:
    """Killed at some moment after a checkpoint, then resumed: the same as never killed."""
    settings = ["--updates", "60", "--checkpoint-minutes", "0", "--eval-every", "30"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    subprocess.run(
        [*COMMAND, *settings, "--out", str(straight)], check=True, env=environment, capture_output=True
    )
    process = subprocess.Popen(
        [*COMMAND, *settings, "--out", str(killed)], env=environment, stderr=subprocess.DEVNULL
    )
    while not (killed / "checkpoint.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(np.random.default_rng().uniform(0, 1))
    process.kill()
    process.wait()
    resume = [*COMMAND, "--resume", "--out", str(killed)]
    subprocess.run(resume, check=True, env=environment, capture_output=True)
    finished = [Trainer.resume(folder, "cpu") for folder in (straight, killed)]
    assert [trainer.updates for trainer in finished] == [60, 60]
    assert_equal_weights(*finished)
    updates = [json.loads(line)["update"] for line in (killed / "metrics.jsonl").read_text().splitlines()]
    assert updates == sorted(updates) and updates.count(60) == 2


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_ends(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--updates", "100000", "--out", str(tmp_path / "run")], stderr=subprocess.DEVNULL
    )
    while not (tmp_path / "run" / "metrics.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(timeout=60) == 128 + number
    assert 0 < Trainer.resume(tmp_path / "run", "cpu").updates < 100_000


def test_a_run_writes_what_it_promises(tmp_path: Path) -> None:
    out = tmp_path / "run"
    main(
        [
            "train",
            "--preset",
            "smoke",
            "--out",
            str(out),
            "--stroke",
            "circle",
            "--seed",
            "3",
            "--bf16",
            "False",
        ]
    )
    config = json.loads((out / "config.json").read_text())
    assert (config["seed"], config["agent"]["stroke"], config["agent"]["learning"]["bf16"]) == (
        3,
        "circle",
        False,
    )
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["update"] for line in lines if "eval/l2" in line] == [20, 40]
    assert all(
        {"charts/reward", "charts/reward_l2"} <= line.keys() for line in lines if "losses/actor" in line
    )
    assert list(out.glob("events.out.tfevents.*"))
    for path in (out, out / "agent.safetensors"):  # the whole run, and the small file to share
        assert len(agents.paint(agents.load(path, "cpu"), torch.rand(1, 3, 32, 32), 10)[0]) == 10


@pytest.mark.slow
def test_a_run_can_begin_with_another_agent(tmp_path: Path) -> None:
    for name, updates, init in (("a", 20, []), ("b", 1, ["--init", str(tmp_path / "a")])):
        arguments = ["--out", str(tmp_path / name), "--updates", str(updates), "--seed", str(updates)]
        main(["train", "--preset", "smoke", *arguments, *init])
    first, second = (agents.load(tmp_path / name, "cpu").actor.state_dict() for name in "ab")
    for name in first:  # one step of Adam at 1e-3 between them
        assert (first[name] - second[name]).abs().max() < 2e-3


def test_an_old_run_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").touch()
    with pytest.raises(SystemExit, match="--resume"):
        main(["train", "--preset", "smoke", "--out", str(tmp_path)])


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no run to resume"):
        main(["train", "--preset", "smoke", "--out", str(tmp_path), "--resume"])


@pytest.mark.slow
def test_nan_stops_training_and_names_the_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Trainer.update

    def update(self: Trainer) -> dict[str, float]:
        if self.updates == 25:
            raise TrainingDivergedError("losses/critic is nan")
        return original(self)

    monkeypatch.setattr(Trainer, "update", update)
    out = tmp_path / "run"
    with pytest.raises(SystemExit, match=r"update 26: losses/critic is nan.*last good checkpoint"):
        main(["train", "--preset", "smoke", "--out", str(out), "--checkpoint-minutes", "0"])
    assert Trainer.resume(out, "cpu").updates == 25


def test_a_finished_run_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    main(["train", "--preset", "smoke", "--updates", "2", "--out", str(tmp_path)])
    kept = (tmp_path / "checkpoint.safetensors").read_bytes()
    with caplog.at_level("INFO"):
        main(["train", "--resume", "--out", str(tmp_path)])
    assert "is finished: all of its 2 updates are made" in caplog.text and "nan" not in caplog.text
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == kept
