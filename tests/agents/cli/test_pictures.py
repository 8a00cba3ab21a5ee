"""Pictures of a command: files, folders, patterns, lists and standard input."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from agents.cli.pictures import find_pictures, stem_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a/one.png", "b/two.png", "b/deep/three.png", "b/note.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def names(*paths: str) -> list[str]:
    return [str(photo) for photo in find_pictures([Path(path) for path in paths])]


def test_files_folders_and_patterns() -> None:
    assert names("missing.png", "a") == ["missing.png", "a/one.png"]
    assert names("b/*.png") == ["b/two.png"]
    assert names("*/*.png", "b/two.png", "./b/two.png") == ["a/one.png", "b/two.png"]  # each once
    assert [stem_of(photo) for photo in find_pictures([Path("a")])] == ["one"]
    for empty in ("c*.png", "*.jpg"):
        with pytest.raises(ValueError, match="no pictures in"):
            names(empty)
    with pytest.raises(ValueError, match="no picture to paint; name at least one file"):
        names()


def test_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match=r"https://host/a\.png is an address of the web"):
        names("https://host/a.png")


def test_lists(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    Path("list.txt").write_text("\ufeffa/one.png\n\nmissing.png\n./a/one.png\r\n")
    assert names("@list.txt") == ["missing.png", "a/one.png"]  # each once
    assert "1 pictures are named more than once" in caplog.text
    Path("empty.txt").write_text("\n\n")
    with pytest.raises(ValueError, match=r"no pictures in @empty\.txt"):
        names("@empty.txt")
    with pytest.raises(OSError, match=r"none\.txt"):
        names("@none.txt")
    Path("bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"bytes\.txt"):
        names("@bytes.txt")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"content")))
    (photo,) = find_pictures([Path("-")])
    assert photo.source == b"content" and str(photo) == "standard input" and stem_of(photo) == "picture"
    with pytest.raises(ValueError, match="standard input is empty"):
        find_pictures([Path("-")])


def test_a_pipe_is_refused() -> None:
    os.mkfifo("pipe.png")
    with pytest.raises(ValueError, match=r"pipe\.png is a pipe or a device"):
        names("pipe.png")
    assert "pipe.png" not in names("*/*.png")
