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
        device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        if (picked := torch.empty(0, device=device).device).type == "meta":
            raise RuntimeError("it holds no numbers")
        return picked
    except (RuntimeError, AssertionError, ImportError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f'device {reprlib.repr(device)} cannot be used here: {reason}; try "auto"'
        ) from error


def upload(given: np.ndarray | Tensor, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """An array or tensor on a device; the host does not wait for a GPU to be ready for it."""
    tensor = torch.from_numpy(given) if isinstance(given, np.ndarray) else given
    later = device.type != "cpu" and not tensor.is_pinned()  # pinned memory may change before it is read
    return tensor.to(device, dtype or tensor.dtype, non_blocking=later)


def has_bf16(device: torch.device) -> bool:
    """True if the device computes in bfloat16; those that emulate it are many times slower with it."""
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
