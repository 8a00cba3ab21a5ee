"""The recipes of docs/architecture.md run as they stand, and what they register can be trained with."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from agents import ACTORS, ALGORITHMS, TrainConfig, Trainer
from paint_gym import RENDERERS, REWARDS
from paint_gym.datasets.registry import DATASETS
from paint_gym.strokes import STROKES

PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
RECIPES = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (STROKES, REWARDS, RENDERERS, DATASETS, ACTORS, ALGORITHMS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    for recipe in RECIPES:
        exec(recipe, {})


def test_recipes_train(registered: None, tiny: TrainConfig) -> None:
    assert len(RECIPES) == 6
    own = {"stroke": "dot", "reward": "l1", "actor": "mean-colour", "algo": "greedy", "renderer": "blobs"}
    config = replace(tiny, agent=replace(tiny.agent, **own), dataset="noise", updates=3)
    trainer = Trainer(config, "cpu").fit()
    assert trainer.task.stroke_dim == 7 and trainer.agent.explore(trainer.state).shape == (4, 35)


def test_every_folder_and_file_that_the_page_names_is_there() -> None:
    root = Path(__file__).parents[2]
    for name in re.findall(r"`((?:paint_gym|agents|benchmarks|tests)/[\w./-]*)`", PAGE):
        assert (root / name).exists(), name
