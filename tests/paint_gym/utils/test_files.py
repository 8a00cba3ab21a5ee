"""Files are written whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from paint_gym.utils import files
from paint_gym.utils.files import lock_folder, read_capped, replace_when_done


@pytest.mark.parametrize("name", ["new/a.txt", f"{'ä' * 120}.txt"])  # at the limit of the system
def test_it_is_there_when_the_block_is_done(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    with replace_when_done(file) as temporary:
        temporary.write_text("whole")
        assert not file.exists() and temporary.suffix == ".txt" and temporary.name.startswith(".")
    assert file.read_text() == "whole" and list(file.parent.iterdir()) == [file]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask


def test_a_failure_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(RuntimeError), replace_when_done(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write .*a\.txt: No space"), replace_when_done(file):
        pass
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    names = (tmp_path / "file" / "a.txt", tmp_path / "pipe.png", tmp_path / "folder.png", Path("/dev/null"))
    for path in names:
        with pytest.raises(OSError, match=f"cannot write {path}: .*a folder"), replace_when_done(path):
            pass


def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    file, link = tmp_path / "a.txt", tmp_path / "link.txt"
    file.touch()
    file.chmod(0o600)
    link.symlink_to(file)
    with replace_when_done(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink() and file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_folder_is_locked_while_the_block_runs(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    for _ in range(2):
        with lock_folder(folder):
            refusal = r"another process is at work in .*new"
            with pytest.raises(BlockingIOError, match=refusal), lock_folder(folder):
                pass


def test_reading_has_a_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"four")
    assert read_capped(tmp_path / "a", 4) == b"four"
    with pytest.raises(ValueError, match="4 bytes, and at most 3"):
        read_capped(tmp_path / "a", 3)
    with pytest.raises(ValueError, match="not a regular file"):
        read_capped(tmp_path, 10**6)
