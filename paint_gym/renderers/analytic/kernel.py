"""Compiles `kernel.c` at first use with the machine's own C compiler, keeps the result, and loads it.

The build takes about half a second and is kept in the user's cache folder, under a name made of the source,
the compiler's version and the processor, so it is made once per machine. Without a compiler `load` returns
None, and the analytic renderer falls back to PyTorch: the same numbers, slower.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import subprocess
from pathlib import Path

import torch

from paint_gym.utils.files import cache_folder, replace_when_done

logger = logging.getLogger(__name__)
SOURCE = Path(__file__).with_name("kernel.c")
# -ffast-math without its two side effects: NaN stays visible, and the processor's rounding mode stays as it
# is.
FLAGS = [
    "-O3",
    "-fPIC",
    "-shared",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fassociative-math",
    "-freciprocal-math",
]
REAL = {torch.float32: "float", torch.float64: "double"}


class Shape(ctypes.Structure):
    """Sizes of a call, as `Shape` in kernel.c."""

    _fields_ = [
        (name, ctypes.c_long) for name in ("images", "strokes", "nodes", "channels", "height", "width")
    ] + [("polygon", ctypes.c_int)]


def find_compiler() -> str | None:
    """The C compiler: the environment variable ``CC``, else cc, gcc or clang; None if there is none."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and (path := shutil.which(name)):
            return path
    return None


def _processor() -> str:
    """Description of the processor, so that a cache shared by machines holds a build for each kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return "\n".join(
            sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))})
        )
    except OSError:
        return platform.processor() or platform.machine()


def build(dtype: torch.dtype, compiler: str) -> Path:
    """Compile kernel.c for `dtype` unless that was done before.

    Raises:
        OSError, subprocess.SubprocessError: the compiler failed, or the cache folder cannot be written.
    """
    version = subprocess.run([compiler, "--version"], capture_output=True, check=True, timeout=60).stdout
    parts = (SOURCE.read_bytes(), compiler.encode(), version, _processor().encode(), " ".join(FLAGS).encode())
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    library = cache_folder("native") / f"paint_{REAL[dtype]}_{key}.so"
    if library.exists():
        return library
    with replace_when_done(library) as temporary:
        command = [compiler, *FLAGS, f"-DREAL={REAL[dtype]}", str(SOURCE), "-o", str(temporary), "-lm"]
        tuned = subprocess.run([*command, "-march=native"], capture_output=True, timeout=300)
        if tuned.returncode:  # not every compiler knows this flag on every processor
            subprocess.run(command, capture_output=True, check=True, timeout=300)
    return library


@functools.cache
def load(dtype: torch.dtype) -> ctypes.CDLL | None:
    """The kernel for float32 or float64; None for other types, or where nothing can be compiled."""
    compiler = find_compiler()
    if dtype not in REAL or compiler is None:
        return None
    try:
        library = ctypes.CDLL(str(build(dtype, compiler)))
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None) or b""
        logger.warning(
            "no native kernel, painting with PyTorch instead: %s %s", error, output.decode()[-500:]
        )
        return None
    pointer, long = ctypes.c_void_p, ctypes.c_long
    library.paint.argtypes = [pointer] * 4 + [Shape, long, long]
    library.paint_backward.argtypes = [pointer] * 7 + [Shape, long, long, long]
    return library
