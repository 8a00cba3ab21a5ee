"""Checks of numbers on a GPU: their outcome is looked at when it is known, so that nobody waits for it."""

from __future__ import annotations

import threading
from collections import deque
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


class _Pending(threading.local):
    """The outcomes that are on their way, of each thread."""

    def __init__(self) -> None:
        self.outcomes: deque[Outcome] = deque()


_pending = _Pending()


def require(good: Tensor, message: str) -> None:
    """Refuse what is not `good`: on the CPU now; on a GPU by a later call, once the outcome is known.

    Args:
        good: ``()`` bool.
        message: of the error.

    Raises:
        ValueError: `good` is False, or that of an earlier call was.
    """
    settle()
    if good.device.type != "cpu":
        _pending.outcomes.append(_send(good, message))
    elif not bool(good):
        raise ValueError(message)


def settle(wait: bool = False) -> None:
    """Look at the outcomes of this thread's checks: at those that have arrived, or with `wait` at all.

    Raises:
        ValueError: one is not good.
    """
    outcomes = _pending.outcomes
    while outcomes and (wait or outcomes[0].arrived.query()):
        outcome = outcomes.popleft()
        if wait:
            outcome.arrived.synchronize()
        if not bool(outcome.good):
            outcomes.clear()  # one error is enough: what a bad number went into is checked, too
            raise ValueError(f"{outcome.message} (in an earlier call: the GPU is not waited for)")


def _send(good: Tensor, message: str) -> Outcome:
    here = torch.empty((), dtype=torch.bool, pin_memory=True)
    here.copy_(good, non_blocking=True)
    arrived = torch.Event(good.device)
    arrived.record(torch.accelerator.current_stream(good.device))
    return Outcome(here, arrived, message)
