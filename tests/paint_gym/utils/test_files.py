"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from paint_gym.utils.files import cache_folder, replace_when_done


def test_it_is_there_when_the_block_is_done(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a.txt"
    with replace_when_done(file) as temporary:
        temporary.write_text("whole")
        assert not file.exists() and temporary.suffix == ".txt"
    assert file.read_text() == "whole" and list(file.parent.iterdir()) == [file]


def test_a_failure_leaves_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(RuntimeError), replace_when_done(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OSError, match=r"cannot write .*a\.txt"),
        replace_when_done(tmp_path / "file" / "a.txt"),
    ):
        pass


def test_the_cache_folder_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINT_GYM_CACHE", str(tmp_path))
    assert cache_folder("part") == tmp_path / "part"
