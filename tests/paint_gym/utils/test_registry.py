"""Parts by name, and modules of a user."""

import sys
from pathlib import Path

import pytest

from paint_gym.utils.registry import Registry, import_module


def test_names_are_taken_once_and_sorted() -> None:
    registry = Registry("shape", {"disc": 1})
    registry.register("cube", 2)
    assert list(registry) == ["cube", "disc"] and len(registry) == 2 and registry["cube"] == 2
    with pytest.raises(ValueError, match="shape 'disc' is already registered; replace=True"):
        registry.register("disc", 3)
    registry.register("disc", 3, replace=True)
    assert registry["disc"] == 3 and "disc" in registry and "square" not in registry


@pytest.mark.parametrize("name", ["disk", 3, None, ["disc"]])
def test_unknown_names(name: object) -> None:
    reason = r"unknown shape .*: (did you mean .* Known: |known are )disc; .*\(--import\)"
    with pytest.raises(ValueError, match=reason):
        Registry("shape", {"disc": 1})[name]
    assert name not in Registry("shape", {"disc": 1})


def test_modules_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_own_part.py").write_text("here = True")
    for name in ("my_own_part", "my_own_part.py", "./my_own_part.py", "json.tool"):
        import_module(name)
    assert sys.modules["my_own_part"].here
    with pytest.raises(ValueError, match="cannot import 'my_other_part'"):
        import_module("my_other_part")
    (tmp_path / "broken_part.py").write_text("import no_such_library")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):  # the module's own error
        import_module("broken_part")
