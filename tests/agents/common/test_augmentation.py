"""Augmentation changes pictures, never the loss."""

from __future__ import annotations

import numpy as np
import torch

from agents.common.augmentation import augment
from paint_gym.canvas import CanvasState
from paint_gym.metrics import mean_squared_error


def test_symmetries_keep_the_loss(pictures: np.ndarray) -> None:
    torch.manual_seed(0)
    canvas, target = torch.rand(6, 3, 32, 32), torch.from_numpy(pictures[:6]) / 255
    state, before = CanvasState(canvas, target, torch.arange(6)), mean_squared_error(canvas, target)
    changed = 0
    for _ in range(8):
        augmented = augment(state)
        torch.testing.assert_close(mean_squared_error(augmented.canvas, augmented.target), before)
        assert torch.equal(augmented.step, state.step)
        changed += not torch.equal(augmented.canvas, canvas)
    assert changed >= 7
