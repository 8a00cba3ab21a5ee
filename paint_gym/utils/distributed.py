"""Training in several processes: losses and gradients are averaged over all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor


def rank() -> int:
    """Rank of this process; 0 without a group."""
    return dist.get_rank() if dist.is_initialized() else 0


def processes() -> int:
    """Number of processes; 1 without a group."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_restarted() -> bool:
    """True if torchrun has restarted this process after a failure; see its ``--max-restarts``."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def is_main_process() -> bool:
    """True in the one process of the group that writes files."""
    return rank() == 0


def average(value: Tensor) -> Tensor:
    """Mean of a tensor over all processes, without gradients."""
    value = value.detach()
    if processes() == 1:
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / processes()


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over all processes."""
    if processes() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    means = average(torch.cat([gradient.flatten() for gradient in gradients]))  # one message, not hundreds
    for gradient, mean in zip(gradients, means.split([grad.numel() for grad in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def any_process(flags: Sequence[bool], device: torch.device) -> list[bool]:
    """Combine flags by "or" over all processes, so that all stop or save after the same update."""
    if not dist.is_initialized():
        return list(flags)
    raised = torch.tensor(flags, dtype=torch.int32, device=device)
    dist.all_reduce(raised, dist.ReduceOp.MAX)
    return [bool(flag) for flag in raised.tolist()]


@contextmanager
def process_group() -> Iterator[None]:
    """Join the process group of torchrun, if it started this process."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    try:
        yield
    finally:
        dist.destroy_process_group()
