"""How `kernel.c` is compiled: by setup.py for the wheel, and by `kernel` at first use.

setup.py runs this file before anything is installed, so it needs nothing but Python.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

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
    "-fopenmp-simd",
]
REALS = ("float", "double")
LEVELS = {
    "avx512": ("avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"),
    "avx2": ("avx2", "fma"),
    "plain": (),
}
"""What the kernel is compiled for, the fastest first: instructions, by their names in gcc and in Linux."""


def find_compiler() -> str | None:
    """The C compiler: the environment variable ``CC``, else cc, gcc or clang; None if there is none."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and (path := shutil.which(name)):
            return path
    return None


def compile_kernel(compiler: str, real: str, library: Path, *flags: str) -> None:
    """Compile kernel.c for one of `REALS`, with more than `FLAGS`.

    Raises:
        OSError, subprocess.SubprocessError: the compiler cannot be run, or failed.
    """
    command = [compiler, *FLAGS, *flags, f"-DREAL={real}", str(SOURCE), "-o", str(library), "-lm"]
    subprocess.run(command, capture_output=True, check=True, timeout=300)


def fingerprint(*parts: bytes) -> str:
    """The SHA-256 of kernel.c, `FLAGS`, and what else a build depends on."""
    return hashlib.sha256(b"\0".join((SOURCE.read_bytes(), *parts, " ".join(FLAGS).encode()))).hexdigest()


def shipped_levels() -> list[str]:
    """The levels that setup.py compiles for: all of an x86-64 processor, of others the plain one."""
    return list(LEVELS) if (sys.platform, platform.machine()) == ("linux", "x86_64") else ["plain"]


def shipped_name(real: str, level: str) -> str:
    """The name of the library that setup.py makes for one of `REALS` and one of `LEVELS`."""
    return f"kernel_{real}_{level}.so"


def shipped_key(level: str) -> str:
    """What a shipped library holds: the fingerprint of what it was compiled from."""
    return fingerprint(" ".join(_flags(level)).encode())


def compile_shipped(compiler: str, real: str, level: str, library: Path) -> None:
    """Compile kernel.c for one of `REALS` and one of `LEVELS`, with its key in it.

    Raises:
        OSError, subprocess.SubprocessError: the compiler cannot be run, or failed.
    """
    compile_kernel(compiler, real, library, *_flags(level), f'-DKEY="{shipped_key(level)}"')


def _flags(level: str) -> list[str]:
    """A level, whatever the compiler takes for granted by itself."""
    if shipped_levels() == ["plain"]:
        return []
    return ["-march=x86-64", *(f"-m{name}" for name in LEVELS[level])]
