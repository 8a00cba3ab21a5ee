"""Augmentation of states by the symmetries of the task."""

from __future__ import annotations

import torch

from paint_gym.canvas import CanvasState


def augment(state: CanvasState) -> CanvasState:
    """The batch rotated, mirrored, and with its colours exchanged, at random.

    Each state's canvas and target are changed alike, so a reward that compares pixels stays what it was.
    """
    pair = torch.cat([state.canvas, state.target], 1)  # (B, 6, H, W)
    if torch.rand(()) < 0.5:
        pair = pair.flip(3)
    if pair.shape[2] == pair.shape[3]:
        pair = pair.rot90(int(torch.randint(4, ())), (2, 3))
    order = torch.rand(len(pair), 3).argsort(1).to(pair.device)  # (B, 3)
    images = torch.arange(len(pair), device=pair.device).view(-1, 1)
    return CanvasState(pair[images, order], pair[images, order + 3], state.step)
