"""How fast the kernels of the wheel are, against one that is compiled for this very processor.

Run: python -m benchmarks.kernel_levels --threads 1 --json benchmarks/results/kernel_levels.json

All take turns in one process, on the same Bezier strokes at 128 px. The first of them is what the wheel uses
on this processor; the others are for lesser ones.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import torch

from benchmarks.harness.suite import BenchmarkConfig, Row, Table, at_most, main, random_strokes, take_turns
from benchmarks.speed import forward, forward_backward
from paint_gym.renderers import make_renderer
from paint_gym.renderers.analytic.c import build as compiling
from paint_gym.renderers.analytic.c import library as kernel
from paint_gym.strokes import get_stroke

SIZE = 128
BAR = 1.1  # times the native build's seconds


@dataclass(frozen=True)
class KernelLevels(BenchmarkConfig):
    """How fast the kernels of the wheel are, against one that is compiled for this processor."""

    strokes: int = 480
    """Strokes on one canvas."""
    repeats: int = 31
    """Timed turns, after two that warm up."""


def libraries(dtype: torch.dtype, folder: Path) -> dict[str, ctypes.CDLL]:
    """The native build, and those of the wheel that this processor can run, the fastest first.

    Raises:
        ValueError: there is no compiler.
    """
    compiler = compiling.find_compiler()
    if compiler is None:
        raise ValueError("there is no C compiler; install gcc or clang, or set the environment variable CC")
    found = {"native": kernel.bind(kernel.build(dtype, compiler, folder))}
    levels = list(compiling.LEVELS)
    for level in levels[levels.index(kernel.best_level()) :]:
        library = folder / compiling.shipped_name(kernel.REAL[dtype], level)
        compiling.compile_shipped(compiler, kernel.REAL[dtype], level, library)
        found[level] = kernel.bind(library)
    return found


def on(library: ctypes.CDLL, call: Callable[[], object]) -> Callable[[], object]:
    """A call that paints with this kernel."""

    def paint() -> object:
        with patch.object(kernel, "load", return_value=library):
            return call()

    return paint


def compare(dtype: torch.dtype, options: KernelLevels, folder: Path) -> Iterator[Row]:
    """Seconds with each kernel, with and without gradients."""
    strokes = random_strokes(get_stroke("bezier"), 1, options.strokes).to(dtype)
    canvas, renderer = torch.rand(1, 3, SIZE, SIZE, dtype=dtype), make_renderer("analytic", "bezier")
    built = libraries(dtype, folder)
    for what, measure in (("forward", forward), ("forward and backward", forward_backward)):
        call = measure(lambda strokes: renderer.paint(canvas, strokes), strokes)
        calls = {name: on(library, call) for name, library in built.items()}
        seconds = take_turns(calls, options.repeats)
        native = seconds.pop("native")
        for level, own in seconds.items():
            row: Row = {"numbers": kernel.REAL[dtype], "what": what, "kernel": level, "seconds": own}
            row |= {"native": native, "times": own / native}
            yield row | at_most(own / native, BAR) if level == kernel.best_level() else row


def tables(options: KernelLevels) -> Iterator[Table]:
    """The one table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for dtype in kernel.REAL for row in compare(dtype, options, Path(folder))]
    yield f"painting of {options.strokes} strokes", rows


if __name__ == "__main__":
    main(KernelLevels, tables)
