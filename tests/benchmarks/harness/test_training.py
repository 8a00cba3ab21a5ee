"""Trainings of benchmarks: a killed one goes on where it was, time ends one, paintings are scored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import PRESETS, TrainConfig, Trainer, load
from benchmarks.harness import painting, training
from benchmarks.harness.training import MeasuredTrainer, Training, TrainingConfig, Variant, trainings

pytestmark = pytest.mark.slow


def job(config: TrainConfig, folder: Path, **own: Any) -> Training:
    return Training(folder / "job_0.json", 1, "a method", config, points=3, test_images=3, **own)


def without_time(result: dict[str, Any]) -> dict[str, Any]:
    curve = [{name: value for name, value in row.items() if name != "seconds"} for row in result["curve"]]
    kept = {name: value for name, value in result.items() if name not in ("seconds", "made")}
    return kept | {"curve": curve}


def test_a_killed_training_goes_on_to_the_same_result(
    tiny: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job(tiny, tmp_path / "whole").work()
    whole = json.loads((tmp_path / "whole" / "job_0.json").read_text())
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    update = MeasuredTrainer.update

    def killed(self: MeasuredTrainer) -> dict[str, float]:
        if self.updates == 7:
            raise KeyboardInterrupt
        return update(self)

    monkeypatch.setattr(MeasuredTrainer, "update", killed)
    with pytest.raises(KeyboardInterrupt):
        job(tiny, tmp_path / "killed").work()
    monkeypatch.setattr(MeasuredTrainer, "update", update)
    capsys.readouterr()
    job(tiny, tmp_path / "killed").work()
    assert "a method, seed 0: goes on after 7 updates" in capsys.readouterr().out
    again = json.loads((tmp_path / "killed" / "job_0.json").read_text())
    assert without_time(again) == without_time(whole)
    assert [row["updates"] for row in whole["curve"]] == [0, 4, 8, 12]
    assert whole["env_steps"] > 0 and whole["seconds"] > 0 and 0 < whole["l2"] < 1
    assert not (tmp_path / "killed" / "job_0" / "checkpoint.pt").exists()
    assert load(tmp_path / "killed" / "job_0" / "agent.safetensors").steps == 3


def test_a_checkpoint_of_other_settings_is_refused(tiny: TrainConfig, tmp_path: Path) -> None:
    begun = job(tiny, tmp_path)
    trainer = begun.trainer()
    trainer.save(begun.folder)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is of other settings; delete it"):
        job(replace(tiny, batch=5), tmp_path).work()


@pytest.mark.parametrize("content", [b"", b"nothing"])
def test_a_damaged_checkpoint_is_named(content: bytes, tiny: TrainConfig, tmp_path: Path) -> None:
    begun = job(tiny, tmp_path)
    begun.folder.mkdir(parents=True)
    (begun.folder / "checkpoint.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint\.pt cannot be gone on from .*; delete it"):
        begun.work()
    Trainer(tiny, "cpu").save(begun.folder)  # of a run that was not measured
    with pytest.raises(ValueError, match=r"checkpoint\.pt cannot be gone on from .*; delete it"):
        begun.work()


def test_a_result_without_its_curve_is_damaged(tiny: TrainConfig, tmp_path: Path) -> None:
    done = job(replace(tiny, updates=2), tmp_path)
    done.work()
    found = done.result()
    assert found is not None and found["settings"]["threads"] == 1
    done.path.write_text(json.dumps(found | {"curve": found["curve"][:1]}))
    with pytest.raises(ValueError, match=r"job_0\.json is damaged .*two points"):
        done.result()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seeds": (0, 0)}, "each named once"), ({"seeds": ()}, "each named once"),
        ({"seeds": (-1,)}, "each named once"), ({"workers": 0}, "workers must be at least 1"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"paper": True, "smoke": True}, "do not go together"),
        ({"test_images": 0}, "test_images must be at least 1"),
    ],
)  # fmt: skip
def test_options_that_are_not_possible_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TrainingConfig(**options)


def test_time_ends_a_training_and_drives_its_learning_rate(tiny: TrainConfig, tmp_path: Path) -> None:
    learning = replace(tiny.agent.learning, schedule="cosine", actor_lr=1e-3, actor_lr_late=0.0)
    trainer = MeasuredTrainer(
        replace(tiny, agent=replace(tiny.agent, learning=learning), updates=10**9), "cpu"
    )
    trainer.limit, rates = 0.2, list[float]()
    trainer.fit(lambda *_: rates.append(trainer.agent.actor_optimizer.param_groups[0]["lr"]))
    assert trainer.spent >= 0.2 and trainer.progress == 1
    assert 0 <= rates[-1] < rates[0] <= 1e-3


def test_variants_share_all_but_what_they_change(tmp_path: Path) -> None:
    base = replace(PRESETS["cpu"], updates=7)
    variants = (
        Variant("few", {"max_strokes": 10}, {"size": 32}, {"actor_lr": 5e-4}, {"updates": 9}),
        Variant("all"),
    )
    few, whole = (job.config for job in trainings(variants, base, TrainingConfig(out=tmp_path, seeds=(3,))))
    assert (few.agent.max_strokes, few.size, few.agent.learning.actor_lr, few.updates) == (10, 32, 5e-4, 7)
    assert (few.eval_strokes, whole.eval_strokes) == (10, 400) and few.seed == whole.seed == 3
    changed = replace(few, size=whole.size, eval_strokes=400, agent=whole.agent)
    assert changed == whole and whole.agent.lookahead == 0
    paper = trainings(variants, base, TrainingConfig(out=tmp_path, paper=True))[0]
    preset = PRESETS["paper"]
    assert paper.config.agent.learning == preset.agent.learning and paper.config.agent.lookahead == 0
    assert (paper.config.updates, paper.config.size, paper.config.batch) == (9, 32, preset.batch)
    assert paper.path.parent == tmp_path / "paper"


def test_texture_is_energy_of_high_frequencies() -> None:
    smooth, sharp = np.full((8, 8, 3), 90, np.uint8), np.zeros((8, 8, 3), np.uint8)
    sharp[::2] = 255
    assert painting.texture([smooth]) == 0
    assert painting.texture([sharp]) == pytest.approx(4.0 * 3 / 4 + 1.0 / 4, rel=0.3)


def test_mean_colour_leaves_what_varies() -> None:
    pictures = np.zeros((2, 3, 2, 2), np.uint8)
    pictures[0] = 200  # of one colour
    pictures[1, 0, 0] = 255  # half of red
    assert painting.mean_colour_l2(pictures) == pytest.approx((0 + 0.25 / 3) / 2)


def test_blank_is_the_l2_of_black() -> None:
    pictures = np.full((2, 3, 4, 4), 255, np.uint8)
    pictures[1] = 0
    assert painting.blank_l2(pictures) == 0.5
