"""Set how long the threads of our commands spin; import this module before torch, which reads it once.

A thread of GNU OpenMP, which torch uses on Linux, looks 300,000 times for work before it sleeps. Meanwhile it
holds a core that the threads of the C kernel, or another process, could use: six photos took 21 s, and with
1,000 times 15 s. The user's own settings have priority. ``import paint_gym`` sets nothing.
"""

from __future__ import annotations

import os

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
