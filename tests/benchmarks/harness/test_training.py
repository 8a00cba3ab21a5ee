"""Trainings of benchmarks: a stopped one goes on where it was, time ends one, paintings are scored."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import PRESETS, TrainConfig, load
from benchmarks.harness import painting
from benchmarks.harness.sb3 import OFF_POLICY
from benchmarks.harness.training import (
    MeasuredTrainer,
    Training,
    TrainingConfig,
    Variant,
    train,
    trainings,
)  # fmt: skip
from benchmarks.learning import scoreboard
from benchmarks.paper.fig8a import Fig8a, jobs


def job(config: TrainConfig, folder: Path, **fields: Any) -> Training:
    return Training(folder / "job_0.json", 1, "a method", config, points=3, test_images=3, **fields)


def without_time(result: dict[str, Any]) -> dict[str, Any]:
    curve = [{name: value for name, value in row.items() if name != "seconds"} for row in result["curve"]]
    return {name: value for name, value in result.items() if name not in ("seconds", "made")} | {
        "curve": curve
    }


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_same_result(
    tiny: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job(tiny, tmp_path / "whole").work()
    whole = json.loads((tmp_path / "whole" / "job_0.json").read_text())
    update = MeasuredTrainer.update

    def interrupted(self: MeasuredTrainer) -> dict[str, float]:
        if self.updates == 6:
            os.kill(os.getpid(), signal.SIGINT)  # the update is finished all the same
        return update(self)

    stopped = job(tiny, tmp_path / "stopped")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(MeasuredTrainer, "update", interrupted)
        stopped.work()
    with pytest.raises(ValueError, match=r"checkpoint\.pt is of other settings; delete it"):
        job(replace(tiny, batch=5), tmp_path / "stopped").work()
    capsys.readouterr()
    stopped.work()
    assert "a method, seed 0: goes on after 7 updates" in capsys.readouterr().out
    again = stopped.result()
    assert again is not None and without_time(again) == without_time(whole)
    assert [row["updates"] for row in whole["curve"]] == [0, 4, 8, 12] and 0 < whole["l2"] < 1
    assert whole["env_steps"] > 0 and not (stopped.folder / "checkpoint.pt").exists()
    assert load(stopped.folder / "agent.safetensors").steps == 3


def test_a_damaged_checkpoint_is_named(tiny: TrainConfig, tmp_path: Path) -> None:
    damaged = job(tiny, tmp_path)
    damaged.folder.mkdir(parents=True)
    (damaged.folder / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"checkpoint\.pt cannot be gone on from .*; delete it"):
        damaged.work()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seeds": (0, 0)}, "each named once"), ({"seeds": (-1,)}, "each named once"),
        ({"threads": 0}, "threads must be at least 1"), ({"size": 0}, "size must be at least 1"),
        ({"paper": True, "smoke": True}, "do not go together"), ({"minutes": 0.0}, "minutes must be more"),
    ],
)  # fmt: skip
def test_options_that_are_not_possible_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Fig8a(**options)


def test_a_run_without_trainings_says_so(tmp_path: Path) -> None:
    options = Fig8a(out=tmp_path, algos=("ppo",), updates=3)  # PPO ends by time
    with pytest.raises(ValueError, match="nothing to train: name a method and a seed"):
        train(jobs(options), options)


def test_where_time_is_limited_each_has_one_thread(tmp_path: Path) -> None:
    options = Fig8a(out=tmp_path, threads=8, workers=2, seeds=(0,))
    assert {job.threads for job in jobs(options)} == {1}
    assert {job.threads for job in jobs(replace(options, updates=501))} == {4}


def test_settings_tell_agents_of_other_libraries_apart(tmp_path: Path) -> None:
    ppo, longer = (job for job in jobs(Fig8a(out=tmp_path, algos=("ppo",), seeds=(0,))))
    assert (ppo.settings()["epochs"], longer.settings()["epochs"]) == (6, 4)
    assert ppo.settings()["algorithm"] == "ppo"
    (sac,) = scoreboard.jobs(scoreboard.Scoreboard(out=tmp_path, methods=("sac",), seeds=(0,)))
    assert sac.settings()["ent_coef"] == OFF_POLICY["sac"]["ent_coef"]


def test_time_ends_a_training_and_drives_its_learning_rate(tiny: TrainConfig) -> None:
    learning = replace(tiny.agent.learning, schedule="cosine", actor_lr=1e-3, actor_lr_late=0.0)
    config = replace(tiny, agent=replace(tiny.agent, learning=learning), updates=10**9)
    trainer = MeasuredTrainer(config, "cpu")
    trainer.limit, rates = 0.2, list[float]()
    trainer.fit(lambda *_: rates.append(trainer.agent.actor_optimizer.param_groups[0]["lr"]))
    assert trainer.spent >= 0.2 and trainer.progress == 1 and 0 <= rates[-1] < rates[0] <= 1e-3


def test_variants_share_all_but_what_they_change(tmp_path: Path) -> None:
    base, few = replace(PRESETS["cpu"], updates=7), {"max_strokes": 10}
    only_here: dict[str, Any] = {"cpu": {"actor_lr": 5e-4}, "paper": {"updates": 9}}
    variants = (Variant("few", few, {"batch": 32}, {"gamma": 0.0}, **only_here), Variant("all"))
    options, preset = TrainingConfig(out=tmp_path, seeds=(3,)), PRESETS["paper"]
    a, b = (job.config for job in trainings(variants, base, options))
    assert (a.agent.max_strokes, a.batch, a.agent.learning.actor_lr, a.updates) == (10, 32, 5e-4, 7)
    assert (a.eval_strokes, b.eval_strokes) == (10, 400) and a.seed == b.seed == 3
    assert replace(a, batch=b.batch, eval_strokes=400, agent=b.agent) == b and b.agent.lookahead == 0
    changes: tuple[dict[str, Any], ...] = ({"paper": True}, {"size": 16, "updates": 5})
    paper, small = (trainings(variants, base, replace(options, **change))[0] for change in changes)
    learning = replace(preset.agent.learning, gamma=0.0)
    assert (paper.config.agent.learning, paper.config.size) == (learning, preset.size)
    assert a.agent.learning.gamma == 0.0
    assert (paper.config.updates, small.config.size, small.config.updates) == (9, 16, 5)
    assert len({job.path.parent for job in (small, paper)} | {tmp_path}) == 3  # a folder for each


def test_scores() -> None:
    smooth, sharp = np.full((2, 3, 8, 8), 90, np.uint8), np.zeros((1, 3, 8, 8), np.uint8)
    sharp[:, :, ::2] = 255
    assert painting.texture(smooth) == 0 and painting.texture(sharp) == pytest.approx(3.25, rel=0.3)
    pictures = np.zeros((2, 3, 2, 2), np.uint8)
    pictures[0] = 255  # of one colour
    pictures[1, 0, 0] = 255  # half of red
    assert painting.mean_colour_l2(pictures) == pytest.approx((0 + 0.25 / 3) / 2)
    assert painting.blank_l2(pictures) == pytest.approx((1 + 0.5 / 3) / 2)
