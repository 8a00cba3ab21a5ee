"""Parts by name."""

from __future__ import annotations

import pytest

from paint_gym.utils.registry import Registry


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
    with pytest.raises(ValueError, match=r"unknown shape .*: (did you mean .* Known: |known are )disc"):
        Registry("shape", {"disc": 1})[name]
