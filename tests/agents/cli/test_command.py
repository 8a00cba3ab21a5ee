"""Modules of your own, which commands import first."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agents.cli.main import main


def test_modules_are_imported_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("command_part.py").write_text("imported = True")
    with pytest.raises(SystemExit, match=r"none\.json"):
        main(["render", "none.json", "--import", "command_part.py"])
    assert sys.modules["command_part"].imported
    with pytest.raises(SystemExit, match="cannot import 'no_such_part'"):
        main(["render", "none.json", "--import", "no_such_part"])
