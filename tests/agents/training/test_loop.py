"""A run can stop, be killed, fail or go on, and nothing is lost."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import agents
from agents import TrainConfig, Trainer, TrainingDivergedError


@pytest.fixture
def tiny(tiny: TrainConfig) -> TrainConfig:
    return replace(tiny, batch=2, eval_images=1)


def lines_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_files_of_a_run(tiny: TrainConfig, tmp_path: Path) -> None:
    trainer = Trainer(replace(tiny, updates=20, eval_every=10), "cpu").fit(folder=str(tmp_path))
    assert trainer.progress == 1 and 0 < trainer.metrics["eval/l2"] < 1
    lines = lines_of(tmp_path)
    assert [line["update"] for line in lines if "eval/l2" in line] == [10, 20]
    (losses,) = [line for line in lines if "losses/actor" in line]
    assert {"charts/reward", "charts/reward_l2", "charts/seconds"} <= losses.keys()
    assert losses["update"] == 20 and losses["charts/env_steps"] == 4 * 9  # two of 11 are ends
    for path in (tmp_path, tmp_path / "agent.safetensors"):  # the whole run, and the small file to share
        assert len(agents.paint(agents.load(path, "cpu"), torch.rand(1, 3, 32, 32), 10)[0]) == 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_ends(number: signal.Signals, tiny: TrainConfig, tmp_path: Path) -> None:
    def callback(trainer: Trainer, metrics: dict[str, float]) -> None:
        if trainer.updates == 3:
            signal.raise_signal(number)

    handler = signal.getsignal(number)
    with pytest.raises(SystemExit) as stopped:
        Trainer(tiny, "cpu").fit(callback, tmp_path)
    assert stopped.value.code == 128 + number and signal.getsignal(number) is handler
    assert Trainer.resume(tmp_path, "cpu").updates == 3


def test_a_loss_that_is_not_finite_names_the_update(tiny: TrainConfig, tmp_path: Path, monkeypatch) -> None:
    original = Trainer.update

    def update(trainer: Trainer) -> dict[str, float]:
        if trainer.updates == 5:
            raise TrainingDivergedError("losses/critic is nan")
        return original(trainer)

    monkeypatch.setattr(Trainer, "update", update)
    for minutes, text in ((60.0, "nothing had been saved"), (0.0, "holds the last good checkpoint")):
        with pytest.raises(TrainingDivergedError, match=rf"update 6: losses/critic is nan; .*{text}"):
            Trainer(tiny, "cpu").fit(folder=tmp_path, checkpoint_minutes=minutes)
    assert Trainer.resume(tmp_path, "cpu").updates == 5


def test_a_finished_run_stays_as_it_is(tiny: TrainConfig, tmp_path: Path, caplog) -> None:
    Trainer(replace(tiny, updates=2), "cpu").fit(folder=tmp_path)
    files = {file: file.read_bytes() for file in tmp_path.iterdir()}
    with caplog.at_level("INFO"):
        Trainer.resume(tmp_path, "cpu").fit(folder=tmp_path)
    assert "is finished: all of its 2 updates are made" in caplog.text
    with pytest.raises(FileExistsError, match=r"there is a run in .* already"):
        Trainer(tiny, "cpu").fit(folder=tmp_path)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == files


def test_metrics_of_lost_updates_are_dropped(tiny: TrainConfig, tmp_path: Path) -> None:
    """A run that was killed makes these updates again; its seconds go on."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tiny = replace(tiny, eval_every=3)
    (tmp_path / "metrics.jsonl").write_text('{"update": 0, "charts/seconds": 500.0}\n')
    trainer = Trainer(tiny, "cpu").fit(lambda trainer, metrics: trainer.updates == 7, tmp_path)
    Trainer.resume(tmp_path, "cpu").fit(lambda trainer, metrics: trainer.updates == 10, tmp_path)
    trainer.save(tmp_path)  # the state after 7 updates again
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"update": 1')
    Trainer.resume(tmp_path, "cpu").fit(folder=tmp_path)
    lines = lines_of(tmp_path)
    assert [line["update"] for line in lines] == [0, 3, 6, 9, 12]
    seconds = [line["charts/seconds"] for line in lines]
    assert seconds == sorted(seconds) and seconds[1] > 500
    board = EventAccumulator(str(tmp_path))
    board.Reload()
    assert [event.step for event in board.Scalars("eval/l2")] == [3, 6, 9, 12]
