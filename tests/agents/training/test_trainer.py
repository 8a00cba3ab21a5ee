"""The trainer: the same seed gives the same weights, and a resumed run goes on as if never stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import assert_equal_weights

from agents import TrainConfig, Trainer, build_agent, refine
from paint_gym.utils.weights import save_checkpoint


def step(trainer: Trainer) -> dict[str, float]:
    trainer.collect()
    return trainer.update()


@pytest.mark.parametrize(
    ("algo", "reward"),
    [("model-based", "l2"), ("model-based", "wgan"), ("ddpg", "wgan"), ("patchq", "l2"), ("imitation", "l2")],
)
def test_2n_updates_are_n_then_resume_then_n(
    algo: str, reward: str, tiny: TrainConfig, tmp_path: Path
) -> None:
    """Bit for bit, stopping in the middle of an episode."""
    config = replace(tiny, updates=6, batch=3, agent=replace(tiny.agent, algo=algo, reward=reward))
    straight = Trainer(config, "cpu").fit()
    Trainer(config, "cpu").fit(lambda trainer, metrics: trainer.updates == 3).save(tmp_path)
    resumed = Trainer.resume(tmp_path, "cpu")
    assert resumed.updates == 3 and resumed.config == straight.config
    assert_equal_weights(resumed.fit(), straight)


def test_evaluating_changes_nothing(tiny: TrainConfig) -> None:
    trainers = [Trainer(tiny, "cpu") for _ in range(2)]
    for trainer in trainers:
        for _ in range(3):
            step(trainer)
            if trainer is trainers[0]:
                metrics, picture = trainer.evaluation()
    assert metrics["eval/l2"] == trainer.evaluate()[0] and picture.shape == (64, 96, 3)
    assert_equal_weights(*trainers)


def test_settings_that_do_not_go_together_are_refused(tiny: TrainConfig) -> None:
    with pytest.raises(ValueError, match="larger than the replay"):
        Trainer(replace(tiny, batch=1000), "cpu")
    with pytest.raises(ValueError, match=r'128 x 128.*renderer="analytic"'):
        Trainer(replace(tiny, agent=replace(tiny.agent, renderer="neural")), "cpu")


def test_a_damaged_checkpoint_names_the_file(tiny: TrainConfig, tmp_path: Path) -> None:
    """Cut off, or without a part."""
    trainer = Trainer(tiny, "cpu")
    step(trainer)
    trainer.save(tmp_path)
    file = tmp_path / "checkpoint.pt"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged"):
        Trainer.resume(tmp_path, "cpu")
    for part, name in (("env", "random"), ("agent", "actor"), ("replay", "added")):
        state = trainer.state_dict()
        del state[part][name]
        save_checkpoint(file, state)
        with pytest.raises(ValueError, match=r"checkpoint\.pt"):
            Trainer.resume(tmp_path, "cpu")


def test_a_run_is_resumed_with_an_agent_of_its_kind(tiny: TrainConfig, tmp_path: Path) -> None:
    Trainer(tiny, "cpu").save(tmp_path)
    with pytest.raises(ValueError, match=r"checkpoint.*the run has max_strokes 15, the agent .* 20"):
        Trainer.resume(tmp_path, "cpu", build_agent(replace(tiny.agent, max_strokes=20), "cpu"))
    with pytest.raises(ValueError, match=r"checkpoint\.pt"):
        Trainer.resume(tmp_path, "cpu", build_agent(replace(tiny.agent, reward="wgan"), "cpu"))
    Trainer(replace(tiny, agent=replace(tiny.agent, reward="wgan")), "cpu").save(tmp_path)
    with pytest.raises(ValueError, match="the state is that of another reward than 'l2'"):
        Trainer.resume(tmp_path, "cpu", build_agent(tiny.agent, "cpu"))


def test_float64_as_default_changes_nothing(tiny: TrainConfig) -> None:
    config = replace(tiny, updates=3, agent=replace(tiny.agent, reward="wgan"))
    trainers, results = [], []
    for dtype in (torch.float32, torch.float64):
        torch.set_default_dtype(dtype)
        try:
            trainers.append(Trainer(config, "cpu").fit())
            l2, paintings = trainers[-1].evaluate()
            targets = torch.from_numpy(trainers[-1].eval_targets)
            torch.manual_seed(0)
            action = build_agent(config.agent, "cpu").act(trainers[0].state)
            results.append((l2, paintings, refine(paintings, targets, 12), action.tolist()))
        finally:
            torch.set_default_dtype(torch.float32)
    assert results[0] == results[1]
    assert_equal_weights(*trainers)
