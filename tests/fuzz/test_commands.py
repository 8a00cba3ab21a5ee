"""Command lines: any text as the value of an option is refused in words, or works."""

import re
from pathlib import Path

import numpy as np
import pytest
from fuzz.harness import Fuzz
from PIL import Image

from agents import save_agent
from agents.cli.main import COMMANDS, main, parse
from agents.common.config import AgentConfig
from agents.factory import build_agent

VALUES = (
    "0", "-1", "1", "2", "3.5", "nan", "inf", "-inf", "1e400", "2147483648", "99999999999999999999", "", " ",
    "x", "²", "None", "True", "[]", "--", "-", "a.png", "/dev/null", "/dev/full", "/", ".", "missing",
    "a\x1b[2Jb", "bezier", "circle", "cpu", "cuda:99", "meta", "(0,1)", "{name}", "../..", "*", "~nobody",
    "pretrained", "faces",
)  # fmt: skip
PAINT = [
    "paint", "a.png", "--agent", "tiny.safetensors", "--strokes", "5", "--refine", "1", "--canvas", "16",
    "--size", "20",
]  # fmt: skip


def options_of(command: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """All options that the help of a command shows."""
    with pytest.raises(SystemExit):
        parse([command, "--help"])
    names = set(re.findall(r"--[a-z0-9][a-z0-9.\-]+", capsys.readouterr().out))
    return sorted(names - {"--help", "--import"})


def random_options(names: list[str], random: np.random.Generator) -> list[str]:
    """Options with values that fit, or not."""
    arguments: list[str] = []
    for _ in range(random.integers(1, 4)):
        arguments.append(names[random.integers(len(names))])
        for _ in range(int(random.choice([0, 1, 1, 1, 1, 1, 2]))):
            arguments.append(VALUES[random.integers(len(VALUES))])
    return arguments


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (20, 14), (10, 200, 90)).save("a.png")
    config = AgentConfig(actor_width=8)
    save_agent(tmp_path / "tiny.safetensors", build_agent(config, "cpu"), config)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_parsing(command: str, fuzz: Fuzz, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = options_of(command, capsys)
    assert names

    def attempt(random: np.random.Generator) -> None:
        try:
            parse([command, *(["a.png"] if random.random() < 0.5 else []), *random_options(names, random)])
        finally:
            output = capsys.readouterr()
            assert "Traceback" not in output.out + output.err

    fuzz(attempt, "")


@pytest.mark.parametrize("command", ["paint", "render"])
def test_running(command: str, fuzz: Fuzz, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Small paintings: what ends, ends with 0, or with a line that says why."""
    names = options_of(command, capsys)
    main([*PAINT, "-o", "b.json"])
    render = ["render", "b.json", "-o", "out/b.svg", "--size", "20"]
    first = [*PAINT, "-o", "out/b.png"] if command == "paint" else render
    content = Path("a.png").read_bytes()

    def attempt(random: np.random.Generator) -> None:
        arguments = random_options(names, random)
        try:
            main([*first, *arguments])
        except SystemExit as stopped:
            if isinstance(stopped.code, str):
                assert stopped.code.startswith("paint-gym: ") and len(stopped.code.splitlines()) == 1
            else:
                assert stopped.code in (0, 2), arguments
        assert command == "render" or Path("a.png").read_bytes() == content, arguments

    fuzz(attempt, "")
