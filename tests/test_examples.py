"""The examples run as they are, and learn."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from paint_gym import register_dataset
from paint_gym.datasets import registry

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def colours() -> Iterator[str]:
    """A data set of plain pictures, by name."""
    plain = np.random.default_rng(0).integers(0, 256, (50, 3, 1, 1), dtype=np.uint8)
    register_dataset("colours", lambda split, size, data_root: plain.repeat(size, 2).repeat(size, 3))
    yield "colours"
    del registry.DATASETS._entries["colours"]


def test_policy_gradient_learns(colours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("policy_gradient", monkeypatch)
    args = example.Args(dataset=colours, size=16, strokes=10, batch=8, updates=40)
    scores = example.train(args)
    assert np.mean(scores[-5:]) < 0.5 * np.mean(scores[:5])


def test_ppo_learns(colours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("ppo", monkeypatch)
    args = example.Args(dataset=colours, size=16, max_strokes=5, num_envs=32, num_steps=8, total_steps=4000)
    scores = example.train(args)
    assert len(scores) == 15 and np.isfinite(scores).all()
    assert np.mean(scores[-3:]) < 0.9 * np.mean(scores[:3])


def test_shac_learns(colours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("shac", monkeypatch)
    few, many = (example.main(colours, size=16, max_strokes=10, seconds=seconds) for seconds in (0.1, 4))
    assert many < 0.5 * few
