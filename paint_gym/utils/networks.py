"""Networks in general: copies that lag behind, and the layout of convolutions in memory."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def polyak_update(target: nn.Module, source: nn.Module, tau: float) -> None:
    """Move a target network towards its source: parameters by `tau`, buffers (batch norm's) wholly."""
    for old, new in zip(target.parameters(), source.parameters(), strict=True):
        old.lerp_(new, tau)
    for copied, buffer in zip(target.buffers(), source.buffers(), strict=True):
        copied.copy_(buffer)


def set_layout(network: nn.Module, channels_last: bool) -> nn.Module:
    """The network with its convolutions in channels_last, if wanted."""
    if channels_last:
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
