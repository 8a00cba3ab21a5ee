"""Agents on disk: saved and loaded they are the same, and bad files are named with the reason."""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import agents
from agents import AgentConfig, LearningConfig, build_agent, save_agent

CONFIG = AgentConfig(
    actor_width=8, stroke="circle", opacity=(0.5, 1.0), bundle=2, learning=LearningConfig(gamma=0)
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    file = tmp_path / "agent.safetensors"
    save_agent(file, build_agent(CONFIG, "cpu"), CONFIG)
    return file


def rewrite(file: Path, config: object = None, **tensors: torch.Tensor | None) -> None:
    """The file with other settings, or other tensors."""
    config = dataclasses.asdict(CONFIG) if config is None else config
    values = {name: value for name, value in (load_file(file) | tensors).items() if value is not None}
    header = {"version": 1, "values": {"config": config}}
    save_file(values, file, metadata={"paint_gym": json.dumps(header)})


def test_round_trip(saved: Path) -> None:
    policy = agents.load(saved, "cpu")
    assert policy.renderer.design.name == "circle" and policy.renderer.opacity == (0.5, 1.0)
    assert (policy.bundle, policy.steps, policy.lookahead, policy.plan) == (2, 100, 2, 0)
    for name, value in load_file(saved).items():
        assert value.dtype == torch.float16
        assert torch.equal(policy.actor.state_dict()[name.removeprefix("actor/")], value.float())
    pictures = torch.rand(2, 3, 32, 48)
    random_state = torch.get_rng_state()
    paintings = agents.paint(policy, pictures, 6)
    assert paintings == agents.paint(agents.load(saved, "cpu"), pictures, 6)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert paintings[0].size == (32, 48) and len(paintings[0]) == 6


def test_arguments_replace_the_agents_own(saved: Path) -> None:
    policy = agents.load(saved, "cpu", lookahead=0, plan=3, seed=5, opacity=(1, 1))
    assert (policy.lookahead, policy.plan, policy.seed, policy.renderer.opacity) == (0, 3, 5, (1, 1))


def test_an_agent_without_a_model_neither_looks_ahead_nor_plans(saved: Path) -> None:
    rewrite(saved, dataclasses.asdict(CONFIG) | {"algo": "ddpg", "learning": {}})
    policy = agents.load(saved, "cpu", lookahead=0, plan=0)
    assert (policy.lookahead, policy.plan) == (0, 0) and agents.load(saved, "cpu").lookahead == 0
    for name in ("lookahead", "plan"):
        with pytest.raises(ValueError, match="uses no model: leave lookahead and plan out"):
            agents.load(saved, "cpu", **{name: 2})


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"paint-gym train.*pretrained"):
        agents.load(tmp_path / "none.safetensors")


def test_bad_files_are_named_with_the_reason(saved: Path) -> None:
    rewrite(saved, **{"actor/head.bias": torch.full((14,), torch.inf)})
    with pytest.raises(ValueError, match=r"agent\.safetensors: holds NaN or inf: head\.bias"):
        agents.load(saved)
    wrong = {"head.bias": None, "stray": torch.zeros(1), "head.weight": torch.zeros(3)}
    rewrite(saved, **{f"actor/{name}": value for name, value in wrong.items()})
    with pytest.raises(ValueError, match=r"missing head.bias, left over stray, .*head.weight is \(3,\)"):
        agents.load(saved)


HOSTILE = [
    ({"depth": 10**9}, "depth must be a whole number from 1 to 32"),
    ({"actor": "resnet", "actor_width": 1024, "depth": 32}, "does not fit"),  # 80 GB, if it were built
    ({"actor_width": 1000}, "does not fit"), ({"actor_width": None}, "actor_width|does not fit|damaged"),
    ({"bundle": True}, "bundle must be a whole number"), ({"algo": []}, "algo"),
    ({"algo": "dpg"}, r"did you mean 'ddpg'.* is known once its module is imported"),
    ({"stroke": "dots"}, r"unknown stroke 'dots'.* is known once its module is imported"),
    ({"opacity": ["x", {}]}, "opacity"), ({"max_strokes": 10**12}, "max_strokes must be"),
    ({"renderer": None}, "renderer"), ({"actor": {}}, "actor"), ({"lookahead": 2.5}, "lookahead must be a"),
    ({"learning": {"actor_lr": "x" * 1000}}, r"actor_lr must be a number from 0 to 10, not 'x{,80}\.\.\."),
    ({"learning": [1]}, "not an agent"), ({"²": 1}, "²"), ([], "not an agent"),
    (functools.reduce(lambda inner, _: {"a": inner}, range(900), {}), "nested|deep|damaged|know"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "text"), HOSTILE, ids=lambda part: str(part)[:40])
def test_settings_of_a_hostile_file_are_refused(saved: Path, change: object, text: str) -> None:
    spec = dataclasses.asdict(CONFIG)
    if isinstance(change, dict) and isinstance(change.get("learning"), dict):
        change = {"learning": spec["learning"] | change["learning"]}
    rewrite(saved, spec | change if isinstance(change, dict) else change)
    with pytest.raises(ValueError, match=text) as refused:
        agents.load(saved)
    assert str(refused.value).startswith(str(saved)) and str(refused.value).count(str(saved)) == 1


def test_painting_builds_no_critic_no_reward_and_compiles_nothing(saved: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch.nn.Module, "compile", lambda *_: pytest.fail("compiled"))
    learning = dataclasses.asdict(replace(CONFIG.learning, compile=True))
    rewrite(saved, dataclasses.asdict(CONFIG) | {"reward": "no-such-reward", "learning": learning})
    assert len(agents.paint(agents.load(saved, "cpu"), torch.rand(1, 3, 16, 16), 4)[0]) == 4


def test_agents_of_version_0_1_load_and_its_runs_say_why_not(saved: Path) -> None:
    values = {f"agent/{name}": value for name, value in load_file(saved).items()}
    config = dataclasses.asdict(CONFIG) | {
        "learning": {"gamma": 0, "noise": 0.1, "plan": 3, "imitate": False}
    }
    old = saved.parent / "run" / "agent.safetensors"
    old.parent.mkdir()
    save_file(values, old, metadata={"paint_gym": json.dumps({"version": 1, "values": {"spec": config}})})
    policy = agents.load(old.parent, "cpu")
    assert policy.plan == 3
    states = (painter.actor.state_dict().values() for painter in (policy, agents.load(saved, "cpu")))
    assert all(torch.equal(*pair) for pair in zip(*states, strict=True))
    old.rename(old.with_name("checkpoint.safetensors"))
    with pytest.raises(ValueError, match=r"is of version 0\.1: start another from it"):
        agents.Trainer.resume(old.parent, "cpu")
