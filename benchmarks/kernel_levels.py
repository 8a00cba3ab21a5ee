"""How fast the kernel of the wheel is, against one that is compiled for this very processor.

Run: python -m benchmarks.kernel_levels --threads 1 --json benchmarks/results/kernel_levels.json

Both take turns in one process, on the same Bezier strokes at 128 px. The wheel's has every function for three
levels of x86-64 processors, and takes the best that this one can run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import torch

from benchmarks.harness.suite import BenchmarkConfig, Row, Table, at_most, main, random_strokes, take_turns
from benchmarks.speed import forward, forward_backward
from paint_gym.renderers import make_renderer
from paint_gym.renderers.analytic.c import build, library
from paint_gym.renderers.analytic.c.library import CBackend
from paint_gym.strokes import get_stroke

SIZE = 128
BAR = 1.1  # times the native build's seconds


@dataclass(frozen=True)
class KernelLevels(BenchmarkConfig):
    """How fast the kernel of the wheel is, against one that is compiled for this processor."""

    strokes: int = 480
    """Strokes on one canvas."""
    repeats: int = 31
    """Timed turns, after two that warm up."""


def backends(dtype: torch.dtype, folder: Path) -> dict[str, CBackend]:
    """The native build, and that of the wheel.

    Raises:
        ValueError: there is no compiler.
    """
    compiler = build.find_compiler()
    if compiler is None:
        raise ValueError("there is no C compiler; install gcc or clang, or set the environment variable CC")
    real = library.REALS[dtype]
    build.compile_shipped(compiler, real, folder / build.shipped_name(real))
    files = {"native": build.build(real, compiler, folder), "wheel": folder / build.shipped_name(real)}
    return {name: CBackend(file) for name, file in files.items()}


def on(backend: CBackend, call: Callable[[], object]) -> Callable[[], object]:
    """A call that paints with this kernel."""

    def paint() -> object:
        with patch.object(library, "load", return_value=backend):
            return call()

    return paint


def compare(dtype: torch.dtype, options: KernelLevels, folder: Path) -> Iterator[Row]:
    """Seconds with each kernel, with and without gradients."""
    strokes = random_strokes(get_stroke("bezier"), 1, options.strokes).to(dtype)
    canvas, renderer = torch.rand(1, 3, SIZE, SIZE, dtype=dtype), make_renderer("analytic", "bezier")
    kernels = backends(dtype, folder)
    for what, measure in (("forward", forward), ("forward and backward", forward_backward)):
        call = measure(lambda strokes: renderer.paint(canvas, strokes), strokes)
        calls = {name: on(backend, call) for name, backend in kernels.items()}
        seconds = take_turns(calls, options.repeats)
        native, wheel = seconds["native"], seconds["wheel"]
        row: Row = {"numbers": library.REALS[dtype], "what": what, "seconds": wheel, "native": native}
        yield row | {"times": wheel / native} | at_most(wheel / native, BAR)


def tables(options: KernelLevels) -> Iterator[Table]:
    """The one table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for dtype in library.REALS for row in compare(dtype, options, Path(folder))]
    yield f"painting of {options.strokes} strokes", rows


if __name__ == "__main__":
    main(KernelLevels, tables)
