"""Compiles the kernel into the package, if there is a C compiler; all else is in setup.cfg.

What it makes is loaded by ctypes and knows nothing of Python, so one wheel serves all versions of Python.
"""

import os
import runpy
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

FOLDER = "paint_gym/renderers/analytic/c"
build = runpy.run_path(f"{FOLDER}/build.py")
COMPILER = build["find_compiler"]()
KERNELS = {f"{FOLDER}/{build['shipped_name'](real)}": real for real in build["REALS"] if COMPILER}


class BuildKernels(build_ext):
    """Compiles as at first use, not with the flags that Python was built with."""

    def get_ext_filename(self, fullname: str) -> str:
        """The file of an extension, which has no version of Python in its name."""
        return os.path.join(*fullname.split(".")) + ".so"

    def build_extension(self, ext: Extension) -> None:
        """Compile one kernel; after a CompileError setuptools warns, and goes on without it."""
        library = Path(self.get_ext_fullpath(ext.name))
        library.parent.mkdir(parents=True, exist_ok=True)
        try:
            build["compile_shipped"](COMPILER, KERNELS[self.get_ext_filename(ext.name)], library)
        except (OSError, subprocess.SubprocessError) as error:
            output = getattr(error, "stderr", None) or b""
            raise CompileError(f"{error} {output.decode(errors='replace')}") from error


class Wheel(bdist_wheel):
    """A wheel for all versions of Python on one kind of machine; for all machines, if without a kernel."""

    def get_tag(self) -> tuple[str, str, str]:
        """The tag of the file's name."""
        return ("py3", "none", super().get_tag()[2])


setup(
    ext_modules=[
        Extension(name.removesuffix(".so").replace("/", "."), [f"{FOLDER}/kernel.c"], optional=True)
        for name in KERNELS
    ],
    cmdclass={"build_ext": BuildKernels, "bdist_wheel": Wheel},
)
