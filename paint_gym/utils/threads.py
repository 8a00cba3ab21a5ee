"""How long threads spin while they wait for each other; imported before torch, which reads it once.

A thread of GNU's OpenMP, which torch uses on Linux, looks 300,000 times for work before it sleeps, so that
two processes of two threads each take two cores from each other: six photos took 61 s, where one process
takes 21 s. If it looks 1,000 times, some 20 microseconds, they take 14 s, and one process 15 s. What the
environment says of it stays.
"""

from __future__ import annotations

import os

SPINS = "1000"

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
