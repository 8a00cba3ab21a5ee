"""Spinning of OpenMP's threads in our own commands; to be imported before torch, which reads it once.

A thread of GNU OpenMP spins 300,000 times before it sleeps, and keeps a core busy meanwhile. With 1,000
spins, six photos take 15 s instead of 21 s. Only ``paint-gym``, and a package that ``python -m`` is about to
run (``sys.argv[0]`` is then ``-m``), set it; the user's own settings have priority.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if Path(sys.argv[0]).name in ("paint-gym", "-m") and "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
