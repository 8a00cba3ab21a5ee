"""Signals that ask a process to stop, held until the work at hand is finished."""

from __future__ import annotations

import signal
from typing import Any, Self


class StopSignals:
    """A block in which SIGINT and SIGTERM are only recorded in `received`, if it is enabled."""

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self.received: int | None = None

    def __enter__(self) -> Self:
        numbers = (signal.SIGINT, signal.SIGTERM) if self.enabled else ()
        self._handlers = {number: signal.signal(number, self._receive) for number in numbers}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: Any) -> None:
        self.received = number
