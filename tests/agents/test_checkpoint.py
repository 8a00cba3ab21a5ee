"""Agents on disk: what is saved is what is loaded, and bad files are named with what is wrong."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import agents
from agents import AgentConfig, AlgorithmConfig, build_agent, save_agent
from agents.painting.evaluation import l2_by_raster
from paint_gym import load_dataset
from paint_gym.utils.weights import save_state

DESIGNS = ("circle", "straight", "triangle")
CONFIG = AgentConfig(
    actor_width=8, stroke="circle", opacity=(0.5, 1.0), bundle=2, learning=AlgorithmConfig(gamma=0)
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    file = tmp_path / "agent.safetensors"
    save_agent(file, build_agent(CONFIG, "cpu"), CONFIG)
    return file


def rewrite(file: Path, header: dict | None = None, **tensors: torch.Tensor | None) -> None:
    values = {name: value for name, value in (load_file(file) | tensors).items() if value is not None}
    metadata = None if header is None else {"paint_gym": json.dumps(header)}
    save_file(values, file, metadata=metadata)


def test_round_trip(saved: Path) -> None:
    agent = agents.load(saved, "cpu")
    assert (
        agent.renderer.design.name == "circle" and agent.renderer.opacity == (0.5, 1.0) and agent.bundle == 2
    )
    for name, value in load_file(saved).items():
        assert value.dtype == torch.float16
        assert torch.equal(agent.actor.state_dict()[name.removeprefix("agent/actor/")], value.float())
    pictures = torch.rand(2, 3, 32, 48)
    for one, other in zip(
        agents.paint(agent, pictures, 6), agents.paint(agents.load(saved, "cpu"), pictures, 6), strict=True
    ):
        assert one == other and one.size == (32, 48) and len(one) == 6


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"paint-gym train.*pretrained"):
        agents.load(tmp_path / "none.safetensors")


def test_truncated(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"agent.safetensors is damaged"):
        agents.load(saved)


def test_not_an_agent(saved: Path) -> None:
    rewrite(saved)
    with pytest.raises(ValueError, match="none that Paint Gym wrote"):
        agents.load(saved)
    rewrite(saved, {"version": 1, "values": {}})
    with pytest.raises(ValueError, match="not an agent"):
        agents.load(saved)


def test_newer_version(saved: Path) -> None:
    rewrite(saved, {"version": 99, "values": {"spec": {}}})
    with pytest.raises(ValueError, match=r"version 99.*upgrade"):
        agents.load(saved)


def test_unknown_setting(saved: Path) -> None:
    rewrite(saved, {"version": 1, "values": {"spec": {"brush": 3}}})
    with pytest.raises(ValueError, match="brush"):
        agents.load(saved)


def test_missing_extra_and_wrong_tensors_are_named(saved: Path) -> None:
    spec = {"actor_width": 8, "stroke": "circle", "bundle": 2}
    rewrite(
        saved,
        {"version": 1, "values": {"spec": spec}},
        **{
            "agent/actor/head.bias": None,
            "agent/actor/stray": torch.zeros(1),
            "agent/actor/head.weight": torch.zeros(3),
        },
    )
    with pytest.raises(ValueError, match=r"missing head.bias, left over stray, .*head.weight is \(3,\)"):
        agents.load(saved)


HOSTILE = [
    ({"depth": 10**9}, "depth must be a whole number from 1 to 32"),
    ({"actor": "resnet", "actor_width": 1024, "depth": 32}, "does not fit"),  # 80 GB, if it were built
    ({"actor_width": 1000}, "does not fit"),
    ({"bundle": -5}, "bundle must be a whole number"),
    ({"bundle": True}, "bundle must be a whole number"),
    ({"algo": []}, "algo must be text"),
    ({"stroke": True}, "stroke must be text"),
    ({"opacity": [0]}, r"opacity must be \(a number from 0 to 1"),
    ({"opacity": 3}, "opacity"),
    ({"max_strokes": 10**12}, "max_strokes must be"),
    ({"learning": {"gamma": None}}, "gamma must be a number from 0 to 1, not None"),
    ({"learning": {"lookahead": 2.5}}, "lookahead must be a whole number"),
    ({"learning": {"lookahead": 10**9}}, "lookahead must be a whole number from 0 to 256"),
    ({"learning": {"actor_lr": "x" * 1000}}, r"actor_lr must be a number from 0 to 10, not 'x{,80}\.\.\."),
    ({"learning": {"schedule": "linear"}}, "schedule must be 'halves' or 'cosine'"),
    ({"learning": [1]}, "not an agent"),
    ({"²": 1}, "²"),
]


@pytest.mark.parametrize(("change", "text"), HOSTILE, ids=lambda part: str(part)[:40])
def test_settings_of_a_hostile_file_are_refused(saved: Path, change: dict, text: str) -> None:
    spec = dataclasses.asdict(CONFIG)
    learning = change.get("learning")
    changed = {"learning": spec["learning"] | learning} if isinstance(learning, dict) else change
    rewrite(saved, {"version": 1, "values": {"spec": spec | changed}})
    with pytest.raises(ValueError, match=text) as refused:
        agents.load(saved)
    assert str(refused.value).startswith(str(saved))


def test_painting_builds_no_critic_no_reward_and_compiles_nothing(saved: Path) -> None:
    learning = dataclasses.asdict(replace(CONFIG.learning, compile=True))
    spec = dataclasses.asdict(CONFIG) | {"critic_width": 1024, "reward": "wgan", "learning": learning}
    rewrite(saved, {"version": 1, "values": {"spec": spec}})
    agent = agents.load(saved, "cpu")
    assert not list(agent.critic.parameters()) and not agent.config.compile
    assert len(agents.paint(agent, torch.rand(1, 3, 16, 16), 4)[0]) == 4


def test_a_header_nested_too_deep_is_refused(saved: Path) -> None:
    nested: dict = {}
    for _ in range(900):
        nested = {"a": nested}
    rewrite(saved, {"version": 1, "values": {"spec": nested}})
    with pytest.raises(ValueError, match=r"agent\.safetensors"):
        agents.load(saved)


def test_weights_that_are_not_finite_are_refused(saved: Path) -> None:
    with safe_open(saved, "pt") as opened:
        header = json.loads(opened.metadata()["paint_gym"])
    rewrite(saved, header, **{"agent/actor/head.bias": torch.full((14,), torch.inf)})
    with pytest.raises(ValueError, match=r"agent\.safetensors: holds NaN or inf: head\.bias"):
        agents.load(saved)


@pytest.mark.parametrize("name", ["lookahead", "plan"])
def test_a_negative_number_is_refused(name: str, saved: Path) -> None:
    for make in (lambda: AlgorithmConfig(**{name: -1}), lambda: agents.load(saved, "cpu", **{name: -1})):
        with pytest.raises(ValueError, match=rf"^{name} must be a whole number from 0 to [0-9,]+, not -1"):
            make()


@pytest.mark.parametrize("algo", ["model-based", "ddpg"])
def test_an_agent_begins_with_what_another_has_learnt(saved: Path, algo: str) -> None:
    """All but the last layer, which is that of other strokes."""
    other = agents.load(saved, "cpu")
    agent = build_agent(replace(CONFIG, algo=algo, stroke="bezier"), "cpu")
    assert agent.warm_start(other.actor) == ["head.bias", "head.weight"]
    actors = [agent.actor, *([agent.target_actor] if algo == "ddpg" else [])]
    for actor in actors:
        assert all(torch.equal(actor.net[i].weight, other.actor.net[i].weight) for i in (1, 4))


def test_an_agent_cannot_begin_with_another_kind(saved: Path) -> None:
    agent = build_agent(replace(CONFIG, actor="resnet", bundle=5), "cpu")
    with pytest.raises(ValueError, match="no tensor in common"):
        agent.warm_start(agents.load(saved, "cpu").actor)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pretrained", *(f"pretrained-{stroke}" for stroke in DESIGNS)])
def test_the_agents_that_come_with_the_package(name: str) -> None:
    """They paint crops of photos that they have not been trained on, to a small part of a blank canvas's l2;
    they do better where they may try their strokes out first."""
    pictures = load_dataset("photos", split="test", size=128)[np.arange(4)]
    agent = agents.load(name, "cpu")
    assert agent.renderer.design.name == (name.partition("-")[2] or "bezier")
    with_lookahead = l2_by_raster(agents.paint(agent, torch.from_numpy(pictures), 200), pictures).mean()
    agent.config = replace(agent.config, lookahead=0)
    without = l2_by_raster(agents.paint(agent, torch.from_numpy(pictures), 200), pictures).mean()
    assert with_lookahead < 0.9 * without < 0.05 * np.square(pictures / 255).mean()


@pytest.mark.slow
def test_of_a_run_only_the_actor_is_read(tmp_path: Path) -> None:
    """A checkpoint of 400 MB, for a small actor: the memory of the process hardly grows."""
    config = replace(CONFIG, bundle=5)
    agent = build_agent(config, "cpu")
    state = {"spec": dataclasses.asdict(config), "agent": {"actor": agent.actor.state_dict()}}
    state["replay"] = {"canvas": torch.zeros(400, 1 << 20, dtype=torch.uint8)}
    save_state(tmp_path / "checkpoint.safetensors", state)
    code = f"""
