"""One checked gradient step, averaged over all processes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from paint_gym.utils.distributed import average, average_gradients


class TrainingDivergedError(FloatingPointError):
    """A loss, or its gradient, is NaN or inf; the gradient step was not made."""


def gradient_step(
    optimizer: torch.optim.Optimizer, loss: Tensor, name: str, max_norm: float | None = None
) -> dict[str, float]:
    """One gradient step, averaged over all processes and clipped to a norm; the mean loss under its name.

    Raises:
        TrainingDivergedError: the loss, or its gradient, is not finite.
    """
    mean = average(loss)  # NaN in one process is NaN in all, and none waits for another
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    average_gradients(parameters)
    length = nn.utils.clip_grad_norm_(parameters, math.inf if max_norm is None else max_norm)
    value, norm = torch.stack([mean, length.to(mean)]).tolist()  # one transfer: each waits for the GPU
    if not math.isfinite(value):
        raise TrainingDivergedError(f"{name} is {value}")
    if not math.isfinite(norm):
        raise TrainingDivergedError(f"the gradient of {name} is {norm}")
    optimizer.step()
    return {name: value}


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Let gradients pass through a network without reaching its parameters."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
