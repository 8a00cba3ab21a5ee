"""Calls the functions of `kernel.c`: the analytic renderer on a CPU, on as many threads as torch has."""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from paint_gym.renderers.analytic.autograd import Gradients, KernelBackend, Tensors
from paint_gym.renderers.analytic.c.build import build, build_folder, find_compiler, shipped_library
from paint_gym.renderers.analytic.nodes import NodeArgs
from paint_gym.strokes import COLOUR

logger = logging.getLogger(__name__)
REALS = {torch.float32: "float", torch.float64: "double"}
THREAD_WORK = 500_000  # below this work (see `_run`), starting threads costs more than it saves
GROUPS = 8  # sums of gradients for each canvas; fixed, so that they are the same for any number of threads

RangeFunction = Callable[[int, int], int]
"""A function of kernel.c over a range ``[first, end)`` of its items; 0, or 1 if out of memory."""


class Shape(ctypes.Structure):
    """Sizes of canvases and strokes, as `Shape` in kernel.c."""

    _fields_ = [
        *((name, ctypes.c_long) for name in ("images", "strokes", "nodes", "channels", "height", "width")),
        ("polygon", ctypes.c_int),
    ]


class CStrokeLayout(ctypes.Structure):
    """`NodeArgs`, as `StrokeLayout` in kernel.c."""

    _fields_ = [
        *((name, ctypes.c_long) for name in ("numbers", "nodes", "colours", "height", "width")),
        *((name, ctypes.c_double) for name in ("low", "high")),
        *((name, ctypes.c_int * 4) for name in ("first", "last")),
        ("middle", ctypes.c_int * 2),
        ("polygon", ctypes.c_int),
    ]


class CBackend(KernelBackend):
    """The kernel in C, for one float type.

    Raises:
        OSError, AttributeError: `file` cannot be loaded, or has no such functions.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.library = file, ctypes.CDLL(str(file))
        pointer, long = ctypes.c_void_p, ctypes.c_long
        self.library.band_count.argtypes, self.library.band_count.restype = [long], long
        self.library.nodes.argtypes = [pointer] * 3 + [CStrokeLayout, long, long]
        self.library.nodes_backward.argtypes = [pointer] * 4 + [CStrokeLayout, long, long]
        self.library.paint.argtypes = [pointer] * 4 + [Shape, long, long]
        self.library.paint_backward.argtypes = [pointer] * 7 + [Shape, long, long, long]

    def run_nodes(self, name: str, args: NodeArgs, *tensors: Tensor) -> None:
        """See `KernelBackend.run_nodes`."""
        count = len(tensors[0])
        sizes = (args.design.dim, args.node_count, len(COLOUR), args.height, args.width)
        first, middle, last = zip(*args.places, strict=True)
        layout = CStrokeLayout(*sizes, *args.opacity, first, last, middle[:2], args.polygon)
        work = 50 * count * args.node_count  # a node takes as long as 50 pixels
        _run(_bind(getattr(self.library, name), tensors, layout), count, work)

    def paint_forward(self, inputs: Tensors, primitive: str, record: bool) -> tuple[Tensor, Tensors]:
        """See `KernelBackend.paint_forward`; the gradient paints again, so nothing is recorded."""
        canvas, nodes, _ = inputs
        out, bands = torch.empty_like(canvas), len(canvas) * self.library.band_count(canvas.shape[2])
        function = _bind(self.library.paint, (*inputs, out), _shape(canvas, nodes, primitive))
        _run(function, bands, canvas.numel() * nodes.shape[1])
        return out, ()

    def paint_backward(self, inputs: Tensors, primitive: str, grad: Tensor, canvas_grad: bool) -> Gradients:
        """See `KernelBackend.paint_backward`."""
        canvas, nodes, colours = inputs
        grad_canvas = torch.empty_like(canvas) if canvas_grad else None
        grad_nodes = nodes.new_zeros(len(nodes), GROUPS, *nodes.shape[1:])
        grad_colours = colours.new_zeros(len(nodes), GROUPS, *colours.shape[1:])
        tensors = (*inputs, grad, grad_canvas, grad_nodes, grad_colours)
        function = _bind(self.library.paint_backward, tensors, _shape(canvas, nodes, primitive), GROUPS)
        _run(function, len(canvas) * GROUPS, canvas.numel() * nodes.shape[1])
        return grad_canvas, grad_nodes.sum(1), grad_colours.sum(1)


@functools.cache
def load(dtype: torch.dtype) -> CBackend | None:
    """The kernel for one of `REALS`; None, which is logged, where there is none and it cannot be compiled.

    It is the one that came with the package, if that was compiled from this kernel.c; else it is compiled.
    """
    with suppress(OSError, AttributeError):
        if (shipped := shipped_library(REALS[dtype])) is not None:
            return CBackend(shipped)
    try:
        if (compiler := find_compiler()) is None:
            raise FileNotFoundError("there is no C compiler; install gcc or clang, or set CC")
        with build_folder() as folder:
            return CBackend(build(REALS[dtype], compiler, folder))
    except (OSError, subprocess.SubprocessError, AttributeError) as error:
        output = (getattr(error, "stderr", None) or b"").decode(errors="replace")[-500:]
        message = "no native kernel, painting with PyTorch instead, many times slower: %s %s"
        logger.warning(message, error, output)
        return None


def _shape(canvas: Tensor, nodes: Tensor, primitive: str) -> Shape:
    return Shape(len(canvas), *nodes.shape[1:3], *canvas.shape[1:], primitive == "polygon")


def _bind(function: Callable[..., int], tensors: Sequence[Tensor | None], *rest: object) -> RangeFunction:
    """A function of kernel.c with tensors, which live as long as a thread may work on them."""
    return lambda first, end: function(*map(_pointer, tensors), *rest, first, end)


def _pointer(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _run(function: RangeFunction, items: int, work: int) -> None:
    """Call a function over all items, in ranges shared by torch's number of threads, this one among them.

    `work` is pixels times strokes, or what takes as long. Raises a MemoryError if a range ran out of memory.
    """
    threads = min(torch.get_num_threads(), items)
    if threads == 1 or work < THREAD_WORK:
        failed = function(0, items)
    else:
        count = min(items, 4 * threads)
        ranges = deque((items * i // count, items * (i + 1) // count) for i in range(count))
        futures: list[Future[int]] = []
        with suppress(RuntimeError):  # no more threads can be had, or Python is about to end
            for _ in range(threads - 1):
                futures.append(_threads(threads - 1).submit(_work, function, ranges))
        failed = _work(function, ranges)
        for future in futures:
            failed |= not future.cancel() and future.result()  # cancelled: no range remained for it
    if failed:
        raise MemoryError("out of memory while painting; paint fewer strokes at once or a smaller canvas")


def _work(function: RangeFunction, ranges: deque[tuple[int, int]]) -> int:
    """Call the function with ranges until none remains."""
    failed = 0
    with suppress(IndexError):
        while True:
            failed |= function(*ranges.popleft())
    return failed


@functools.cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="paint")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_threads.cache_clear)
