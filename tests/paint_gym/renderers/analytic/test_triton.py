"""The kernels for GPUs, run on the CPU by Triton's interpreter, against the kernel in C; and compiled."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch
from torch import Tensor

from paint_gym import make_renderer
from paint_gym.renderers.analytic import renderer as analytic
from paint_gym.renderers.analytic.autograd import TorchBackend
from paint_gym.renderers.analytic.c import library
from paint_gym.renderers.analytic.nodes import NodeArgs, pixel_nodes
from paint_gym.renderers.analytic.triton import launch
from paint_gym.renderers.analytic.triton.launch import TritonBackend
from paint_gym.strokes import BUILT_IN, StrokeDesign, get_stroke
from tests.paint_gym.renderers.analytic.test_nodes import results as nodes_and_gradient
from tests.paint_gym.renderers.analytic.test_nodes import wild_strokes
from tests.paint_gym.renderers.analytic.test_renderer import random_nodes

pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed"),
    pytest.mark.skipif(library.load(torch.float64) is None, reason="no kernel in C to compare with"),
    pytest.mark.filterwarnings("ignore:.*(divide by zero|overflow|invalid value):RuntimeWarning"),
]
DESIGNS = pytest.mark.parametrize("design", BUILT_IN, ids=lambda design: design.name)


@pytest.fixture(scope="module")
def interpreted() -> Iterator[TritonBackend]:
    """Kernels and Triton imported anew, since TRITON_INTERPRET is looked at then."""

    def forget() -> dict[str, ModuleType]:
        pattern = r"triton\b(?!\._C)|paint_gym\.renderers\.analytic\.triton\.kernels"
        return {name: sys.modules.pop(name) for name in list(sys.modules) if re.match(pattern, name)}

    before = forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        patch.setenv("PAINT_GYM_KERNEL", "triton")
        analytic._load_triton.cache_clear()
        yield TritonBackend()
    analytic._load_triton.cache_clear()
    forget()
    sys.modules.update(before)


@pytest.fixture
def backend(interpreted: TritonBackend, monkeypatch: pytest.MonkeyPatch) -> TritonBackend:
    """With tiles so large that the interpreter, which goes through them one by one, is quick."""
    monkeypatch.setattr(launch, "SIDES", (32,))
    return interpreted


def compare(
    backend: TritonBackend, inputs: list[Tensor], primitive: str, weight: Tensor, dtype: torch.dtype
) -> list[Tensor]:
    """Gradients of canvas, nodes and colours; they and the canvas are close to those of the kernel in C."""
    results = []
    for kernel, real in ((backend, torch.float32), (library.load(dtype), dtype)):
        leaves = [tensor.to(real).requires_grad_() for tensor in inputs]
        painted = kernel.paint(*leaves, primitive)
        gradients = torch.autograd.grad(painted, leaves, weight.to(real))
        results.append([tensor.detach().double() for tensor in (painted, *gradients)])
    (painted, *gradients), (expected, *references) = results
    torch.testing.assert_close(painted, expected, rtol=0, atol=1e-4)
    for gradient, reference in zip(gradients, references, strict=True):
        assert (gradient - reference).norm() < 1e-4 * reference.norm() + 1e-6
    return gradients


def arguments(
    design: StrokeDesign, size: tuple[int, int], batch: int, count: int
) -> tuple[list[Tensor], str, Tensor]:
    generator = torch.Generator().manual_seed(count)
    strokes = torch.rand(batch, count, design.dim, generator=generator)
    canvas = torch.rand(batch, 3, *size, generator=generator)
    nodes, colours = pixel_nodes(strokes, NodeArgs(design, (0.0, 1.0), *size))
    weight = torch.randn(batch, 3, *size, generator=generator)
    return [canvas, nodes, colours.contiguous()], design.primitive, weight


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 64), (32, 21)])
@DESIGNS
def test_paints_what_the_kernel_in_c_paints(
    design: StrokeDesign, size: tuple[int, int], backend: TritonBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "SIDES", (64,))
    compare(backend, *arguments(design, size, 1, 200), torch.float64)


@DESIGNS
def test_nodes_equal_those_of_pytorch(design: StrokeDesign, backend: TritonBackend) -> None:
    """Also far outside the unit cube, where thin strokes are frequent."""
    strokes = wild_strokes(design, torch.float32)[2:4]
    for size, opacity in (((128, 128), (0.0, 1.0)), ((9, 30), (0.25, 0.75))):
        args = NodeArgs(design, opacity, *size)
        ours = nodes_and_gradient(backend, strokes, args)
        expected = nodes_and_gradient(TorchBackend(), strokes.double(), args)
        for output, reference in zip(ours, expected, strict=True):
            assert output.dtype == torch.float32
            torch.testing.assert_close(output.double(), reference, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("stroke", "side"), [("bezier", 16), ("circle", 8), ("triangle", 8)])
def test_tiles_and_fewer_groups_change_nothing(
    stroke: str, side: int, backend: TritonBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "SIDES", (side,))
    if side == 16:
        monkeypatch.setattr(launch, "SUMS_BYTES", 1)
    compare(backend, *arguments(get_stroke(stroke), (21, 35), 1, 3), torch.float64)


@pytest.mark.parametrize(("primitive", "count"), [("sweep", 1), ("sweep", 2), ("sweep", 9), ("polygon", 3)])
def test_any_nodes(primitive: str, count: int, backend: TritonBackend) -> None:
    """Repeated nodes, discs within discs, flat polygons, strokes beyond the canvas."""
    generator = torch.Generator().manual_seed(count)
    for (height, width), reach in (((31, 22), 30.0), ((1, 40), 30.0), ((4, 4), 3.0)):
        canvas, weight = torch.rand(2, 2, 3, height, width, generator=generator)
        nodes = random_nodes(primitive, count, generator, reach, 9.0).float()
        colours = torch.rand(2, 3, 3, generator=generator)
        # in one precision: of two equal segments, rounding decides which is nearer
        compare(backend, [canvas, nodes, colours], primitive, weight, torch.float32)


def test_the_renderer_uses_it(backend: TritonBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage, painting, a part of a canvas; without gradients nothing is recorded."""
    renderer, canvas = make_renderer("analytic", "straight"), torch.rand(2, 3, 20, 24)
    strokes, places = torch.rand(2, 3, 11), (torch.tensor([3, 0]), torch.tensor([0, 9]))
    part = canvas[..., :9, :10].contiguous()
    results, recorded = [], []
    forward = TritonBackend.paint_forward
    monkeypatch.setattr(
        TritonBackend, "paint_forward", lambda *args: recorded.append(args[-1]) or forward(*args)
    )
    analytic._load_triton(canvas.device)
    recorded.clear()
    for name in ("triton", "c"):
        monkeypatch.setenv("PAINT_GYM_KERNEL", name)
        with torch.no_grad():
            painted = renderer.paint(canvas, strokes.clone().requires_grad_())
        results.append([
            painted,
            renderer(strokes[0], (20, 24)),
            renderer.paint(canvas, strokes[:, :0]),
            renderer.paint(canvas[:0], strokes[:0]),
            renderer.paint_part(part, strokes, *places, (20, 24)),
        ])  # fmt: skip
    assert recorded == [False] * 5
    for output, reference in zip(*results, strict=True):
        torch.testing.assert_close(output, reference, rtol=0, atol=1e-4)


def test_float64_and_transforms_go_to_pytorch(
    interpreted: TritonBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreted, "paint_forward", None)
    renderer, strokes = make_renderer("analytic", "circle"), torch.rand(2, 3, 7)
    canvas = torch.zeros(2, 3, 12, 12)
    expected = torch.func.vmap(lambda row: renderer.paint(canvas[:1], row[None])[0])(strokes)
    painted = renderer.paint(canvas.double(), strokes.double())
    torch.testing.assert_close(painted.float(), expected, rtol=0, atol=1e-4)


COMPILE = """
import json
from benchmarks.gpu import CAPABILITIES, compiled
print(json.dumps([row for capability in CAPABILITIES for row in compiled(capability)]))
"""


@pytest.mark.slow
def test_compiles_for_gpus_and_spills_nothing() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    kernels = json.loads(done.stdout)
    names = {"nodes_kernel", "build_segments_kernel", "paint_kernel"}
    names |= {"paint_backward_kernel", "gather_kernel", "nodes_backward_kernel"}
    assert {kernel["kernel"] for kernel in kernels} == names
    for kernel in kernels:
        assert kernel["spilled"] == 0 and kernel["registers"] <= 128, kernel
