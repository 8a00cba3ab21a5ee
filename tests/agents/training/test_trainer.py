"""A run can stop, be killed, fail or go on, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import agents
from agents import TrainConfig, Trainer, TrainingDivergedError
from agents.cli.main import main
from paint_gym.utils import files

COMMAND = [sys.executable, "-m", "agents", "train", "--preset", "smoke", "--device", "cpu"]


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    parts = ("actor", "critic", "target_critic")
    return {
        f"{part}.{name}": value
        for part in parts
        for name, value in getattr(trainer.agent, part).state_dict().items()
    }


def assert_equal(one: Trainer, other: Trainer) -> None:
    for name, value in weights(one).items():
        assert torch.equal(value, weights(other)[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("algo", ["model-based", "ddpg", "patchq"])
@pytest.mark.parametrize("reward", ["l2", "wgan"])
def test_2n_updates_are_n_then_resume_then_n(
    algo: str, reward: str, tiny: TrainConfig, tmp_path: Path
) -> None:
    """Bit for bit, stopping in the middle of an episode."""
    config = replace(tiny, agent=replace(tiny.agent, algo=algo, reward=reward))
    straight = Trainer(config, "cpu")
    straight.fit()
    first = Trainer(config, "cpu")
    first.fit(lambda trainer, metrics: trainer.updates == 5)
    first.save(tmp_path)
    resumed = Trainer.resume(tmp_path, "cpu")
    assert resumed.updates == 5 and resumed.config == config
    resumed.fit()
    assert_equal(straight, resumed)


def test_evaluating_changes_nothing(tiny: TrainConfig) -> None:
    trainers = []
    for evaluates in (True, False):
        trainer = Trainer(tiny, "cpu")
        for _ in range(4):
            if evaluates:
                trainer.evaluate()
            trainer.update()
        trainers.append(trainer)
    assert_equal(*trainers)


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
    assert_equal(*finished)
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
    assert process.wait(timeout=60) == 0
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


def test_a_truncated_checkpoint_is_named(tiny: TrainConfig, tmp_path: Path) -> None:
    Trainer(tiny, "cpu").save(tmp_path)
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"checkpoint.safetensors is damaged"):
        Trainer.resume(tmp_path, "cpu")


def test_a_checkpoint_of_other_networks_is_named(tiny: TrainConfig) -> None:
    trainer = Trainer(tiny, "cpu")
    state = trainer.state_dict()
    state["agent"]["critic"]["stray"] = torch.zeros(1)
    del state["agent"]["actor"]["head.bias"]
    with pytest.raises(ValueError, match=r"missing actor/head.bias, left over critic/stray"):
        trainer.load_state_dict(state)


def test_a_full_disk_leaves_the_last_checkpoint(
    tiny: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(tiny, "cpu")
    trainer.update()
    trainer.save(tmp_path)
    trainer.update()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        trainer.save(tmp_path)
    assert Trainer.resume(tmp_path, "cpu").updates == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["agent.safetensors", "checkpoint.safetensors"]


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


def test_too_large_a_batch(tiny: TrainConfig) -> None:
    with pytest.raises(ValueError, match="larger than the replay"):
        Trainer(replace(tiny, batch=1000), "cpu")


def test_neural_names_analytic_where_it_cannot_paint(tiny: TrainConfig) -> None:
    with pytest.raises(ValueError, match=r'128 x 128.*renderer="analytic"'):
        Trainer(replace(tiny, agent=replace(tiny.agent, renderer="neural")), "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("algo", ["model-based", "ddpg", "patchq"])
@pytest.mark.parametrize("reward", ["l2", "wgan"])
def test_same_seed_same_weights(algo: str, reward: str, tiny: TrainConfig) -> None:
    """And another seed, other weights."""

    def weights(seed: int) -> list[torch.Tensor]:
        spec = replace(tiny.agent, algo=algo, reward=reward)
        trainer = Trainer(replace(tiny, agent=spec, seed=seed), "cpu")
        for _ in range(3):
            assert {"charts/reward", "losses/actor"} <= trainer.update().keys()
        return list(trainer.agent.actor.state_dict().values())

    first, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not all(torch.equal(one, two) for one, two in zip(first, other, strict=True))
