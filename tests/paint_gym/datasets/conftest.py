"""Fixtures of the data set tests: a cache folder of their own, and the real data where it is."""

import os
from pathlib import Path

import pytest

REAL_DATA = os.environ.get("PAINT_GYM_DATA")  # before `cache` hides it from all tests


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; and no data root from outside."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("PAINT_GYM_CACHE", str(folder))
    monkeypatch.delenv("PAINT_GYM_DATA", raising=False)
    return folder / "datasets"


@pytest.fixture
def real_data() -> Path:
    """The folder of the real data sets; skips without it."""
    if not REAL_DATA or not Path(REAL_DATA).is_dir():
        pytest.skip("PAINT_GYM_DATA is not set to a folder with the real data sets")
    return Path(REAL_DATA).resolve()
