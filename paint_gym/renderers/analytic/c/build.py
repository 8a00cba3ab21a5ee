"""Compiles `kernel.c`: for the wheel, run by setup.py, and for this machine, at first use.

The wheel's library has each function for several levels of x86-64 processors, and takes the best when it is
loaded. At first use the kernel is compiled for this processor alone, and kept in the user's cache folder.
setup.py runs this file before anything is installed, so it needs nothing but Python.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)
SOURCE = Path(__file__).with_name("kernel.c")
CPUINFO = Path("/proc/cpuinfo")
REALS = ("float", "double")
# -ffast-math without its side effects on NaN and on the processor's rounding mode
FLAGS = [
    "-O3", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros",
    "-fassociative-math", "-freciprocal-math", "-fopenmp-simd",
]  # fmt: skip
LEVELS = ["-march=x86-64", '-DLEVELS="default","arch=x86-64-v3","arch=x86-64-v4"']  # gcc 12 and later
SHIPPED_FLAGS = LEVELS if (sys.platform, platform.machine()) == ("linux", "x86_64") else []


def find_compiler() -> str | None:
    """The C compiler: the environment variable ``CC``, else cc, gcc or clang; None if there is none."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and (path := shutil.which(name)):
            return path
    return None


def compile_kernel(compiler: str, real: str, library: Path, *flags: str) -> None:
    """Compile kernel.c for one of `REALS`; an OSError or SubprocessError if the compiler fails."""
    command = [compiler, *FLAGS, *flags, f"-DREAL={real}", str(SOURCE), "-o", str(library), "-lm"]
    subprocess.run(command, capture_output=True, check=True, timeout=300)


def fingerprint(*parts: bytes) -> str:
    """SHA-256 of kernel.c, `FLAGS`, and what else a build depends on."""
    return hashlib.sha256(b"\0".join((SOURCE.read_bytes(), *parts, " ".join(FLAGS).encode()))).hexdigest()


def shipped_name(real: str) -> str:
    """Name of the library that setup.py makes for one of `REALS`."""
    return f"kernel_{real}.so"


def compile_shipped(compiler: str, real: str, library: Path) -> None:
    """Compile kernel.c for all processors of this kind, with the fingerprint in it; see `compile_kernel`."""
    compile_kernel(compiler, real, library, *SHIPPED_FLAGS, f'-DKEY="{_shipped_key()}"')


def shipped_library(real: str) -> Path | None:
    """The library that setup.py made; None if there is none, or kernel.c was changed since.

    The fingerprint is read before the library is loaded, as a library that is loaded stays.
    """
    library = SOURCE.with_name(shipped_name(real))
    return library if library.exists() and _shipped_key().encode() in library.read_bytes() else None


def _shipped_key() -> str:
    return fingerprint(" ".join(SHIPPED_FLAGS).encode())


@contextmanager
def build_folder() -> Iterator[Path]:
    """The cache folder, if only the user can change it (mode 0700); else a temporary one, which is logged."""
    from paint_gym.utils.files import cache_folder

    folder, reason = cache_folder("native"), ""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if hasattr(os, "getuid") and (status.st_uid, stat.S_IMODE(status.st_mode)) != (os.getuid(), 0o700):
            reason = "others than you can change it (chmod 700)"
    except OSError as error:
        reason = str(error)
    if not reason:
        yield folder
        return
    logger.warning(
        "the native kernel is compiled anew at each start and not kept in %s: %s; or set PAINT_GYM_CACHE to "
        "a folder of your own", folder, reason,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def build(real: str, compiler: str, folder: Path) -> Path:
    """Compile kernel.c for this processor into a folder, unless that was done before.

    The name says what it was compiled from and for, as machines may share a folder. Several processes may do
    it at once. An OSError or SubprocessError if the compiler fails, or the folder cannot be written.
    """
    version = subprocess.run([compiler, "--version"], capture_output=True, check=True, timeout=60).stdout
    key = fingerprint(compiler.encode(), version, _processor().encode())[:16]
    library = folder / f"paint_{real}_{key}.so"
    if library.exists():
        return library
    from paint_gym.utils.files import replace_when_done

    with replace_when_done(library) as temporary:
        try:
            compile_kernel(compiler, real, temporary, "-march=native")
        except subprocess.CalledProcessError:  # not every compiler knows this flag on every processor
            compile_kernel(compiler, real, temporary)
    return library


def _processor() -> str:
    """Description of the processor."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []  # Linux has it
    known = {line for line in lines if line.startswith(("flags", "Features", "model name"))}
    return "\n".join(sorted(known)) or platform.processor() or platform.machine()