import agents
from benchmarks.harness.measure import peak_memory
agents.load("pretrained", "cpu")
before = peak_memory()
agents.load({str(tmp_path)!r}, "cpu")
print((peak_memory() - before) * 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 60  # MiB


def test_a_file_of_before_is_read(saved: Path) -> None:
    """Settings that have another name since: those of the agents that ship, too."""
    with safe_open(saved, "pt") as opened:
        header = json.loads(opened.metadata()["paint_gym"])
    learning = header["values"]["spec"]["learning"]
    learning["relative"] = not learning.pop("normalize_by_error")
    rewrite(saved, header)
    assert agents.load(saved, "cpu").config.normalize_by_error is True


BAD = [{"spec": spec} for spec in (
    {"actor_width": None}, {"bundle": "x"}, {"bundle": 0}, {"renderer": None}, {"opacity": 3},
    {"learning": []},
    {"reward": 3}, {"algo": []}, {"learning": {"lookahead": 2.5}}, [],
)] + [{"agent": agent} for agent in (None, [], {"actor": None}, {"actor": 3})]  # fmt: skip


@pytest.mark.parametrize("change", BAD, ids=str)
def test_whatever_is_wrong_inside_is_an_error_that_names_the_file(change: dict, saved: Path) -> None:
    with safe_open(saved, "pt") as opened:
        header = json.loads(opened.metadata()["paint_gym"])
    spec = change.get("spec")
    header["values"] |= {"spec": header["values"]["spec"] | spec} if isinstance(spec, dict) else change
    if "agent" in change:
        save_file({"x": torch.zeros(1)}, saved, metadata={"paint_gym": json.dumps(header)})
    else:
        rewrite(saved, header)
    with pytest.raises(ValueError, match=r"agent\.safetensors") as error:
        agents.load(saved, "cpu")
    assert str(error.value).count("agent.safetensors") == 1
