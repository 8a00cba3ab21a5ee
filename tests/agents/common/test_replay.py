"""The replay keeps what it is given, and symmetries leave the task what it is."""

from __future__ import annotations

import numpy as np
import torch

from agents.common.replay import Replay
from paint_gym.datasets import load_dataset
from paint_gym.datasets.targets import Targets


def filled(pictures: np.ndarray, episodes: int, kept: int = 4) -> Replay:
    """Two environments, episodes of three steps; canvas, action and index tell the episode and the step."""
    replay = Replay(kept, 3, 2, 1, Targets(load_dataset(pictures, size=32), torch.device("cpu")))
    for episode in range(episodes):
        for step in range(4):
            level = torch.tensor([episode * 10 + step, episode * 10 + step + 100]) / 255
            action = None if step == 3 else torch.tensor([[episode + step / 10]] * 2)
            canvas = level.view(2, 1, 1, 1).expand(2, 3, 32, 32)
            replay.add(canvas, torch.tensor([episode % 6, episode % 6 + 6]), step, action)
    return replay


def test_transitions_are_what_happened(pictures: np.ndarray) -> None:
    replay = filled(pictures, episodes=5)
    state, action, after = replay.sample(300, torch.Generator().manual_seed(0))
    level, next_level = ((canvas[:, 0, 0, 0] * 255).round() for canvas in (state.canvas, after.canvas))
    assert torch.equal(next_level, level + 1)
    assert torch.equal(after.step, state.step + 1) and set(state.step.tolist()) == {0, 1, 2}
    env, episode, step = level >= 100, level % 100 // 10, level % 10
    assert torch.equal(step.long(), state.step)
    torch.testing.assert_close(action[:, 0], episode + step / 10)
    index = (episode % 6 + 6 * env).long()
    assert torch.equal(state.target, torch.from_numpy(pictures[index.numpy()]) / 255)
    assert torch.equal(state.target, after.target)


def test_the_oldest_is_overwritten(pictures: np.ndarray) -> None:
    replay = filled(pictures, episodes=6)
    assert replay.capacity == len(replay) == 12
    state, *_ = replay.sample(300, torch.Generator().manual_seed(0))
    episodes = set(((state.canvas[:, 0, 0, 0] * 255).round() % 100 // 10).tolist())
    assert episodes == {4, 5}  # two rounds of two environments are four episodes


def test_memory_of_the_papers_size(pictures: np.ndarray) -> None:
    """800 episodes of 40 steps at 128 px fit in 2 GiB."""
    dataset = load_dataset(pictures, size=128)
    assert 1 << 30 < Replay(800, 40, 96, 65, Targets(dataset, torch.device("meta"))).nbytes < 2 << 30


def test_state_dict_goes_on_alike(pictures: np.ndarray) -> None:
    replay, other = filled(pictures, episodes=3), filled(pictures, episodes=0)
    other.load_state_dict(replay.state_dict())
    batches = [each.sample(20, torch.Generator().manual_seed(1)) for each in (replay, other)]
    assert torch.equal(batches[0].state.canvas, batches[1].state.canvas)
    assert torch.equal(batches[0].action, batches[1].action)
