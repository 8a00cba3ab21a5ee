"""Benchmarks at the size of --smoke, on small stand-ins for the data sets."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.__main__ import benchmarks
from benchmarks.harness.results import read_result
from benchmarks.harness.tables import BenchmarkConfig, Result, report
from paint_gym.datasets import registry


@pytest.fixture
def smoke(pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The result of a benchmark with --smoke, on small stand-ins for the paper's data sets."""
    for name in ("mnist", "svhn", "celeba", "imagenet"):
        monkeypatch.setitem(registry.DATASETS._entries, name, lambda split, size, data_root: pictures)

    def run(name: str, **fields: Any) -> Result:
        module = import_module(benchmarks()[name].module)
        kinds = [kind for kind in vars(module).values() if getattr(kind, "__module__", "") == module.__name__]
        kind: Any = next((kind for kind in kinds if hasattr(kind, "pick")), BenchmarkConfig)
        more = (
            {"out": tmp_path / name} if hasattr(kind, "out") else {"device": "cpu"} if name == "gpu" else {}
        )
        options = kind(smoke=True, threads=1, json=tmp_path / f"{name}.json", **more, **fields)
        report(options, module.tables(options), getattr(module, "conclude", lambda result: ()))
        return read_result(options.json)

    return run
