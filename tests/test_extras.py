"""Libraries that are extras: without them an error names the extra, or the rest works."""

import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

from agents.training.logger import MetricsLogger


def test_the_adapter_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stable_baselines3.common.vec_env", None)
    monkeypatch.delitem(sys.modules, "paint_gym.adapters.sb3", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'paint-gym\[sb3\]'"):
        import_module("paint_gym.adapters.sb3")


def test_a_run_without_tensorboard_has_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with MetricsLogger(tmp_path) as log:
        log.write(3, {"eval/l2": 0.5})
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["eval/l2"] == 0.5
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]
