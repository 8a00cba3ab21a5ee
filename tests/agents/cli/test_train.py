"""The command line of training: every setting, the short flags, presets; and runs that are resumed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents import ALGORITHMS, PRESETS, PatchQDDPG, Trainer, load
from agents.cli.main import main, parse
from agents.training.presets import preset_for
from paint_gym.utils.files import lock_folder


def settings(config: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values of nested settings."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from settings(value, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}", value


def flags(name: str, value: Any) -> list[str]:
    """Another value of a setting, as arguments."""
    others = {"eval_split": "val", "bf16": "True", "data_root": "data", "schedule": "cosine"}
    path, _, leaf = name.replace("_", "-").rpartition(".")
    flag = f"--{path}.{leaf}" if path else f"--{leaf}"
    if value == "cosine":
        return [flag, "halves"]
    if (leaf := name.rpartition(".")[2]) in others:
        return [flag, others[leaf]]
    if isinstance(value, bool) and leaf not in ("channels_last", "compile"):
        return [flag.replace("learning.", "learning.no-") if value else flag]
    if isinstance(value, bool):
        return [flag, str(not value)]
    if isinstance(value, tuple):
        return [flag, "0.5", "0.75"]
    if isinstance(value, float) and value <= 1:
        return [flag, str(value / 2 + 0.25)]  # fractions stay fractions
    return [flag, f"{value}x" if isinstance(value, str) else str(value + 1)]


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_every_setting_has_a_flag(algo: str) -> None:
    """Flags are those of the algorithm's own settings; each changes just its setting."""
    default = preset_for("cpu", algo)
    for name, value in settings(default):
        if name == "agent.algo":
            continue
        command = parse(["train", "--algo", algo, *flags(name, value)])
        changed = dict(settings(command.config))
        assert changed.pop(name) != value, name
        assert changed.items() < dict(settings(default)).items(), name
    assert parse(["train", "--algo", algo]).config == default


SHORT = {
    "actor": "resnet", "reward": "wgan", "dataset": "celeba", "stroke": "circle", "renderer": "neural",
    "max-strokes": "40", "bundle": "2", "size": "32", "updates": "7", "batch": "3", "seed": "4",
    "eval-every": "5", "eval-strokes": "6", "eval-split": "val", "bf16": "False", "channels-last": "False",
    "compile": "True", "lookahead": "1", "actor-lr": "0.5", "critic-lr": "0.25", "gamma": "0.75",
    "tau": "0.125", "discriminator-lr": "0.4", "plan": "3",
}  # fmt: skip


def test_short_flags() -> None:
    assert {"noise": 0.3}.items() <= short("--algo", "ddpg", "--noise", "0.3").items()
    assert {"noise": 0.3}.items() <= short("--algo", "patchq", "--noise", "0.3").items()
    assert {"imitate": 5}.items() <= short("--algo", "imitation", "--imitate", "5").items()
    arguments = [text for flag, value in SHORT.items() for text in (f"--{flag}", value)]
    values = short(*arguments)
    assert {flag: str(values[flag.replace("-", "_")]) for flag in SHORT} == SHORT


def short(*arguments: str) -> dict[str, Any]:
    """Settings by the last part of their names."""
    return {name.rpartition(".")[2]: value for name, value in settings(parse(["train", *arguments]).config)}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_changed_only_where_asked(preset: str) -> None:
    for chosen in (["--preset", preset], [f"--preset={preset}"]):
        command = parse(["train", *chosen, "--size", "48", "--agent.learning.gamma", "0.5"])
        learning = dataclasses.replace(PRESETS[preset].agent.learning, gamma=0.5)
        agent = dataclasses.replace(PRESETS[preset].agent, learning=learning)
        assert command.config == dataclasses.replace(PRESETS[preset], size=48, agent=agent)


def test_an_unknown_preset(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["train", "--preset", "papre"])
    assert "preset" in capsys.readouterr().err


@pytest.mark.parametrize("algo", [["--algo", "patchq"], ["--algo=patchq"], ["--agent.algo", "patchq"]])
def test_a_model_free_algorithm_keeps_the_papers_discount(algo: list[str]) -> None:
    learning = parse(["train", *algo]).config.agent.learning
    assert learning.gamma == 0.95
    assert not hasattr(learning, "augment")
    assert parse(["train", *algo, "--gamma", "0.5"]).config.agent.learning.gamma == 0.5
    assert parse(["train"]).config.agent.learning.gamma == 0
    paper = parse(["train", "--preset", "paper", *algo]).config.agent
    assert paper == dataclasses.replace(PRESETS["paper"].agent, algo="patchq", learning=PatchQDDPG.Config())


def test_a_resumed_run_names_the_settings_that_it_ignores(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    smoke = ["train", "--preset", "smoke", "--device", "cpu", "--out", str(tmp_path)]
    main([*smoke, "--updates", "3", "--reward", "l2", "--stroke", "circle", "--bf16", "False"])
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["updates"], config["agent"]["stroke"], config["agent"]["learning"]["bf16"]) == (
        3,
        "circle",
        False,
    )
    assert not caplog.messages
    main([*smoke, "--updates", "3", "--resume"])  # the same command again
    main(["train", "--out", str(tmp_path), "--device", "cpu", "--resume"])
    assert not caplog.messages
    main([*smoke, "--updates", "60", "--gamma", "0.5", "--resume"])
    assert sorted(caplog.messages) == [
        "a run goes on with its own settings: agent.learning.gamma stays 0.95, not 0.5",
        "a run goes on with its own settings: updates stays 3, not 60",
    ]


def test_a_run_can_begin_with_another_agent(tmp_path: Path) -> None:
    for name, updates, init in (("a", "3", []), ("b", "1", ["--init", str(tmp_path / "a")])):
        smoke = ["train", "--preset", "smoke", "--batch", "2", "--eval-images", "1"]
        main([*smoke, "--out", str(tmp_path / name), "--updates", updates, "--seed", updates, *init])
    first, second = (load(tmp_path / name, "cpu").actor.state_dict() for name in "ab")
    for name, value in first.items():  # one step of Adam at 1e-3 between them
        assert (value - second[name]).abs().max() < 2e-3


def test_folders_that_are_refused(tmp_path: Path) -> None:
    smoke = ["train", "--preset", "smoke", "--device", "cpu", "--out", str(tmp_path)]
    with pytest.raises(SystemExit, match="no run to resume"):
        main([*smoke, "--resume"])
    with lock_folder(tmp_path), pytest.raises(SystemExit, match="another process is at work in"):
        main(smoke)
    assert not (tmp_path / "config.json").exists()
    Trainer(PRESETS["smoke"], "cpu").save(tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(SystemExit, match="add --resume to go on"):
        main(smoke)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
