"""Gradients are averaged over processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from helpers import leave_group

from paint_gym.utils.distributed import average, average_gradients


def parameters(rank: int) -> list[torch.nn.Parameter]:
    parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in ((2, 3), (), (4,))]
    parameters[0].grad = torch.arange(6.0).view(2, 3) * (rank + 1)
    parameters[1].grad = torch.tensor(float(rank))
    return parameters  # the last has no gradient


def work(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    learning = parameters(rank)
    average_gradients(learning)
    mean = average(torch.tensor(float(rank)))
    torch.save([*[parameter.grad for parameter in learning], mean], f"{folder}/{rank}.pt")
    leave_group()


@pytest.mark.slow
def test_mean_over_two_processes(tmp_path: Path) -> None:
    mp.spawn(work, args=(str(tmp_path),), nprocs=2)
    for rank in range(2):
        matrix, scalar, none, mean = torch.load(tmp_path / f"{rank}.pt")
        assert torch.equal(matrix, torch.arange(6.0).view(2, 3) * 1.5)
        assert scalar.item() == 0.5 and none is None and mean == 0.5


def test_alone_nothing_is_done() -> None:
    learning = parameters(1)
    average_gradients(learning)
    assert learning[1].grad is not None and learning[1].grad.item() == 1
