"""The trainer: the same seed gives the same weights, and it goes on as if nothing had happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import assert_equal_weights

from agents import TrainConfig, Trainer, build_agent
from paint_gym.utils import files
from paint_gym.utils.weights import save_state


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
    assert_equal_weights(straight, resumed)


def test_evaluating_changes_nothing(tiny: TrainConfig) -> None:
    trainers = []
    for evaluates in (True, False):
        trainer = Trainer(tiny, "cpu")
        for _ in range(4):
            if evaluates:
                trainer.evaluate()
            trainer.update()
        trainers.append(trainer)
    assert_equal_weights(*trainers)


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


@pytest.mark.parametrize("updates", [-1, 10**10, 1.5, "7", None])
def test_a_checkpoint_of_no_number_of_updates_is_refused(updates: object, tiny: TrainConfig) -> None:
    trainer = Trainer(tiny, "cpu")
    with pytest.raises(ValueError, match="updates must be a whole number from 0"):
        trainer.load_state_dict(trainer.state_dict() | {"updates": updates})


def test_a_replay_of_other_states_than_it_says_is_refused(tiny: TrainConfig) -> None:
    trainer = Trainer(tiny, "cpu")
    trainer.fit(lambda trainer, metrics: trainer.updates >= 2)
    state = trainer.state_dict()
    state["replay"] = state["replay"] | {"added": state["replay"]["added"] + 1}
    with pytest.raises(ValueError, match="the replay should hold"):
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


PARTS = ("agent", "replay", "env", "updates", "random", "config", "spec", "replay/added", "env/random")
DAMAGES = [
    (part, value)
    for part in PARTS
    for value in (None, [], 3, "gone")
    if not (part in ("updates", "replay/added") and value == 3)  # these are numbers
]


@pytest.mark.parametrize(("part", "value"), DAMAGES)
def test_a_damaged_checkpoint_names_the_file(
    part: str, value: object, tiny: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(tiny, "cpu")
    trainer.update()
    state = trainer.state_dict()
    *folder, name = part.split("/")
    place = state[folder[0]] if folder else state
    if value == "gone":
        del place[name]
    else:
        place[name] = value
    save_state(tmp_path / "checkpoint.safetensors", state)
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors"):
        Trainer.resume(tmp_path, "cpu")


@pytest.mark.parametrize(
    "wrong", [{"updates": -1}, {"num_envs": 0}, {"batch": 0}, {"eval_every": 0}, {"seed": -1}, {"size": 2.5}]
)
def test_settings_that_are_none_are_refused(wrong: dict, tiny: TrainConfig) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be a whole number from"):
        replace(tiny, **wrong)


def test_no_updates_are_no_error(tiny: TrainConfig) -> None:
    assert Trainer(replace(tiny, updates=0), "cpu").fit().updates == 0


def test_a_run_is_resumed_with_an_agent_of_its_kind(tiny: TrainConfig, tmp_path: Path) -> None:
    Trainer(tiny, "cpu").save(tmp_path)
    other = build_agent(replace(tiny.agent, max_strokes=20), "cpu")
    with pytest.raises(ValueError, match=r"checkpoint.*the run has max_strokes 15, the agent .* 20"):
        Trainer.resume(tmp_path, "cpu", other)
    learning = build_agent(replace(tiny.agent, reward="wgan"), "cpu")
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors"):
        Trainer.resume(tmp_path, "cpu", learning)
    Trainer(replace(tiny, agent=replace(tiny.agent, reward="wgan")), "cpu").save(tmp_path)
    with pytest.raises(ValueError, match="the state is that of another reward than 'l2'"):
        Trainer.resume(tmp_path, "cpu", build_agent(tiny.agent, "cpu"))
