"""Loads the compiled `kernel.c`: what came with the package, else what the machine's C compiler makes of it.

The package has a library for each of `compiling.LEVELS`. One that was not compiled from this kernel.c, as
after a change in an editable installation, is passed over.

What is compiled at first use, in about half a second, is kept in the user's cache folder, under a name made
of the source, the compiler's version and the processor, so it is made once per machine. It is loaded again if
its checksum is right, and if nobody else could have put it there. Where there is no compiler either, `load`
returns None, and the analytic renderer falls back to PyTorch: the same numbers, slower.

All functions share the work among as many threads as torch has.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from paint_gym.renderers.analytic.c.build import (
    LEVELS,
    compile_kernel,
    find_compiler,
    fingerprint,
    shipped_key,
    shipped_name,
)
from paint_gym.renderers.analytic.layout import Form
from paint_gym.strokes import COLOUR
from paint_gym.utils.files import cache_folder, insecure_parent, replace_when_done

logger = logging.getLogger(__name__)
SHIPPED = Path(__file__).parent
"""Where setup.py puts what it compiles."""
CPUINFO = Path("/proc/cpuinfo")
REAL = {torch.float32: "float", torch.float64: "double"}
ALONE = 500_000
"""Work of `_in_parallel` that a thread does sooner than it could call others."""
BANDS = 8
"""Bands of rows into which the gradient of a canvas is cut; fixed, so that it is the same for any number of
threads and canvases."""


class Shape(ctypes.Structure):
    """Sizes of a call, as `Shape` in kernel.c."""

    _fields_ = [
        (name, ctypes.c_long) for name in ("images", "strokes", "nodes", "channels", "height", "width")
    ] + [("polygon", ctypes.c_int)]


class CForm(ctypes.Structure):
    """What outlines are made of, as `Form` in kernel.c."""

    _fields_ = [
        *((name, ctypes.c_long) for name in ("numbers", "nodes", "colours", "height", "width")),
        ("low", ctypes.c_double),
        ("high", ctypes.c_double),
        ("first", ctypes.c_int * 4),
        ("last", ctypes.c_int * 4),
        ("middle", ctypes.c_int * 2),
        ("step", ctypes.c_int),
    ]


def outline(strokes: Tensor, form: Form) -> tuple[Tensor, Tensor]:
    """See `backends.Backend`."""
    nodes = strokes.new_empty(len(strokes), form.nodes, 4)
    colours = strokes.new_empty(len(strokes), len(COLOUR))
    _outline("nodes", form, strokes, nodes, colours)
    return nodes, colours


def outline_backward(strokes: Tensor, form: Form, grad_nodes: Tensor, grad_colours: Tensor) -> Tensor:
    """See `backends.Backend`."""
    gradient = torch.zeros_like(strokes)
    _outline("nodes_backward", form, strokes, grad_nodes, grad_colours, gradient)
    return gradient


def _outline(function: str, form: Form, *tensors: Tensor) -> None:
    """Call a function of kernel.c with strokes, nodes, colours, and what is like the strokes."""
    check_outline(form, *tensors)
    at, count = form.layout, len(tensors[0])
    sizes = form.numbers, form.nodes, len(COLOUR), form.height, form.width
    told = CForm(*sizes, *form.opacity, at.first, at.last, at.middle, at.step)
    call = _part(getattr(_library_for(tensors[0]), function), tensors, told)
    _in_parallel(call, count, 50 * count * form.nodes)  # a node takes as long as so many pixels


def paint(
    canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str, keep: bool
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """See `backends.Backend`; the gradient paints again, so nothing is kept."""
    out = torch.empty(canvas.shape, dtype=canvas.dtype)
    call = Call(canvas, nodes, colours, primitive)
    _in_parallel(call.paint(out), call.strips, canvas.numel() * nodes.shape[1])
    return out, ()


def paint_backward(
    canvas: Tensor,
    nodes: Tensor,
    colours: Tensor,
    primitive: str,
    kept: tuple[Tensor, ...],
    grad_out: Tensor,
    wanted: bool,
) -> tuple[Tensor | None, Tensor, Tensor]:
    """See `backends.Backend`."""
    grad_canvas = torch.empty_like(canvas) if wanted else None
    grad_nodes = nodes.new_zeros(len(nodes), BANDS, *nodes.shape[1:])
    grad_colours = colours.new_zeros(len(nodes), BANDS, *colours.shape[1:])
    call = Call(canvas, nodes, colours, primitive)
    backward = call.paint_backward(grad_out, grad_canvas, grad_nodes, grad_colours)
    _in_parallel(backward, len(canvas) * BANDS, canvas.numel() * nodes.shape[1])
    return grad_canvas, grad_nodes.sum(1), grad_colours.sum(1)


@functools.cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="paint")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_threads.cache_clear)

Part = Callable[[int, int], int]
"""A part ``[first, end)`` of the work, which parts may share in any order; 0, or 1 if out of memory."""


def _part(function: Callable[..., int], tensors: Sequence[Tensor | None], *rest: object) -> Part:
    """A function of kernel.c with tensors, which live as long as a thread may work on them."""
    return lambda first, end: function(*map(_pointer, tensors), *rest, first, end)


def _take(call: Part, left: deque[tuple[int, int]]) -> int:
    """Do parts until none is left."""
    failed = 0
    while left:
        try:
            part = left.popleft()
        except IndexError:  # another thread was faster
            break
        failed |= call(*part)
    return failed


def _in_parallel(call: Part, items: int, work: int) -> None:
    """Run ``call(first, end)`` over all items, in chunks on torch's number of threads, this one among them.

    Args:
        call: the part.
        items: all of them.
        work: pixels times strokes, or what takes as long.
    """
    threads = min(torch.get_num_threads(), items)
    if threads == 1 or work < ALONE:
        failed = call(0, items)
    else:
        chunks = min(items, 4 * threads)
        left = deque((items * i // chunks, items * (i + 1) // chunks) for i in range(chunks))
        others: list[Future[int]] = []
        try:
            with suppress(RuntimeError):  # no more threads can be had, or Python is about to end
                for _ in range(threads - 1):
                    others.append(_threads(threads - 1).submit(_take, call, left))
            failed = _take(call, left)
            for other in others:
                failed |= not other.cancel() and other.result()  # cancelled: nothing was left for it
        except BaseException:  # as KeyboardInterrupt
            left.clear()
            raise
    if failed:
        raise MemoryError("out of memory while painting; paint fewer strokes at once or a smaller canvas")


class Call:
    """The kernel for given inputs, which are checked: it writes and reads nothing but these tensors.

    Args:
        canvas: ``(B, C, H, W)``.
        nodes: ``(B, K, M, 4)`` in pixels, M at least 1.
        colours: ``(B, K, C)``.
        primitive: ``"sweep"`` or ``"polygon"``.

    Raises:
        ValueError: shapes that do not go together, or tensors that are not contiguous, on the CPU, and of one
            dtype that the kernel is built for.

    Attributes:
        strips: of a few rows each, of all canvases, which may be painted in any order.
    """

    def __init__(self, canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str) -> None:
        check_inputs(canvas, nodes, colours, primitive)
        library = _library_for(nodes)
        images, channels, height, width = canvas.shape
        strokes, count = nodes.shape[1:3]
        self.library, self.inputs = library, (canvas, nodes, colours)
        self.strips = images * library.band_count(height)
        self.shape = Shape(images, strokes, count, channels, height, width, primitive == "polygon")

    def paint(self, out: Tensor) -> Part:
        """The painted canvases into `out`, as a function of strips ``[first, end)``."""
        _check(out, tuple(self.inputs[0].shape), self.inputs[0])
        return _part(self.library.paint, (*self.inputs, out), self.shape)

    def paint_backward(self, grad_out: Tensor, canvas: Tensor | None, nodes: Tensor, colours: Tensor) -> Part:
        """The gradient, as a function of bands ``[first, end)``, which each image is cut into.

        Args:
            grad_out: ``(B, C, H, W)``, the gradient of what `paint` gives.
            canvas: ``(B, C, H, W)``, set; None if it is not needed.
            nodes: ``(B, bands, K, M, 4)``, added to.
            colours: ``(B, bands, K, C)``, added to.
        """
        inputs, bands = self.inputs, nodes.shape[1]
        for tensor, like in ((grad_out, inputs[0]), (canvas, inputs[0])):
            if tensor is not None:
                _check(tensor, tuple(like.shape), like)
        for tensor, like in ((nodes, inputs[1]), (colours, inputs[2])):
            _check(tensor, (len(like), bands, *like.shape[1:]), like)
        tensors = (*inputs, grad_out, canvas, nodes, colours)
        return _part(self.library.paint_backward, tensors, self.shape, bands)


def _library_for(tensor: Tensor) -> ctypes.CDLL:
    library = load(tensor.dtype)
    if library is None or tensor.device.type != "cpu":
        raise ValueError(f"there is no kernel for {tensor.dtype} on {tensor.device} here")
    return library


def check_outline(form: Form, strokes: Tensor, nodes: Tensor, colours: Tensor, *alike: Tensor) -> None:
    """Refuse what no kernel may be given.

    Args:
        form: of the strokes.
        strokes: ``(N, numbers)``.
        nodes: ``(N, M, 4)``.
        colours: ``(N, 3)``.
        alike: of the shape of the strokes.

    Raises:
        ValueError: shapes that do not go together, tensors that are not contiguous, or not alike.
    """
    for tensor in (strokes, *alike):
        _check(tensor, (len(strokes), form.numbers), strokes)
    _check(nodes, (len(strokes), form.nodes, 4), strokes)
    _check(colours, (len(strokes), len(COLOUR)), strokes)


def check_inputs(canvas: Tensor, nodes: Tensor, colours: Tensor, primitive: str) -> None:
    """Refuse what no kernel may be given.

    Raises:
        ValueError: shapes that do not go together, tensors that are not contiguous, or not alike.
    """
    if canvas.ndim != 4 or nodes.ndim != 4 or colours.ndim != 3 or primitive not in ("sweep", "polygon"):
        raise ValueError(f"no call of the kernel: {[*map(_say, (canvas, nodes, colours))]}, {primitive!r}")
    images, channels, height, width = canvas.shape
    strokes, count = nodes.shape[1:3]
    _check(nodes, (images, strokes, max(1, count), 4), nodes)
    _check(canvas, (images, channels, height, width), nodes)
    _check(colours, (images, strokes, channels), nodes)


def _check(tensor: Tensor, shape: tuple[int, ...], like: Tensor) -> None:
    """Refuse a tensor that the kernel would read or write beyond its end."""
    fits = tuple(tensor.shape) == shape and tensor.dtype == like.dtype and tensor.device == like.device
    if not fits or not tensor.is_contiguous():
        kind = f"{like.dtype} on {like.device}"
        raise ValueError(f"the kernel needs a contiguous {shape} of {kind}, not {_say(tensor)}")


def _say(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} of {tensor.dtype} on {tensor.device}, strides {tensor.stride()}"


def _pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def best_level() -> str:
    """The first of `compiling.LEVELS` that this processor can run; "plain" if the system does not say."""
    cores = [set(line.partition(":")[2].split()) for line in _cpuinfo() if line.startswith("flags")]
    known = set.intersection(*cores) if cores else set()
    return next(level for level, needed in LEVELS.items() if known.issuperset(needed))


def _processor() -> str:
    """Description of the processor, so that a cache shared by machines holds a build for each kind."""
    lines = {line for line in _cpuinfo() if line.startswith(("flags", "Features", "model name"))}
    return "\n".join(sorted(lines)) or platform.processor() or platform.machine()


def _cpuinfo() -> list[str]:
    try:
        return CPUINFO.read_text().splitlines()
    except OSError:  # not Linux
        return []


def shipped(dtype: torch.dtype) -> ctypes.CDLL | None:
    """The kernel that came with the package; None if there is none for `dtype` and this processor.

    Its key is looked for before it is loaded: a library that is loaded stays.
    """
    level = best_level()
    library = SHIPPED / shipped_name(REAL[dtype], level)
    try:
        if shipped_key(level).encode() in library.read_bytes():
            return bind(library)
        reason = "it was compiled from another kernel.c"
    except (OSError, AttributeError) as error:
        reason = str(error)
    logger.debug("%s is not used: %s", library, reason)
    return None


def build(dtype: torch.dtype, compiler: str, folder: Path) -> Path:
    """Compile kernel.c for `dtype` into a folder, unless that was done before.

    Raises:
        OSError, subprocess.SubprocessError: the compiler failed, or the folder cannot be written.
    """
    version = subprocess.run([compiler, "--version"], capture_output=True, check=True, timeout=60).stdout
    key = fingerprint(compiler.encode(), version, _processor().encode())[:16]
    library = folder / f"paint_{REAL[dtype]}_{key}.so"
    checksum = library.with_suffix(".sha256")
    if library.exists() and checksum.exists() and insecure_parent(library) is None:
        if checksum.read_bytes() == _checksum(library):
            return library
        logger.warning("the native kernel in %s is damaged and is compiled again", library)
    with replace_when_done(library) as temporary:
        try:
            compile_kernel(compiler, REAL[dtype], temporary, "-march=native")
        except subprocess.CalledProcessError:  # not every compiler knows this flag on every processor
            compile_kernel(compiler, REAL[dtype], temporary)
    with replace_when_done(checksum) as temporary:
        temporary.write_bytes(_checksum(library))
    return library


def _checksum(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).hexdigest().encode()


@functools.cache
def load(dtype: torch.dtype) -> ctypes.CDLL | None:
    """The kernel for float32 or float64; None for other types, or where there is none and no compiler."""
    if dtype not in REAL:
        return None
    if (library := shipped(dtype)) is not None:
        return library
    compiler = find_compiler()
    if compiler is None:
        logger.warning(
            "no native kernel, painting with PyTorch instead, many times slower: there is no C compiler; "
            "install gcc or clang, or set the environment variable CC"
        )
        return None
    try:
        if (folder := _safe_folder()) is not None:
            return bind(build(dtype, compiler, folder))
        with tempfile.TemporaryDirectory() as private:
            return bind(build(dtype, compiler, Path(private)))
    except (OSError, subprocess.SubprocessError, AttributeError) as error:
        output = getattr(error, "stderr", None) or b""
        message = f"{error} {output.decode(errors='replace')[-500:]}"
        logger.warning("no native kernel, painting with PyTorch instead, slower: %s", message)
        return None


def _safe_folder() -> Path | None:
    """Where builds are kept, without links; None, which is logged, if it cannot be, or is not safe."""
    folder = cache_folder("native")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = folder.resolve()
        place = insecure_parent(folder)
        if place is None and os.access(folder, os.W_OK | os.X_OK):
            return folder
        reason = (
            f"others than you can change {place}: close it to them (chmod go-w)" if place else "it is closed"
        )
    except OSError as error:
        reason = str(error)
    logger.warning(
        "the native kernel is compiled anew at each start and not kept in %s: %s; or set PAINT_GYM_CACHE to "
        "a folder of your own", folder, reason,
    )  # fmt: skip
    return None


def bind(file: Path) -> ctypes.CDLL:
    """The functions of a built kernel.

    Raises:
        OSError: it cannot be loaded.
        AttributeError: it has no such functions.
    """
    library, pointer, long = ctypes.CDLL(str(file)), ctypes.c_void_p, ctypes.c_long
    library.band_count.argtypes, library.band_count.restype = [long], long
    for outline_function, tensors in ((library.nodes, 3), (library.nodes_backward, 4)):
        outline_function.argtypes = [pointer] * tensors + [CForm, long, long]
    library.paint.argtypes = [pointer] * 4 + [Shape, long, long]
    library.paint_backward.argtypes = [pointer] * 7 + [Shape, long, long, long]
    return library
