"""Modules of a user: found in the current folder, or on Python's path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from paint_gym.utils.registry import import_module


def test_a_module_of_the_current_folder_or_of_pythons_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_own_part.py").write_text("here = True")
    for name in ("my_own_part", "my_own_part.py", "./my_own_part.py", "my_own_part"):
        import_module(name)
        assert sys.modules["my_own_part"].here
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "inner.py").write_text("from .other import there\nimport my_own_part")
    (tmp_path / "my_package" / "other.py").write_text("there = 2")
    import_module("my_package.inner")
    assert sys.modules["my_package.inner"].there == 2
    import_module("json.tool")
    with pytest.raises(ValueError, match="cannot import 'my_other_part'"):
        import_module("my_other_part")


def test_errors_of_the_module_itself_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "broken_part.py").write_text("import no_such_library")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        import_module("broken_part")
