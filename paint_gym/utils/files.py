"""Files are written whole or not at all: to a temporary neighbour first, then renamed over the target."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs


def cache_folder(part: str) -> Path:
    """A cache folder, in ``PAINT_GYM_CACHE``, else in the user's; all in it can be made again."""
    chosen = os.environ.get("PAINT_GYM_CACHE")
    return (Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("paint_gym"))) / part


@contextmanager
def replace_when_done(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; rename it to `path` if the block succeeds.

    Missing parent folders are made. If the block raises, `path` stays as it was, and the temporary file is
    removed. The temporary file keeps the ending of `path`, so that writers which go by the ending work.

    Raises:
        OSError: the folder cannot be made or written; the message names `path`.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise type(error)(
            error.errno, f"cannot write {target}: {reason}; choose a folder you can write to"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files private to the user
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
