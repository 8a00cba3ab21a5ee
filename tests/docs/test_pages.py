"""The pages and README: their code runs, their commands parse, their files are there."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agents import ACTORS, ALGORITHMS, TrainConfig, Trainer
from agents.cli.main import COMMANDS, parse
from agents.common.config import flatten
from agents.training.presets import preset_for
from paint_gym import RENDERERS, REWARDS, __version__
from paint_gym.datasets.registry import DATASETS
from paint_gym.painting import FORMATS
from paint_gym.strokes import STROKES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("your_own/*.md"))]
BY_EXTRAS = {"ray", "skrl", "tianshou", "minari"}
"""Libraries of agents that tests of the pages go without where they are not installed."""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks_of(page: Path, *languages: str) -> list[str]:
    blocks = re.findall(r"^```(\S*)[^\n]*\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [block for language, block in blocks if language in languages]


def python_of(page: Path) -> list[str]:
    return blocks_of(page, "python")


def commands_of(page: Path) -> list[list[str]]:
    """The lines of a page that begin with the project's own command, as the arguments of each."""
    blocks = [re.sub(r"\\\n\s*", " ", block) for block in blocks_of(page, "", "sh")]
    lines = [re.split(" [<>] ", line)[0] for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("paint-gym ")]


WITH_CODE = [page for page in PAGES if python_of(page) and page.parent.name != "your_own"]  # see below
WITH_COMMANDS = [page for page in PAGES if commands_of(page)]


@pytest.fixture(autouse=True)
def registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page registers goes with it."""
    for registry in (STROKES, REWARDS, RENDERERS, DATASETS, FORMATS, ACTORS, ALGORITHMS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


def run(page: Path, blocks: list[str]) -> None:
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        code = re.sub(r"\d+_\d+", "10", block)  # steps of training
        code = re.sub(r"num_envs=\d+", "num_envs=8", code)
        code = code.replace(
            "PPOConfig()", "PPOConfig().training(train_batch_size_per_learner=128, num_epochs=1)"
        )
        exec(compile(code, f"{page.name}, block {number + 1}", "exec"), names)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the other libraries
@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    blocks = python_of(page)
    if page.name == "plug_in.md":  # each needs a library of its own
        monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
        assert len(blocks) == 8
        for block in blocks:
            modules = re.findall(r"^from ([\w.]+)", block, re.MULTILINE)
            try:
                for name in (name for name in modules if name.partition(".")[0] in BY_EXTRAS):
                    import_module(name)
            except ImportError:
                continue
            run(page, [block])
        if "ray" in sys.modules:
            sys.modules["ray"].shutdown()
        return
    run(page, blocks)


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_commands_parse(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))  # --import adds the current folder
    sys.modules.pop("my_module", None)  # that of another page
    Path("my_module.py").write_text("\n".join(python_of(page)))
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save("photo.jpg")
    for arguments in commands_of(page):
        try:
            parse(arguments)
        except SystemExit as done:  # it printed what was asked for
            assert not done.code and arguments[0].startswith("--")


def test_each_command_is_on_a_page() -> None:
    shown = {arguments[0] for page in WITH_COMMANDS for arguments in commands_of(page)}
    assert {name for name in shown if not name.startswith("-")} == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_names_of_files_lead_somewhere(page: Path) -> None:
    pattern = r"`((?:paint_gym|agents|benchmarks|tests|examples)/[\w./-]*)`"
    assert [name for name in re.findall(pattern, page.read_text()) if not (ROOT / name).exists()] == []
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, heading = target.partition("#")
        if "://" in file:
            continue
        there = page.parent / file if file else page
        assert there.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)", there.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


def test_presets_are_as_the_page_says() -> None:
    page = (DOCS / "training.md").read_text().partition("| setting |")[2]
    shown = {
        name: cells.split(" | ")
        for name, cells in re.findall(r"^\| `(\w+)`[^|]*\| (.*) \|$", page, re.MULTILINE)
    }
    presets = [preset_for("smoke"), preset_for("cpu"), preset_for("cpu", "ddpg"), preset_for("paper")]
    settings = []
    for preset in presets:
        flat = flatten(asdict(preset))
        settings.append({name.rpartition(".")[2]: value for name, value in flat.items()})
    differ = {name for name in settings[0] if len({str(each.get(name, "none")) for each in settings}) > 1}
    differ.remove("algo")  # it has a column
    assert set(shown) == differ
    for name, cells in shown.items():
        values = [str(each.get(name, "none")) for each in settings]
        assert [cell.replace(",", "") for cell in cells] == values, name


def test_parts_of_ones_own_train(tiny: TrainConfig) -> None:
    for page in sorted(DOCS.glob("your_own/*.md")):
        run(page, python_of(page))
    own = {"stroke": "dot", "reward": "l1", "actor": "mean-colour", "algo": "epsilon", "renderer": "blobs"}
    config = replace(tiny, agent=replace(tiny.agent, **own), dataset="noise", updates=3)
    trainer = Trainer(config, "cpu").fit()
    assert trainer.task.stroke_dim == 7 and trainer.agent.explore(trainer.state).shape == (4, 35)


def test_the_actions_table_is_the_designs() -> None:
    """Names of all numbers of each design, in order."""
    table = (DOCS / "environment.md").read_text().partition("| number |")[2].partition("\n\n")[0]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    columns = list(zip(*rows, strict=True))
    for title, column in zip(head, columns[1:], strict=True):
        name, dim = re.fullmatch(r"`(\w+)` \((\d+)\)", title).groups()
        names = [cell.split(",")[0].strip("`") for cell in column if cell]
        assert names == [*STROKES[name].parameters, "R", "G", "B"] and len(names) == int(dim)


def test_version_and_address_are_said_alike() -> None:
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == __version__
    assert re.search(r"^## (\d\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == __version__
    (url,) = re.findall(r"^url = (.*)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    for page in [*PAGES, ROOT / "CITATION.cff", ROOT / "CONTRIBUTING.md"]:
        for owner in re.findall(r"(?:github|githubusercontent)\.com/([\w-]+/[\w-]+)", page.read_text()):
            assert url.endswith(owner), f"{page}: {owner}"
