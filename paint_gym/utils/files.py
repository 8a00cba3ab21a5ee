"""Files are written whole or not at all: to a temporary neighbour first, then renamed over the target."""

from __future__ import annotations

import errno
import glob
import os
import platform
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def cache_folder(part: str) -> Path:
    """A cache folder, in ``PAINT_GYM_CACHE``, else in the user's; all in it can be made again."""
    root = os.environ.get("PAINT_GYM_CACHE") or platformdirs.user_cache_dir("paint_gym")
    return Path(root).expanduser() / part


def read_capped(path: Path, most: int) -> bytes:
    """Read a regular file of at most so many bytes; a `ValueError` refuses other files."""
    size = path.stat().st_size
    if not path.is_file():
        raise ValueError("not a regular file")
    if size > most:
        raise ValueError(f"{size} bytes, and at most {most} are read")
    return path.read_bytes()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file or folder in the `OSError` of a disk that is full, over its quota or broken."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS or str(path) in str(error):
            raise
        raise OSError(error.errno, f"cannot write {path}: {error.strerror}") from error


@contextmanager
def replace_when_done(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; rename it to `path` if the block succeeds.

    Missing parent folders are made. If the block raises, `path` stays as it was, and the temporary file is
    removed; that of a killed process goes at the next write. It has the ending of `path`, for writers that go
    by it. A file that is replaced keeps its permissions, and a link stays a link to it.

    Raises:
        OSError: the folder or the file cannot be written; the message names it.
    """
    target = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    check_writable(target)
    short = os.fsencode(target.stem)[:100].decode(errors="ignore")  # names have a limit in bytes
    begin = f".{short}.{platform.node()}."
    temporary = target.with_name(f"{begin}{os.getpid()}.{secrets.token_hex(4)}{target.suffix}")
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(target.parent, begin)
            temporary.touch(exist_ok=False)
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file in UTF-8; see `replace_when_done`."""
    with replace_when_done(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _remove_leftovers(folder: Path, begin: str) -> None:
    """Remove the temporary files of processes of this machine that have ended."""
    if os.name != "posix":
        return  # to ask for a process would end it
    for file in folder.glob(f"{glob.escape(begin)}*"):
        pid = file.name.removeprefix(begin).partition(".")[0]
        with suppress(PermissionError, ValueError):  # another user's process; no temporary file
            try:
                os.kill(int(pid), 0)
            except ProcessLookupError:
                file.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Refuse, before the work, a file that could not be written after it; the `OSError` names it."""
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, f"cannot write {path}: it is a folder or a device, not a file")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        reason = f"{folder} is not a folder that you can write to"
        raise PermissionError(errno.EACCES, f"cannot write {path}: {reason}")


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a folder while the block runs, or the process lives; `BlockingIOError` if it is locked."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock").acquire(blocking=False):
            yield
    except Timeout:
        message = f"another process is at work in {folder}; wait for it, or choose another folder (--out)"
        raise BlockingIOError(errno.EWOULDBLOCK, message) from None
