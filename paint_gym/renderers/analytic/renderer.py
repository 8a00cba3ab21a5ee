"""The analytic renderer: coverage as a closed form, differentiable, any size and aspect, no weights.

Kernels paint straight onto the canvas and never store a coverage map: on the CPU one in C (`c/kernel.c`), on
NVIDIA's and AMD's GPUs one in Triton (`triton/kernels.py`). Elsewhere, and where there is no kernel,
`coverage.py` gives the same numbers in PyTorch.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from paint_gym.renderers.analytic.autograd import KernelBackend, TorchBackend, needs_torch
from paint_gym.renderers.analytic.c import library
from paint_gym.renderers.analytic.nodes import NodeArgs, pixel_nodes
from paint_gym.renderers.analytic.triton.launch import TritonBackend
from paint_gym.renderers.base import Renderer, Size, check_places, check_strokes, height_width, match_batches
from paint_gym.strokes import StrokeLayout
from paint_gym.utils.errors import check_one_of
from paint_gym.utils.images import is_concrete

logger = logging.getLogger(__name__)
VARIABLE = "PAINT_GYM_KERNEL"
"""Environment variable that forces a kernel: "c", "triton", or "torch" for none."""
Backend = TorchBackend | KernelBackend
TORCH = TorchBackend()


def outside_graphs(paint: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Keep a method out of the graphs of torch.compile, which would trace PyTorch in place of the kernel."""
    eager = torch._disable_dynamo(paint)  # torch.compiler.disable would import the compiler here

    @functools.wraps(paint)
    def method(*args: Any, **kwargs: Any) -> Tensor:
        return (eager if torch.compiler.is_compiling() else paint)(*args, **kwargs)

    return method


class AnalyticRenderer(Renderer):
    """Strokes with a pixel-wide soft edge; exact first derivatives in the canvas and all parameters.

    Second derivatives are refused (RuntimeError): where a stroke is nearest, and which part covers a pixel
    last, is found without gradients. `torch.autograd.functional.jvp` is made of them; take `torch.func.jvp`.

    Alphas beyond [0, 1] are clipped. No other number is, so that strokes may reach beyond the canvas.
    """

    name = "analytic"
    differentiable = True

    @outside_graphs
    def __call__(self, strokes: Tensor, size: Size) -> Tensor:
        """Coverage ``(N, H, W)`` in [0, 1] of stroke vectors ``(N, stroke_dim)``; their colour is ignored."""
        height, width = height_width(size)
        nodes, _, backend = self._nodes(strokes, height, width)
        return backend.coverage(nodes, height, width, self.design.primitive)

    @outside_graphs
    def paint(self, canvas: Tensor, strokes: Tensor) -> Tensor:
        """The canvas ``(B, 3, H, W)`` after strokes ``(B, K, stroke_dim)``; see `Renderer.paint`.

        It is of float64 for strokes of float64, else of float32.
        """
        canvas, strokes = match_batches(canvas, strokes)
        nodes, colours, backend = self._nodes(strokes, *canvas.shape[-2:], canvas)
        return backend.paint(canvas.to(nodes.dtype), nodes, colours, self.design.primitive)

    @outside_graphs
    def paint_part(self, part: Tensor, strokes: Tensor, top: Tensor, left: Tensor, size: Size) -> Tensor:
        """A part of each canvas, without painting the rest; see `Renderer.paint_part`."""
        part, strokes = match_batches(part, strokes)
        check_places(part, top, left)
        nodes, colours, backend = self._nodes(strokes, *height_width(size), part, top, left)
        corner = functional.pad(torch.stack([left, top], -1), (0, 2)).view(-1, 1, 1, 4)  # no radius, no alpha
        nodes = nodes - corner.to(nodes.dtype)
        return backend.paint(part.to(nodes.dtype), nodes, colours, self.design.primitive)

    def _nodes(
        self, strokes: Tensor, height: int, width: int, *inputs: Tensor
    ) -> tuple[Tensor, Tensor, Backend]:
        """Nodes and colours of strokes, and the backend that paints them and takes `inputs`."""
        check_strokes(strokes, self.design)
        strokes = strokes.double() if strokes.dtype == torch.float64 else strokes.float()
        args = NodeArgs(self.design, self.opacity, height, width)
        if isinstance(self.design.definition, StrokeLayout):
            backend = choose_backend(strokes, *inputs)
            return (*backend.nodes(strokes, args), backend)
        nodes, colours = pixel_nodes(strokes, args)
        return nodes, colours.to(nodes.dtype), choose_backend(nodes, colours, *inputs)


def choose_backend(*tensors: Tensor) -> Backend:
    """The backend that paints with these tensors, in the type of the first.

    PyTorch has the derivatives of torch.func and of forward mode; it paints where a program is traced, and
    with types that the kernel does not know: that in C knows float32 and float64, that in Triton float32.

    Raises:
        ValueError: `PAINT_GYM_KERNEL` is no kernel, or one for another device.
        RuntimeError: it is one that does not work on this machine.
    """
    forced = os.environ.get(VARIABLE)
    if forced:
        check_one_of(VARIABLE, forced, ("c", "triton", "torch"))
    device, dtype = tensors[0].device, tensors[0].dtype
    if forced == "torch" or not is_concrete(*tensors) or torch.jit.is_tracing() or needs_torch(*tensors):
        return TORCH
    if any(tensor.device != device for tensor in tensors):
        return TORCH  # its error says what is wrong
    if forced == "c" and device.type != "cpu":
        raise ValueError(f"{VARIABLE}=c paints on the CPU, and the canvas is on {device}; unset it")
    interpreted = os.environ.get("TRITON_INTERPRET", "").lower() in ("1", "true", "on", "yes", "y")
    if forced == "triton" and device.type != "cuda" and not interpreted:
        raise ValueError(
            f"{VARIABLE}=triton paints on a GPU, and the canvas is on {device}; unset it, or set "
            "TRITON_INTERPRET=1 as well, with which the kernel runs on a CPU, slowly"
        )
    name = forced or {"cpu": "c", "cuda": "triton"}.get(device.type)
    backend: KernelBackend | None
    if name == "c" and dtype in library.REALS:
        backend = library.load(dtype)
    elif name == "triton" and dtype == torch.float32:
        backend = _load_triton(device)
    else:
        return TORCH
    if backend is None and forced:
        reason = "there is no C kernel and no compiler" if name == "c" else "Triton does not work here"
        raise RuntimeError(f"{VARIABLE}={forced}, but {reason}; the log says why")
    return backend or TORCH


@functools.cache
def _load_triton(device: torch.device) -> TritonBackend | None:
    """The kernel in Triton; None, which is logged, where it does not work."""
    try:
        backend = TritonBackend()
        sizes = ((1, 1, 2, 2), (1, 1, 1, 4), (1, 1, 1))
        backend.paint_forward(tuple(torch.ones(size, device=device) for size in sizes), "sweep", False)
    except Exception as error:  # no Triton, no compiler that it wants, a GPU that it does not know
        logger.warning("painting with PyTorch, many times slower, as Triton does not work here: %s", error)
        return None
    return backend
