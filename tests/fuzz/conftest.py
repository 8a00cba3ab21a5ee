"""The fixture `fuzz`, with the rounds of the command line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from fuzz.harness import ROUNDS, Fuzz, attempts


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Fuzz:
    first, rounds = request.config.getoption("--first"), request.config.getoption("--rounds") or ROUNDS

    def run(attempt: Callable[[np.random.Generator], object], text: str) -> None:
        attempts(range(first, first + rounds), attempt, text)

    return run
