"""Files are written whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from paint_gym.utils.files import cache_folder, lock_folder, replace_when_done

WRITER = """
import sys, time
from paint_gym.utils.files import lock_folder, replace_when_done
from pathlib import Path
with lock_folder(Path(sys.argv[1]).parent / "held"), replace_when_done(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("at work", flush=True)
    time.sleep(60)
"""


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


@pytest.fixture
def at_work(tmp_path: Path):
    """A process that is at work on tmp_path / "a.txt"."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "a.txt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"at work\n"
        yield process
        process.kill()


def test_what_a_killed_process_left_goes_when_the_file_is_written_again(
    at_work: subprocess.Popen, tmp_path: Path
) -> None:
    file = tmp_path / "a.txt"

    def hidden() -> list[Path]:
        return list(tmp_path.glob(".*.txt"))

    with replace_when_done(file) as temporary:
        temporary.write_text("other")
    assert len(hidden()) == 1  # that of the process, which lives
    at_work.send_signal(signal.SIGKILL)
    at_work.wait()
    with replace_when_done(file) as temporary:
        temporary.write_text("whole")
    assert hidden() == [] and file.read_text() == "whole"


def test_a_folder_is_held_until_its_holder_dies(at_work: subprocess.Popen, tmp_path: Path) -> None:
    with (
        pytest.raises(BlockingIOError, match=r"another process is at work in .*held"),
        lock_folder(tmp_path / "held"),
    ):
        pass
    at_work.send_signal(signal.SIGKILL)
    at_work.wait()
    with lock_folder(tmp_path / "held"):
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


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "pipe.png", tmp_path / "folder.png", Path("/dev/null")):
        with pytest.raises(FileExistsError, match="a folder or a device"), replace_when_done(path):
            pass
