"""Which kernel paints: the one in C, the one in Triton, or none, and PyTorch does by `coverage.py`."""

from __future__ import annotations

import functools
import importlib
import logging
import os
from typing import Protocol

import torch
from torch import Tensor

from paint_gym.renderers.analytic.autograd import only_pytorch_follows
from paint_gym.renderers.analytic.c import library as kernel
from paint_gym.renderers.analytic.layout import Form
from paint_gym.utils.errors import check_one_of
from paint_gym.utils.images import is_concrete

logger = logging.getLogger(__name__)
VARIABLE = "PAINT_GYM_KERNEL"
"""The environment variable that says which kernel paints: "c", "triton", or "torch" for none. An error is
raised where that one cannot. Without it, the device decides."""


class Backend(Protocol):
    """What a kernel does; all tensors are contiguous, on one device and of one dtype.

    Args of `paint` and `paint_backward`:
        canvas: ``(B, C, H, W)``.
        nodes: ``(B, K, M, 4)`` in pixels, see `to_pixels`.
        colours: ``(B, K, C)``.
        primitive: ``"sweep"`` or ``"polygon"``.
    """

    def outline(self, strokes: Tensor, form: Form) -> tuple[Tensor, Tensor]:
        """Nodes ``(N, M, 4)`` in pixels and colours ``(N, 3)`` of built-in strokes ``(N, dim)``."""

    def outline_backward(
        self, strokes: Tensor, form: Form, grad_nodes: Tensor, grad_colours: Tensor
    ) -> Tensor:
        """The gradient ``(N, dim)`` of the strokes, given those of nodes and colours."""

    def paint(
        self, canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str, keep: bool
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The canvas after strokes, and with `keep` what `paint_backward` wants to have."""

    def paint_backward(
        self,
        canvas: Tensor,
        nodes: Tensor,
        colours: Tensor,
        primitive: str,
        kept: tuple[Tensor, ...],
        grad_out: Tensor,
        wanted: bool,
    ) -> tuple[Tensor | None, Tensor, Tensor]:
        """Gradients of canvas (None unless `wanted`), nodes and colours, given that of what was painted."""


def choose(*tensors: Tensor) -> Backend | None:
    """The kernel that paints with these tensors; None where PyTorch does.

    PyTorch does for derivatives of torch.func and in forward mode, where a program is traced, and with types
    that the kernel does not know: that in C knows float32 and float64, that in Triton float32.

    Raises:
        ValueError: `PAINT_GYM_KERNEL` asks for a kernel that does not exist, or not for these tensors.
        RuntimeError: it asks for one that cannot be had here.
    """
    forced = os.environ.get(VARIABLE)
    if forced:
        check_one_of(VARIABLE, forced, ("c", "triton", "torch"))
    if forced == "torch" or not is_concrete(*tensors) or torch.jit.is_tracing():
        return None
    if only_pytorch_follows(*tensors):
        return None
    device, dtype = tensors[0].device, tensors[0].dtype
    if any(tensor.device != device for tensor in tensors):
        return None  # PyTorch says what is wrong
    if forced == "c" and device.type != "cpu":
        raise ValueError(f"{VARIABLE}=c paints on the CPU, and the canvas is on {device}; unset it")
    if forced == "triton" and device.type != "cuda" and not _is_interpreted():
        raise ValueError(
            f"{VARIABLE}=triton paints on a GPU, and the canvas is on {device}; unset it, or set "
            "TRITON_INTERPRET=1 as well, with which the kernel runs on a CPU, slowly"
        )
    if any(not tensor.data_ptr() and tensor.numel() for tensor in tensors):
        return None  # of PyTorch's FakeTensorMode, and others that have no numbers
    if forced == "triton" or (device.type == "cuda" and not forced):
        if dtype != torch.float32:
            return None
        backend = _triton(device)
        if backend is None and forced:
            raise RuntimeError(f"{VARIABLE}=triton, but Triton does not work here; the log says why")
        return backend
    if device.type != "cpu":
        return None
    if kernel.load(dtype) is not None:
        return kernel
    if forced and dtype in kernel.REAL:
        raise RuntimeError(f"{VARIABLE}=c, but there is no C kernel and no compiler; the log says why")
    return None


def _is_interpreted() -> bool:
    """Whether Triton runs kernels on the CPU; what it takes for yes."""
    return os.environ.get("TRITON_INTERPRET", "").lower() in ("1", "true", "on", "yes", "y")


@functools.cache
def _triton(device: torch.device) -> Backend | None:
    """The kernel in Triton; None, which is logged, where there is no Triton, or it does not work."""
    try:
        backend = importlib.import_module("paint_gym.renderers.analytic.triton.launch")
        nodes = torch.ones(1, 1, 1, 4, device=device)
        backend.paint(nodes.new_zeros(1, 1, 2, 2), nodes, nodes.new_ones(1, 1, 1), "sweep", False)
    except Exception as error:  # no Triton, no compiler that it wants, a GPU that it does not know
        logger.warning(
            "painting with PyTorch on the GPU, many times slower, as Triton does not work here: %s", error
        )
        return None
    return backend
