"""Learning in several processes at once: losses and gradients are averaged over all of them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor


def average(value: Tensor) -> Tensor:
    """The mean of a tensor over all processes, without gradients; itself if there is only one."""
    value = value.detach()
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over all processes; nothing to do if there is only one."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    means = average(torch.cat([gradient.flatten() for gradient in gradients]))  # one message, not hundreds
    for gradient, mean in zip(gradients, means.split([one.numel() for one in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
