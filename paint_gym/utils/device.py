"""Devices: which one to use, and what it computes well."""

from __future__ import annotations

import reprlib

import numpy as np
import torch
from torch import Tensor


def pick_device(device: str | torch.device) -> torch.device:
    """``"auto"`` is the accelerator if there is one, else the CPU.

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
        reason = str(error).splitlines()[0]
        raise ValueError(
            f'device {reprlib.repr(device)} cannot be used here: {reason}; try "auto"'
        ) from error


def is_asynchronous(device: torch.device) -> bool:
    """True if the host goes on while the device works, and what it hands over may be freed at once.

    Not so of Apple's GPUs: there, PyTorch reads the host's memory later.
    """
    return device.type not in ("cpu", "mps")


def upload(given: np.ndarray | Tensor, device: torch.device) -> Tensor:
    """An array or tensor on a device; the host does not wait for a GPU to be ready for it."""
    tensor = torch.from_numpy(given) if isinstance(given, np.ndarray) else given
    pinned = tensor.is_pinned()  # would be read later, when it may have changed
    return tensor.to(device, non_blocking=is_asynchronous(device) and not pinned)


def has_bf16(device: torch.device) -> bool:
    """True if the device computes in bfloat16; those that emulate it are many times slower with it."""
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
