"""Devices: which one to use, and what it computes well."""

from __future__ import annotations

import reprlib

import torch


def pick_device(device: str | torch.device) -> torch.device:
    """``"auto"`` is the accelerator if there is one, else the CPU.

    Raises:
        ValueError: no such device, or not on this machine.
    """
    if device != "auto":
        try:
            if (picked := torch.empty(0, device=device).device).type == "meta":
                raise RuntimeError("it holds no numbers")
            return picked
        except (RuntimeError, AssertionError, ImportError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f'device {reprlib.repr(device)} cannot be used here: {reason}; try "auto"'
            ) from error
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return accelerator or torch.device("cpu")


def has_bf16(device: torch.device) -> bool:
    """True if the device computes in bfloat16; those that emulate it are many times slower with it."""
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
