"""Spinning of OpenMP's threads in our own commands; to be imported before torch, which reads it once.

A thread of GNU OpenMP looks 300,000 times for work before it sleeps, and holds a core meanwhile: six photos
took 21 s, and with 1,000 times 15 s. Only ``paint-gym``, and a package that ``python -m`` is about to run
(``sys.argv[0]`` is then ``-m``), set it; the user's own settings have priority.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if Path(sys.argv[0]).name in ("paint-gym", "-m") and "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
