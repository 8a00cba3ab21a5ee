"""The kernels for GPUs, run on the CPU by Triton's interpreter, against the kernel in C; and compiled."""

from __future__ import annotations

import importlib
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

from benchmarks import gpu
from paint_gym import make_renderer
from paint_gym.renderers.analytic import backends
from paint_gym.renderers.analytic import nodes as outline
from paint_gym.renderers.analytic import renderer as analytic
from paint_gym.renderers.analytic.c import library as kernel
from paint_gym.renderers.analytic.triton import tiles
from paint_gym.strokes import get_stroke
from tests.paint_gym.renderers.analytic.test_nodes import results as outlined
from tests.paint_gym.renderers.analytic.test_renderer import random_nodes

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed"),
    pytest.mark.skipif(kernel.load(torch.float64) is None, reason="no kernel in C to compare with"),
    pytest.mark.filterwarnings("ignore:.*(divide by zero|overflow|invalid value):RuntimeWarning"),
]
PACKAGE = "paint_gym.renderers.analytic."
DESIGNS = ["bezier", "circle", "straight", "triangle"]


@pytest.fixture(scope="module")
def interpreted() -> Iterator[ModuleType]:
    """The backend; it and Triton are imported anew, since TRITON_INTERPRET is looked at then."""

    def forget() -> dict[str, ModuleType]:
        names = [
            name
            for name in sys.modules
            if re.match(rf"triton\b(?!\._C)|{PACKAGE}triton\.(kernels|launch)", name)
        ]
        return {name: sys.modules.pop(name) for name in names}

    before = forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        patch.setenv("PAINT_GYM_KERNEL", "triton")
        backends._triton.cache_clear()
        yield importlib.import_module(f"{PACKAGE}triton.launch")
    backends._triton.cache_clear()
    forget()
    sys.modules.update(before)


