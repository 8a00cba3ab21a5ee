"""The command line of training: every setting, the short flags, presets; and runs that are resumed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents import PRESETS, TrainConfig
from agents.cli.main import main, parse
from agents.cli.train import Train
from agents.training.presets import preset_for

OTHER = {"schedule": "cosine", "eval_split": "val", "bf16": "True", "data_root": "elsewhere"}


def settings(config: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values of nested settings."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from settings(value, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}", value


def flags(name: str, value: Any) -> list[str]:
    """A value unlike the default, as arguments."""
    flag, leaf = "--" + name.replace("_", "-"), name.rpartition(".")[2]
    if leaf in OTHER:
        return [flag, OTHER[leaf]]
    if isinstance(value, bool):
        return [flag, str(not value)] if leaf in ("channels_last", "compile") else [flag]
    if isinstance(value, tuple):
        return [flag, "0.5", "0.75"]
    if isinstance(value, float) and value <= 1:
        return [flag, str(value / 2 + 0.25)]  # fractions stay fractions
    return [flag, f"{value}x" if isinstance(value, str) else str(value + 1)]


@pytest.mark.parametrize(("name", "value"), list(settings(TrainConfig())), ids=lambda part: str(part))
def test_every_setting_can_be_given(name: str, value: Any) -> None:
    command = parse(["train", *flags(name, value)])
    assert isinstance(command, Train)
    changed = dict(settings(command.config))
    cpu = dict(settings(preset_for("cpu", changed["agent.algo"])))
    assert changed.pop(name) != value
    cpu.pop(name)
    assert changed == cpu


SHORT = {
    "algo": "ddpg", "actor": "resnet", "reward": "wgan", "dataset": "celeba", "stroke": "circle",
    "renderer": "neural", "max-strokes": "40", "bundle": "2", "size": "32", "updates": "7", "batch": "3",
    "seed": "4", "eval-every": "5", "eval-strokes": "6", "eval-split": "val", "bf16": "False",
    "channels-last": "False", "compile": "True", "lookahead": "1", "actor-lr": "0.5", "critic-lr": "0.25",
    "gamma": "0.75", "tau": "0.125", "noise": "0.3", "discriminator-lr": "0.4", "plan": "3",
    "imitate": "5",
}  # fmt: skip


@pytest.mark.parametrize("flag", SHORT)
def test_short_flags_keep_working(flag: str) -> None:
    command = parse(["train", f"--{flag}", SHORT[flag]])
    found = {name.rpartition(".")[2]: value for name, value in settings(command.config)}
    assert str(found[flag.replace("-", "_")]) == SHORT[flag]


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
def test_a_model_free_algorithm_looks_ahead(algo: list[str]) -> None:
    learning = parse(["train", *algo]).config.agent.learning
    assert learning.gamma == 0.95
    assert not learning.augment
    assert parse(["train", *algo, "--gamma", "0.5"]).config.agent.learning.gamma == 0.5
    assert parse(["train"]).config.agent.learning.gamma == 0
    paper = parse(["train", "--preset", "paper", *algo]).config.agent
    assert paper == dataclasses.replace(PRESETS["paper"].agent, algo="patchq")


def test_settings_that_a_resumed_run_has_otherwise_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    smoke = ["train", "--preset", "smoke", "--device", "cpu", "--out", str(tmp_path)]
    main([*smoke, "--updates", "3", "--reward", "l2"])
    assert not caplog.messages
    main([*smoke, "--updates", "3", "--resume"])  # the same command again
    main(["train", "--out", str(tmp_path), "--device", "cpu", "--resume"])
    assert not caplog.messages
    main([*smoke, "--updates", "60", "--gamma", "0.5", "--resume"])
    assert sorted(caplog.messages) == [
        "a run goes on with its own settings: agent.learning.gamma stays 0.95, not 0.5",
        "a run goes on with its own settings: updates stays 3, not 60",
    ]
