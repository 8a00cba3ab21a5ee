"""Fuzzing: rounds of broken input, each from a seed, that end soon, with a clear error.

pytest tests/fuzz --rounds 20000           # long
pytest tests/fuzz -k pictures --rounds 1 --first 4711    # one round again
"""

from __future__ import annotations

import faulthandler
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SECONDS = 5.0  # a round may take
MEGABYTES = 600.0  # a round may take more than there was
CLEAR = (ValueError, OSError, TypeError, IndexError, SystemExit)

ROUNDS = 10  # of each test by default
Fuzz = Callable[[Callable[[np.random.Generator], object], str], None]
"""The fixture `fuzz`: `attempts` with the rounds of the command line."""


def attempts(numbers: range, attempt: Callable[[np.random.Generator], object], named: str) -> None:
    """Make an attempt with the seed of each round.

    Raises:
        AssertionError: one that crashed, took too long or too much memory, or an error without the text
            `named`; says which round.
    """
    passed = 0
    for number in numbers:
        faulthandler.dump_traceback_later(60, exit=True, file=sys.__stderr__)
        memory, start = reset_peak(), (time.perf_counter(), time.process_time())
        try:
            attempt(np.random.default_rng(number))
            passed += 1
        except CLEAR as error:
            assert named in str(error), f"round {number}: an error that does not name it: {error!r}"
        except BaseException as error:
            raise AssertionError(f"round {number}: {error!r}") from error
        # a machine that is busy with other work, or that computes with two threads, is no hang
        seconds = min(time.perf_counter() - start[0], time.process_time() - start[1])
        assert seconds < SECONDS, f"round {number} took {seconds:.1f} s"
        grown = peak() - memory
        assert grown < MEGABYTES, f"round {number} took {grown:.0f} MB"
    faulthandler.cancel_dump_traceback_later()
    print(f"{passed} of {len(numbers)} rounds passed, the others were refused")


def reset_peak() -> float:
    """Memory of this process in MB; `peak` counts from here."""
    if sys.platform != "linux":
        return 0.0
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> float:
    """Most memory of this process since `reset_peak`, in MB; 0 on systems other than Linux."""
    if sys.platform != "linux":
        return 0.0
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