@pytest.fixture
def backend(interpreted: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """With tiles so large that the interpreter, which goes through them one by one, is quick."""
    monkeypatch.setattr(tiles, "SIDES", (32,))
    return interpreted


def compare(
    inputs: list[Tensor], primitive: str, weight: Tensor, reference: torch.dtype = torch.float64
) -> list[tuple[Tensor, Tensor]]:
    """What the kernel paints, and the gradients of all inputs, each beside that of the kernel in C."""
    results = []
    with pytest.MonkeyPatch.context() as patch:
        for which, dtype in (("triton", torch.float32), ("c", reference)):
            patch.setenv("PAINT_GYM_KERNEL", which)
            leaves = [tensor.to(dtype).requires_grad_() for tensor in inputs]
            painted = analytic.paint_nodes(*leaves, primitive)
            results.append([painted.detach(), *torch.autograd.grad(painted, leaves, weight.to(dtype))])
    return [(ours.double(), theirs.double()) for ours, theirs in zip(*results, strict=True)]


def assert_close(pairs: list[tuple[Tensor, Tensor]], tolerance: float = 1e-4) -> None:
    (painted, expected), *gradients = pairs
    torch.testing.assert_close(painted, expected, rtol=0, atol=tolerance)
    for ours, theirs in gradients:
        assert (ours - theirs).norm() < 1e-4 * theirs.norm() + 1e-6


def arguments(stroke: str, size: tuple[int, int], batch: int, count: int) -> tuple[list[Tensor], str, Tensor]:
    generator = torch.Generator().manual_seed(count)
    design = get_stroke(stroke)
    strokes = torch.rand(batch, count, design.dim, generator=generator)
    canvas = torch.rand(batch, 3, *size, generator=generator)
    nodes, _ = make_renderer("analytic", design)._outline(strokes, *size)
    weight = torch.randn(batch, 3, *size, generator=generator)
    return [canvas, nodes, strokes[..., -3:].contiguous()], design.primitive, weight


@pytest.mark.slow
@pytest.mark.parametrize("size", [(16, 16), (32, 32), (64, 64), (16, 24), (32, 21), (42, 64)])
@pytest.mark.parametrize("stroke", DESIGNS)
def test_paints_what_the_kernel_in_c_paints(
    stroke: str, size: tuple[int, int], backend: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "SIDES", (64,))
    inputs, primitive, weight = arguments(stroke, size, 1, 200)
    assert_close(compare(inputs, primitive, weight))


@pytest.mark.parametrize("opacity", [(0.0, 1.0), (0.25, 0.75)])
@pytest.mark.parametrize("stroke", DESIGNS)
def test_outlines_as_designs_do(stroke: str, opacity: tuple[float, float], backend: ModuleType) -> None:
    """Also far outside the unit cube, where thin strokes are frequent."""
    design, generator = get_stroke(stroke), torch.Generator().manual_seed(0)
    for size in ((128, 128), (9, 30)):
        strokes = torch.rand(2, 5, design.dim, generator=generator)
        strokes[1] = 0.4 * torch.randn(5, design.dim, generator=generator)
        ours = outlined(outline.outline, strokes, design, opacity, size)
        expected = outlined(outline.outline_by_definition, strokes.double(), design, opacity, size)
        for one, other in zip(ours, expected, strict=True):
            assert one.dtype == torch.float32
            torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("side", [8, 16])
@pytest.mark.parametrize("stroke", ["bezier", "triangle"])
def test_tiles_change_nothing(
    stroke: str, side: int, backend: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "SIDES", (side,))
    inputs, primitive, weight = arguments(stroke, (21, 35), 2, 4)
    assert_close(compare(inputs, primitive, weight))


@pytest.mark.parametrize(("primitive", "count"), [("sweep", 1), ("sweep", 2), ("sweep", 9), ("polygon", 3)])
@pytest.mark.parametrize("reach", [3.0, 30.0])
def test_any_nodes(primitive: str, count: int, reach: float, backend: ModuleType) -> None:
    """Repeated nodes, discs within discs, flat polygons, strokes beyond the canvas."""
    generator = torch.Generator().manual_seed(count)
    for height, width in ((31, 22), (1, 40), (4, 4)):
        canvas, weight = torch.rand(2, 2, 3, height, width, generator=generator)
        nodes = random_nodes(primitive, count, generator, reach, 9.0).float()
        colours = torch.rand(2, 3, 3, generator=generator)
        # in one precision: of two equal pieces, rounding decides which is nearer
        assert_close(compare([canvas, nodes, colours], primitive, weight, torch.float32))


def test_no_gradient_comes_from_beneath_an_opaque_stroke(backend: ModuleType) -> None:
    inputs, primitive, weight = arguments("circle", (24, 24), 1, 6)
    inputs[1][0, 3] = torch.tensor([12.0, 12.0, 60.0, 1.0])  # covers all, and is opaque
    pairs = compare(inputs, primitive, weight)
    assert_close(pairs)
    canvas, nodes, colours = (ours for ours, _ in pairs[1:])
    assert not canvas.any() and not nodes[0, :3].any() and not colours[0, :3].any()
    assert nodes[0, 4:].any() and colours[0, 3:].any()


def test_hundreds_of_strokes_on_each_other(backend: ModuleType) -> None:
    """The transmittance is the product of hundreds of numbers, some of them 0 or nearly so."""
    generator = torch.Generator().manual_seed(0)
    nodes = torch.rand(1, 300, 1, 4, generator=generator) * torch.tensor([16.0, 16.0, 9.0, 1.0])
    nodes[0, ::50, :, 3], nodes[0, ::70, :, 3] = 1.0, 1 - 1e-6
    colours, canvas = torch.rand(1, 300, 3, generator=generator), torch.rand(1, 3, 16, 16)
    weight = torch.rand(1, 3, 16, 16, generator=generator)
    assert_close(compare([canvas, nodes, colours], "sweep", weight))


@pytest.mark.parametrize("stroke", ["bezier", "triangle"])
def test_sums_in_fewer_places_are_the_same(
    stroke: str, backend: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "SIDES", (16,))
    inputs, primitive, weight = arguments(stroke, (33, 20), 2, 4)
    alone = compare(inputs, primitive, weight)
    monkeypatch.setattr(backend, "SUMS_BYTES", 1)
    together = compare(inputs, primitive, weight)
    assert_close(together)
    for (one, _), (other, _) in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_renderer_uses_it(backend: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage, painting, a part of a canvas; without gradients nothing is kept."""
    renderer, canvas = make_renderer("analytic", "straight"), torch.rand(2, 3, 20, 24)
    strokes, places = torch.rand(2, 3, 11), (torch.tensor([3, 0]), torch.tensor([0, 9]))
    part = canvas[..., :9, :10].contiguous()
    results, kept = [], []
    paint = backend.paint
    monkeypatch.setattr(backend, "paint", lambda *given, keep: kept.append(keep) or paint(*given, keep))
    for which in ("triton", "c"):
        monkeypatch.setenv("PAINT_GYM_KERNEL", which)
        drawn = (
            renderer(strokes[0], (20, 24)),
            renderer.paint(canvas, strokes),
            renderer.paint(canvas, strokes[:, :0]),
            renderer.paint(canvas[:0], strokes[:0]),
            renderer.paint_part(part, strokes, *places, (20, 24)),
        )
        with torch.no_grad():
            renderer.paint(canvas, strokes.clone().requires_grad_())
        results.append(drawn)
    assert kept == [False] * 6
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("stroke", DESIGNS)
def test_as_many_kernels_start_as_the_benchmark_says(
    stroke: str, interpreted: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    design, launch = get_stroke(stroke), interpreted.nodes_kernel.__class__.__getitem__
    renderer, canvas = make_renderer("analytic", design), torch.zeros(1, 3, 16, 16)
    strokes = torch.rand(1, 5, design.dim, requires_grad=True)
    weight = torch.ones_like(canvas)
    renderer.paint(canvas, strokes)  # the first one tries out whether Triton works
    with gpu.CountingMode() as mode:

        def counted(kernel: object, grid: tuple[int, ...]) -> object:
            mode.count += 1
            start = launch(kernel, grid)

            def call(*arguments: object, **named: object) -> object:
                before = mode.count
                start(*arguments, **named)
                mode.count = before  # the interpreter's own

            return call

        monkeypatch.setattr(interpreted.nodes_kernel.__class__, "__getitem__", counted)
        painted = renderer.paint(canvas, strokes)
        forth = mode.count
        torch.autograd.grad(painted, strokes, weight)
    both = mode.count
    monkeypatch.setenv("PAINT_GYM_KERNEL", "c")
    assert (forth, both) == gpu.kernels_started(design)


def test_nothing_but_what_fits_reaches_the_kernels(interpreted: ModuleType) -> None:
    renderer = make_renderer("analytic", "circle")
    for channels in (1, 4):
        with pytest.raises(ValueError, match="the kernel needs a contiguous"):
            renderer.paint(torch.rand(2, channels, 8, 8), torch.rand(2, 3, 7))


def test_float64_and_transforms_go_to_pytorch(
    interpreted: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreted, "paint", None)
    renderer, strokes = make_renderer("analytic", "circle"), torch.rand(2, 3, 7)
    canvas = torch.zeros(2, 3, 12, 12)
    expected = torch.func.vmap(lambda one: renderer.paint(canvas[:1], one[None])[0])(strokes)
    painted = renderer.paint(canvas.double(), strokes.double())
    torch.testing.assert_close(painted.float(), expected, rtol=0, atol=1e-4)


COMPILE = """
import json
from benchmarks.gpu import CAPABILITIES, compiled
print(json.dumps([used._asdict() for capability in CAPABILITIES for used in compiled(capability)]))
"""


@pytest.mark.slow
def test_compiles_for_gpus_and_spills_nothing() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    used = json.loads(done.stdout)
    kernels = {"nodes_kernel", "build_segments_kernel", "paint_kernel"}
    kernels |= {"paint_backward_kernel", "gather_kernel", "nodes_backward_kernel"}
    assert {each["kernel"] for each in used} == kernels
    for each in used:
        assert each["spilled"] == 0 and each["registers"] <= 128, each
