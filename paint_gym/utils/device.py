"""Devices: choice, copies, precision, and processes that fork."""

from __future__ import annotations

import functools
import os
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor


def pick_device(device: str | torch.device) -> torch.device:
    """A device by name; ``"auto"`` is the accelerator if there is one, else the CPU.

    Raises:
        ValueError: no such device, or not on this machine.
    """
    if device == "auto":
        accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        device = accelerator or torch.device("cpu")
    try:
        if (picked := torch.empty(0, device=device).device).type == "meta":
            raise RuntimeError("it holds no numbers")
        return picked
    except (RuntimeError, AssertionError, ImportError, TypeError, ValueError) as error:
        name, reason = reprlib.repr(device), str(error).splitlines()[0]
        raise ValueError(f'device {name} cannot be used here: {reason}; try "auto"') from error


def upload(values: np.ndarray | Tensor, device: torch.device) -> Tensor:
    """Copy an array or tensor to a device; the host does not wait for a GPU to be ready for it."""
    tensor = torch.from_numpy(values) if isinstance(values, np.ndarray) else values
    # Apple's GPUs, and copies from pinned memory, read the host's memory later, when it may have changed
    wait = device.type in ("cpu", "mps") or tensor.is_pinned()
    return tensor.to(device, non_blocking=not wait)


def has_bf16(device: torch.device) -> bool:
    """True if the device computes in bfloat16; those that emulate it are many times slower with it."""
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


@contextmanager
def float32_default() -> Iterator[None]:
    """Make new tensors float32, in a program that has set another default; also a decorator."""
    before = torch.get_default_dtype()
    if before != torch.float32:
        torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        if before != torch.float32:
            torch.set_default_dtype(before)


@functools.cache
def allow_forks() -> None:
    """Let processes that are forked from this one compute with one thread.

    Threads do not survive a fork: a child that used those of torch would wait forever.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=functools.partial(torch.set_num_threads, 1))
