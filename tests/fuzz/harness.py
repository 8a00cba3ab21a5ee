"""Fuzzing: rounds of broken input, each from a seed, that end soon, with a clear error.

pytest tests/fuzz --rounds 20000           # long
pytest tests/fuzz -k pictures --rounds 1 --first 4711    # one round again
"""

import faulthandler
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROUNDS = 10  # of each test by default
SECONDS = 5.0  # a round may take
MEGABYTES = 600.0  # a round may take more than there was
CLEAR = (ValueError, OSError, TypeError, IndexError, SystemExit)

Fuzz = Callable[[Callable[[np.random.Generator], object], str], None]
"""Makes an attempt with the seed of each round; an error must hold a text."""


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Fuzz:
    first, rounds = request.config.getoption("--first"), request.config.getoption("--rounds") or ROUNDS

    def run(attempt: Callable[[np.random.Generator], object], named: str) -> None:
        for number in range(first, first + rounds):
            faulthandler.dump_traceback_later(60, exit=True, file=sys.__stderr__)
            memory, start = peak(reset=True), (time.perf_counter(), time.process_time())
            try:
                attempt(np.random.default_rng(number))
            except CLEAR as error:
                assert named in str(error), f"round {number}: an error that does not name it: {error!r}"
            except BaseException as error:
                raise AssertionError(f"round {number}: {error!r}") from error
            # a machine that is busy with other work, or that computes with two threads, is no hang
            seconds = min(time.perf_counter() - start[0], time.process_time() - start[1])
            assert seconds < SECONDS, f"round {number} took {seconds:.1f} s"
            assert peak() - memory < MEGABYTES, f"round {number} took {peak() - memory:.0f} MB"
        faulthandler.cancel_dump_traceback_later()

    return run


def peak(reset: bool = False) -> float:
    """Most memory of this process since the last reset, in MB; 0 on systems other than Linux."""
    if sys.platform != "linux":
        return 0.0
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
