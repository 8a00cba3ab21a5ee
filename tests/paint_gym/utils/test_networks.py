"""Target networks."""

from __future__ import annotations

import torch

from paint_gym.utils.networks import polyak_update


def test_target_networks_follow_slowly_and_share_buffers() -> None:
    quick, slow = (torch.nn.BatchNorm1d(1) for _ in range(2))
    with torch.no_grad():
        quick.weight.fill_(3.0)
    quick.running_mean.fill_(7.0)
    polyak_update(slow, quick, 0.25)
    assert slow.weight.item() == 1.5 and slow.running_mean.item() == 7.0
