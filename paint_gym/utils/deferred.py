"""Checks of numbers on a GPU: their outcome is looked at when it is known, so that nobody waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor


class Outcome(NamedTuple):
    """Of a check that is on its way to the host.

    Attributes:
        good: ``()`` bool in the host's memory.
        arrived: when `good` is valid.
        message: of the error, if it is not good.
    """

    good: Tensor
    arrived: torch.Event
    message: str


class Checks:
    """The checks of one owner whose outcome is not known yet."""

    def __init__(self) -> None:
        self._outcomes: deque[Outcome] = deque()

    def add(self, good: Tensor, message: str) -> None:
        """Refuse what is not `good`, by a later call of `settle`.

        Args:
            good: ``()`` bool on a GPU.
            message: of the error.
        """
        here = torch.empty((), dtype=torch.bool, pin_memory=True)
        here.copy_(good, non_blocking=True)
        arrived = torch.Event(good.device)
        arrived.record(torch.accelerator.current_stream(good.device))
        self._outcomes.append(Outcome(here, arrived, message))

    def settle(self, wait: bool = False) -> None:
        """Look at the outcomes that have arrived; with `wait`, at all.

        Raises:
            ValueError: one is not good.
        """
        while self._outcomes and (wait or self._outcomes[0].arrived.query()):
            outcome = self._outcomes.popleft()
            if wait:
                outcome.arrived.synchronize()
            if not bool(outcome.good):
                raise ValueError(outcome.message)

    def forget(self) -> None:
        """Drop what is not known yet."""
        self._outcomes.clear()

    def __getstate__(self) -> dict[str, object]:
        """Copies and other processes begin without checks: events are of this one."""
        return {"_outcomes": deque()}


_trusted = ContextVar("trusted", default=False)


@contextmanager
def trusted() -> Iterator[None]:
    """Within, `images.check_finite` checks nothing: the caller has seen to it."""
    if torch.compiler.is_compiling():  # then nothing is checked anyway
        yield
        return
    token = _trusted.set(True)
    try:
        yield
    finally:
        _trusted.reset(token)


def is_trusted() -> bool:
    """True within `trusted`."""
    return _trusted.get()
