"""The fixture `fuzz`, which runs as many rounds as the command line says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from fuzz.harness import Fuzz, attempts


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Fuzz:
    def run(rounds: int, attempt: Callable[[np.random.Generator], object], named: str) -> None:
        first, given = request.config.getoption("--first"), request.config.getoption("--rounds")
        attempts(range(first, first + (given or rounds)), attempt, named)

    return run
