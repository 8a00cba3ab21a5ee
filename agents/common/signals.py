"""Signals that ask a process to stop, kept until what is at hand is finished."""

from __future__ import annotations

import signal
from typing import Any, Self


class StopSignals:
    """Within the block, SIGINT and SIGTERM are only kept in `received`: the update at hand is finished."""

    received: int | None = None

    def __enter__(self) -> Self:
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._receive) for number in numbers}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: Any) -> None:
        self.received = number


class NoSignals(StopSignals):
    """Signals are left to whoever else has them, as on a node of a cluster, where the work is done again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass
