"""Shared fixtures: every device present, and a small data set."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from agents import AgentConfig, LearningConfig, TrainConfig
from paint_gym import register_dataset
from paint_gym.datasets import registry


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, help="rounds of each test in tests/fuzz; ten by default")
    parser.addoption("--golden", action="store_true", help="draw the golden pictures of tests/golden anew")
    parser.addoption("--first", type=int, default=0, help="number of the first round, to see one again")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What only CI runs is slow, so that ``-m "not slow"`` leaves it out as well."""
    for item in items:
        if item.get_closest_marker("ci"):
            item.add_marker("slow")


def devices() -> list[str]:
    """The CPU, and the accelerator if one is present."""
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return ["cpu"] if accelerator is None else ["cpu", accelerator.type]


@pytest.fixture(params=devices())
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.param)


@pytest.fixture
def pictures() -> np.ndarray:
    """Twelve pictures, (12, 3, 32, 32) uint8: smooth and of different colours."""
    y, x = np.mgrid[0:32, 0:32] / 31
    waves = [np.sin(3 * x * i + 2 * y * (12 - i) + c) * 0.5 + 0.5 for i in range(12) for c in range(3)]
    return (np.stack(waves).reshape(12, 3, 32, 32) * 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """At the size of tests a second thread only waits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny(pictures: np.ndarray) -> Iterator[TrainConfig]:
    """A run of a second or two, on the data set "pictures"."""
    register_dataset("pictures", lambda split, size, data_root: pictures, replace=True)
    agent = AgentConfig(actor_width=8, critic_width=8, discriminator_width=4, patches=4, max_strokes=15)
    sizes = {"size": 32, "updates": 12, "batch": 6, "num_envs": 4, "episodes": 8}
    agent = replace(agent, learning=LearningConfig(gamma=0.9))
    yield TrainConfig(agent=agent, dataset="pictures", eval_every=6, eval_images=3, **sizes)
    del registry.DATASETS._entries["pictures"]
