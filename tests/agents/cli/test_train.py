"""The command line of training: every setting is a flag, presets; and runs that are resumed."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agents import ALGORITHMS, DDPG, PRESETS, Algorithm, PatchQDDPG, Trainer, load
from agents.cli.main import main, parse
from agents.common.config import flatten
from agents.training.presets import preset_for
from paint_gym.utils.files import lock_folder

SMOKE = ["train", "--preset", "smoke", "--device", "cpu", "--eval-images", "1"]


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_every_setting_has_a_flag(algo: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Flags of the algorithm's own settings, and of no other's."""
    with pytest.raises(SystemExit):
        parse(["train", "--algo", algo, "--help"])
    flags = {flag.rpartition(".")[2] for flag in re.findall(r"--([a-z0-9.-]+)", capsys.readouterr().out)}
    default = preset_for("cpu", algo)
    names = [name.rpartition(".")[2].replace("_", "-") for name in flatten(dataclasses.asdict(default))]
    assert {*names} <= flags and ("noise" in flags) == ("noise" in names)
    assert parse(["train", "--algo", algo]).config == default


@pytest.mark.parametrize(
    "arguments",
    [
        "--algo ddpg --bundle 4 --opacity 0.5 1 --noise 0.3",
        "--agent.algo ddpg --agent.bundle 4 --agent.opacity 0.5 1 --agent.learning.noise 0.3",
    ],
)
def test_flags_change_their_settings(arguments: str) -> None:
    """By their short names, and by their paths."""
    agent = parse(["train", *arguments.split()]).config.agent
    assert (agent.bundle, agent.opacity, agent.learning) == (4, (0.5, 1), DDPG.Config(noise=0.3))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_changed_only_where_asked(preset: str) -> None:
    command = parse(["train", f"--preset={preset}", "--size", "48", "--gamma", "0.5"])
    learning = dataclasses.replace(PRESETS[preset].agent.learning, gamma=0.5)
    agent = dataclasses.replace(PRESETS[preset].agent, learning=learning)
    assert command.config == dataclasses.replace(PRESETS[preset], size=48, agent=agent)


def test_a_model_free_algorithm_keeps_the_papers_discount() -> None:
    assert parse(["train", "--algo", "patchq"]).config.agent.learning == PatchQDDPG.Config(gamma=0.95)
    assert parse(["train"]).config.agent.learning.gamma == 0
    paper = parse(["train", "--preset", "paper", "--algo=patchq"]).config.agent
    assert paper == dataclasses.replace(PRESETS["paper"].agent, algo="patchq", learning=PatchQDDPG.Config())


def test_settings_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twice(DDPG):
        @dataclasses.dataclass(frozen=True)
        class Config(DDPG.Config):
            seed: int = 3

    monkeypatch.setitem(ALGORITHMS._entries, "twice", Algorithm(Twice))
    with pytest.raises(ValueError, match="--algo twice has a setting of the name of another: seed"):
        parse(["train", "--algo", "twice"])


def test_a_resumed_run_names_the_settings_that_it_ignores(tmp_path: Path, caplog) -> None:
    """Whatever is given and differs, also where it equals a default; nothing that is not given."""
    run, stays = ["--out", str(tmp_path)], "a run goes on with its own settings: "
    main([*SMOKE, *run, "--updates", "2", "--stroke", "circle", "--bf16", "False"])
    assert json.loads((tmp_path / "config.json").read_text())["agent"]["stroke"] == "circle"
    main([*SMOKE, *run, "--updates", "2", "--resume"])  # the same command again
    main(["train", *run, "--resume"])
    assert not caplog.messages
    default = ["--preset", "cpu", "--updates", "6000", "--stroke", "bezier", "--init", "pretrained"]
    main(["train", *run, *default, "--gamma", "0.95", "--resume"])
    expected = {"preset stays smoke, not cpu", "updates stays 2, not 6000", "init stays None, not pretrained"}
    assert {text.removeprefix(stays) for text in caplog.messages} == {
        "agent.stroke stays circle, not bezier", *expected,
    }  # fmt: skip


def test_a_run_remembers_its_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("greys.py").write_text(
        "import numpy as np, paint_gym\n"
        "grey = lambda split, size, root: np.full((4, 3, size, size), 90, np.uint8)\n"
        "paint_gym.register_dataset('greys', grey, replace=True)\n"
    )
    main([*SMOKE, "--out", "run", "--updates", "1", "--import", "greys", "--dataset", "greys"])
    assert parse(["train", "--resume", "--out", "run", "--import", "json"]).imports == ("greys", "json")


def test_pictures_of_a_run_may_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also to a folder with the name of a data set; other pictures are refused."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (2, 6, 20, 20, 3), dtype=np.uint8)
    for folder, images in zip(("before", "other"), noise, strict=True):
        Path(folder).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(f"{folder}/{i}.png")
    main([*SMOKE, "--out", "run", "--updates", "1", "--size", "16", "--dataset", "before"])
    Path("before").rename("photos")
    with pytest.raises(SystemExit, match=r"before.* have moved, .* by --dataset or --data-root"):
        main(["train", "--resume", "--out", "run"])
    main(["train", "--resume", "--out", "run", "--dataset", "photos"])
    for wrong in ("other", "mnist/../other"):
        with pytest.raises(SystemExit, match=f"data set {wrong} has other pictures than the run"):
            main(["train", "--resume", "--out", "run", "--dataset", wrong])


def test_a_run_can_begin_with_another_agent(tmp_path: Path) -> None:
    for name, updates, init in (("a", "3", []), ("b", "1", ["--init", str(tmp_path / "a")])):
        main([*SMOKE, "--batch", "2", "--out", str(tmp_path / name), "--updates", updates, *init])
    first, second = (load(tmp_path / name, "cpu").actor.state_dict() for name in "ab")
    for name, value in first.items():  # one step of Adam at 1e-3 between them
        assert (value - second[name]).abs().max() < 2e-3


def test_folders_that_are_refused(tmp_path: Path) -> None:
    command = [*SMOKE, "--out", str(tmp_path)]
    with pytest.raises(SystemExit, match="no run to resume"):
        main([*command, "--resume"])
    with lock_folder(tmp_path), pytest.raises(SystemExit, match="another process is at work in"):
        main(command)
    (tmp_path / "config.json").write_text("{}")  # of a training before its first checkpoint
    with pytest.raises(SystemExit, match=r"no checkpoint\.pt; wait if a training is at work there"):
        main([*command, "--resume"])
    Trainer(PRESETS["smoke"], "cpu").save(tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(SystemExit, match="add --resume to go on"):
        main(command)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
