"""The replay keeps what it is given, and symmetries leave the task what it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.replay import Replay, mirrored
from paint_gym.canvas import CanvasState, mean_squared_error
from paint_gym.datasets import load_dataset


def test_keeps_the_latest(pictures: np.ndarray) -> None:
    replay = Replay(5, load_dataset(pictures, size=32), torch.device("cpu"))
    draw = torch.Generator().manual_seed(0)
    with pytest.raises(ValueError, match="empty"):
        replay.sample(1, draw)
    for k in range(4):
        replay.add(torch.full((2, 3, 32, 32), k / 10), torch.tensor([k, k + 4]), torch.tensor([k, k]))
    batch = replay.sample(200, draw)
    assert len(replay) == 5 and set(batch.step.tolist()) == {1, 2, 3}
    for canvas, target, step in zip(*batch, strict=True):
        assert torch.allclose(canvas, step / 10, atol=1 / 509)
        assert any(torch.equal(target, torch.from_numpy(pictures[i]) / 255) for i in (step, step + 4))


def test_symmetries_keep_the_loss(pictures: np.ndarray) -> None:
    canvas, target = torch.rand(6, 3, 32, 32), torch.from_numpy(pictures[:6]) / 255
    state = CanvasState(canvas, target, torch.arange(6))
    draw, changed = torch.Generator().manual_seed(0), 0
    for _ in range(8):
        seen = mirrored(state, draw)
        torch.testing.assert_close(mean_squared_error(*seen[:2]), mean_squared_error(*state[:2]))
        assert torch.equal(seen.step, state.step)
        changed += not torch.equal(seen.canvas, canvas)
    assert changed >= 7
