"""Progress bars: a bar on a terminal, a line per minute in a log file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TextIO

from tqdm import tqdm

SECONDS = 60.0  # between two lines of a log
LINE = "{desc}: {percentage:3.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


def progress(iterable: Iterable[Any] | None = None, within: bool = False, **options: Any) -> tqdm[Any]:
    """Tqdm's bar on stderr; where that is no terminal, a line at the start, each minute, and at the end.

    A bar `within` another vanishes at its end, and writes no lines. The options are tqdm's.
    """
    if within:
        options |= {"leave": False, "disable": not sys.stderr.isatty()}
    if not (sys.stderr.isatty() or "ipykernel" in sys.modules):  # notebooks can update a line
        options |= {"file": _Lines(sys.stderr), "mininterval": SECONDS, "maxinterval": SECONDS}
        options |= {"miniters": 1, "bar_format": LINE, "delay": 0}
    return tqdm(iterable, **options)


class _Lines:
    """A file for tqdm that writes its updates as lines."""

    def __init__(self, file: TextIO) -> None:
        self._file, self.encoding = file, file.encoding

    def write(self, text: str) -> None:
        if line := text.strip():
            self._file.write(f"{line}\n")

    def flush(self) -> None:
        self._file.flush()
