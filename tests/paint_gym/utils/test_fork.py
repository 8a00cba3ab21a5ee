"""Processes: the import changes nothing in them, and what a parent has made works in a forked child."""

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

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
]


def work(name: str, pictures: np.ndarray) -> Callable[[], object]:
    """Work for a child with a part that has used the threads of its parent."""
    large = torch.from_numpy(pictures).repeat_interleave(4, 2).repeat_interleave(4, 3)
    if name == "environment":
        env = gym.make("PaintCanvas-v0", dataset=large.numpy(), device="cpu")
        env.reset(seed=0)
        return lambda: env.step(env.action_space.sample())
    if name == "painting":
        return Painting(np.random.default_rng(0).random((200, 13)), size=256).render
    if name == "agent":
        policy = agents.load("pretrained", "cpu")
        return lambda: agents.paint(policy, large[:4], 10)
    renderer, strokes = make_renderer(name), torch.rand(16, 5, 13)
    return lambda: renderer.paint(torch.zeros(16, 3, 128, 128), strokes)


@pytest.mark.parametrize("name", ["environment", "painting", "agent", "analytic", "neural", "raster"])
def test_it_works_in_a_child(name: str, pictures: np.ndarray) -> None:
    torch.rand(1000, 1000) @ torch.rand(1000, 1000)  # starts torch's threads
    target = work(name, pictures)
    target()
    child = multiprocessing.get_context("fork").Process(target=target)
    child.start()
    child.join(30)
    finished, code = not child.is_alive(), child.exitcode
    child.kill()
    assert finished and code == 0


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


def test_the_import_changes_no_variable_and_no_number_of_threads() -> None:
    subprocess.run([sys.executable, "-c", IMPORT], check=True)
