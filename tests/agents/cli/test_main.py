"""The command line: errors in one line, options of one command, and other packages that get in the way."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agents.cli.main import COMMANDS, main
from paint_gym import Painting


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("paint no-such.jpg", "no-such.jpg"), ("paint", "no picture to paint"),
        ("render no-such.json", "no-such.json"), ("paint a.jpg --agent nowhere", "no agent at nowhere"),
        ("paint a.jpg --device meta", "device 'meta' cannot be used here"),
    ],
)  # fmt: skip
def test_errors_are_one_line(arguments: str, text: str) -> None:
    with pytest.raises(SystemExit, match=f"^paint-gym: .*{re.escape(text)}") as stopped:
        main(arguments.split())
    assert "\n" not in str(stopped.value)


@pytest.mark.parametrize(
    "arguments",
    [
        "paint a.jpg --until nan",
        "evaluate --images 0",
        "train --actor-lr inf",
        "train-renderer --batch -1",
        "render a.json --size -5",
        "paint a.jpg --size 0",
    ],
)
def test_numbers_out_of_range_are_named(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments.split())
    message = re.sub(r"[\s│]", "", f"{stopped.value.code} {capsys.readouterr().err}")  # however it is broken
    option, value = arguments.split()[-2:]
    name = option.removeprefix("--").replace("-", "_")
    assert re.search(rf"{name}mustbe\(?a(whole)?numberfrom[0-9]+to[0-9,.]+\)?,not\(?{value}", message)
    assert "Traceback" not in message


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert re.fullmatch(r"paint-gym \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_an_agent_of_another_library(tmp_path: Path) -> None:
    (tmp_path / "ppo.zip").write_bytes(b"PK" + bytes(100))
    with pytest.raises(SystemExit, match=r"ppo\.zip is .*not a safetensors file.*other libraries"):
        main(["evaluate", str(tmp_path / "ppo.zip")])


def test_a_typo_shows_the_options_of_this_command_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--preset", "cpu", "--updatess", "3"])
    errors = capsys.readouterr().err
    assert stopped.value.code == 2 and "--updates INT" in errors and "paint-gym train --help" in errors
    assert "demo" not in errors and "train-renderer" not in errors


def test_help_on_a_console_that_is_not_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, "latin-1"))
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    sys.stdout.flush()
    assert stopped.value.code == 0 and b"usage: paint-gym" in output.getvalue()


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9")]
)
def test_out_of_memory_is_one_line(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: object) -> None:
        raise error

    monkeypatch.setitem(COMMANDS, "render", (COMMANDS["render"][0], fail))
    with pytest.raises(SystemExit, match=r"^paint-gym: out of memory: ") as stopped:
        main(["render", "a.json"])
    assert "\n" not in str(stopped.value)


@pytest.mark.slow
def test_import_is_light() -> None:
    heavy = ["stable_baselines3", "matplotlib", "av", "tensorboard", "agents"]
    code = f"import sys, paint_gym; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_another_package_named_agents(photo: str, tmp_path: Path) -> None:
    """openai-agents writes its own ``agents/__init__.py`` over ours; the command does not need it."""
    package = Path(sys.modules["agents.cli"].__file__ or "").parents[1]
    shutil.copytree(package, tmp_path / "agents", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "agents/__init__.py").write_text("class Runner: ...\n")
    arguments = ["paint", photo, "-o", "a.json", "--strokes", "5", "--canvas", "32", "--refine", "1"]
    code = f"import agents; agents.Runner; from agents.cli.main import main; main({arguments})"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=300)
    assert len(Painting.load(tmp_path / "a.json")) == 5
