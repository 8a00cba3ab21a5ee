"""A small photo for the tests of agents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a smooth picture of 40 x 60 pixels in the current folder, which is empty but for it."""
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[0:40, 0:60] / 40
    waves = np.stack([np.sin(5 * x) ** 2, np.cos(4 * y) ** 2, x * y / 1.5], -1)
    Image.fromarray((waves * 255).astype(np.uint8)).save("photo.png")
    return "photo.png"
