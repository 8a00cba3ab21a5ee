"""Calling the kernel in C: threads, processes, memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from paint_gym.renderers import make_renderer
from paint_gym.renderers.analytic.c import library

pytestmark = pytest.mark.skipif(library.load(torch.float32) is None, reason="no kernel, and no C compiler")


def run(script: str, *arguments: str, **settings: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ | settings)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_gradients_do_not_depend_on_threads() -> None:
    gradients = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        strokes = torch.rand(1, 200, 13, generator=torch.Generator().manual_seed(0)).requires_grad_()
        make_renderer("analytic").paint(torch.zeros(1, 3, 128, 128), strokes).square().sum().backward()
        gradients.append(strokes.grad)
    assert torch.equal(*gradients)


@pytest.mark.parametrize(
    "shapes",
    [{"canvas": (1, 3, 8, 9)}, {"nodes": (2, 4, 5, 3)}, {"nodes": (2, 4, 0, 4)}, {"colours": (2, 5, 3)}],
)
def test_shapes_that_do_not_fit_are_refused(shapes: dict[str, tuple[int, ...]]) -> None:
    sizes = {"canvas": (2, 3, 8, 9), "nodes": (2, 4, 5, 4), "colours": (2, 4, 3)}
    kernel = library.load(torch.float32)
    kernel.paint(*map(torch.zeros, sizes.values()), "sweep")
    with pytest.raises(ValueError, match="the kernel needs a canvas"):
        kernel.paint(*map(torch.zeros, (sizes | shapes).values()), "sweep")
    with pytest.raises(ValueError, match="the kernel needs a canvas"):
        make_renderer("analytic").paint(torch.zeros(1, 4, 8, 8), torch.rand(1, 2, 13))


SANITIZED = """
import subprocess, sys, torch
from pathlib import Path
from paint_gym.renderers.analytic.c import build, library
from paint_gym.renderers import make_renderer
from paint_gym.strokes import STROKES
file = Path(sys.argv[1])
flags = ["-g", "-O1", "-fPIC", "-shared", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
command = ["gcc", *flags, "-DREAL=float", str(build.SOURCE), "-o", str(file), "-lm"]
subprocess.run(command, check=True, env={"PATH": "/usr/bin:/bin"})
library.load = lambda dtype, kernel=library.CBackend(file): kernel
torch.manual_seed(0)
for stroke in STROKES:
    renderer = make_renderer("analytic", stroke)
    for batch, strokes, size in ((1, 0, (8, 8)), (2, 3, (0, 5)), (9, 7, (16, 33)), (1, 60, (70, 90))):
        for scale in (1.0, 0.0, 3.0, 1e6):
            inputs = (torch.rand(batch, strokes, renderer.design.dim) - 0.2) * scale
            inputs.requires_grad_()
            canvas = torch.rand(batch, 3, *size, requires_grad=True)
            painted = renderer.paint(canvas, inputs)
            torch.autograd.grad(painted, (canvas, inputs), torch.rand_like(painted))
            if min(size):
                renderer(inputs.flatten(0, 1), size)
print("clean")
"""


@pytest.mark.slow
def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    """All designs, also far outside the canvas, forward and backward, under address and UB sanitizers."""
    commands = [["gcc", f"-print-file-name=lib{name}.so"] for name in ("asan", "ubsan")]
    files = [subprocess.run(command, capture_output=True, text=True).stdout.strip() for command in commands]
    if not all(Path(file).is_absolute() for file in files):
        pytest.skip("gcc's sanitizers are not installed")
    settings = {"LD_PRELOAD": " ".join(files), "ASAN_OPTIONS": "detect_leaks=0"}
    assert run(SANITIZED, str(tmp_path / "kernel.so"), **settings).endswith("clean\n")
