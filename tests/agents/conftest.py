"""Tiny runs, on pictures that need no files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from agents import AgentConfig, TrainConfig
from paint_gym import register_dataset
from paint_gym.datasets import registry


@pytest.fixture
def tiny(pictures: np.ndarray) -> Iterator[TrainConfig]:
    """A run of a second or two, on the data set "pictures"."""
    register_dataset("pictures", lambda split, size, data_root: pictures, replace=True)
    spec = AgentConfig(actor_width=8, critic_width=8, discriminator_width=4, patches=4, max_strokes=15)
    sizes = {"size": 32, "updates": 12, "batch": 6, "num_envs": 4, "episodes": 8}
    spec = replace(spec, learning=replace(spec.learning, gamma=0.9))
    yield TrainConfig(agent=spec, dataset="pictures", eval_every=6, eval_images=3, **sizes)
    del registry.DATASETS._entries["pictures"]
