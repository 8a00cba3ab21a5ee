"""Processes: the import changes nothing in them, and what a parent has made works in a forked child."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Callable

import gymnasium as gym
import numpy as np
import pytest
import torch

import agents
from paint_gym import Painting, make_renderer


def made(name: str, pictures: np.ndarray) -> Callable[[], object]:
    """Something ready-made that has used both threads, and what a child does with it."""
    large = pictures.repeat(4, 2).repeat(4, 3)
    if name == "environment":
        env = gym.make("PaintCanvas-v0", dataset=large, device="cpu")
        env.reset(seed=0)
        env.step(env.action_space.sample())
        return lambda: env.reset(seed=1)
    if name == "painting":
        painting = Painting(np.random.default_rng(0).random((200, 13)), size=256)
        painting.render()
        return painting.render
    if name == "agent":
        agent, targets = agents.load("pretrained", "cpu"), torch.from_numpy(large[:4])
        agents.paint(agent, targets, 10)
        return lambda: agents.paint(agent, targets, 10)
    renderer, strokes = make_renderer(name), torch.rand(16, 5, 13)
    renderer.paint(torch.zeros(16, 3, 128, 128), strokes)
    return lambda: renderer.paint(torch.zeros(16, 3, 128, 128), strokes)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
@pytest.mark.parametrize("name", ["environment", "painting", "agent", "analytic", "neural", "raster"])
def test_it_works_in_a_child(name: str, pictures: np.ndarray) -> None:
    torch.rand(1000, 1000) @ torch.rand(1000, 1000)  # starts torch's threads
    child = multiprocessing.get_context("fork").Process(target=made(name, pictures))
    child.start()
    child.join(30)
    finished, code = not child.is_alive(), child.exitcode
    child.kill()
    assert finished and code == 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_ready_environment_in_gymnasiums_processes(pictures: np.ndarray) -> None:
    ready = gym.make("PaintCanvas-v0", dataset=pictures, size=32, device="cpu")
    ready.reset(seed=0)
    ready.step(ready.action_space.sample())
    env = gym.vector.AsyncVectorEnv([lambda: ready] * 2, context="fork")
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.close()


IMPORT = """
import os, gymnasium, torch
before = dict(os.environ)
import paint_gym
assert dict(os.environ) == before
torch.set_num_threads(2)
child = os.fork()
if child == 0:
    os._exit(torch.get_num_threads())
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
"""


@pytest.mark.slow
def test_the_import_changes_no_variable_and_no_number_of_threads() -> None:
    subprocess.run([sys.executable, "-c", IMPORT], check=True)
