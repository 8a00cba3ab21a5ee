"""What painting costs on a GPU: on paper, by the kernel's design; and measured, where there is a GPU.

Run: python -m benchmarks.gpu --json benchmarks/results/gpu.json

On paper: bytes that the kernel must read and write, operations on pixels, both counted for random strokes,
and registers of the compiled kernels; the last needs Triton (extra `gpu-test`), but no GPU. The least time
that a GPU can take follows from its data sheet: the longer of both at full speed.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from agents import build_agent, load, paint, refine
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.suite import (
    BenchmarkConfig,
    Row,
    Table,
    at_least,
    at_most,
    main,
    random_strokes,
    take_turns,
)
from benchmarks.learning_speed import paper_config, random_batch
from benchmarks.speed import Function, forward, forward_backward, functions
from paint_gym import PaintCanvasVectorEnv, load_dataset, make_renderer
from paint_gym.renderers.analytic.c.library import CBackend
from paint_gym.renderers.analytic.nodes import NodeArgs, segments, to_pixels
from paint_gym.renderers.analytic.triton import launch
from paint_gym.renderers.analytic.triton.launch import SIDES, segment_count, tile_radius, tile_side
from paint_gym.strokes import BUILT_IN, StrokeDesign

TRAFFIC_BAR = 10.0  # times what must be read and written once
SPEED_BAR = 10.0  # times the paper's network
SPECS = {"H100 SXM": (3.35e12, 33.5e12), "RTX 2080 Ti": (0.616e12, 6.7e12)}
"""Bytes a second, and operations in float32 a second that are no fused ones, of NVIDIA's data sheets."""
PIECE, STROKE, SUMS, GRADIENT = 38, 80, 40, 120
"""Operations a pixel in `triton/kernels.py`, roots and divisions counted as 4: `_distance` and what
`_rasterize` does with it; all else that `paint_kernel` does for a stroke; of the gradient, `_accumulate_sums`
for a piece, and the rest for a stroke."""
CAPABILITIES = (75, 80, 90)
"""Of GPUs that kernels are compiled for: an RTX 2080 Ti, an A100, an H100."""
START = 5e-6
"""Seconds to start a kernel, about."""
STARTED = {"nodes_forward": 1, "nodes_backward": 1, "paint_forward": 2, "paint_backward": 3}
"""Kernels that each method of `TritonBackend` starts, with one that sets memory to zero."""
NUMBERS = dict.fromkeys(("strokes", "height", "width", "columns", "tiles", "groups"), "i32") | {
    "low": "fp32",
    "high": "fp32",
}  # among the kernels' arguments, which else are tensors


@dataclass(frozen=True)
class Gpu(BenchmarkConfig):
    """What painting costs on a GPU."""

    canvases: int = 96
    """Canvases painted at once."""
    bundle: int = 5
    """Strokes on each canvas."""
    repeats: int = 30
    """Timed turns, after two that warm up."""
    device: str = "cuda"
    """Where to measure. With "cpu" all is run, which says nothing of a GPU."""
    smoke: bool = False
    """Few canvases and small networks, to see that all runs."""


def tables(options: Gpu) -> Iterator[Table]:
    """On paper, and where there is a GPU, measured."""
    if options.smoke:
        options = dataclasses.replace(options, canvases=2, repeats=1)
    count = options.canvases * options.bundle
    yield f"on paper: {count} strokes, {SIZE} px", list(on_paper(options))
    if importlib.util.find_spec("triton") is not None:
        yield "compiled", list(most_used())
    if options.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here: nothing is measured")
        return
    device = torch.device(options.device)
    yield f"{count} strokes, {SIZE} px", list(compare_renderers(options, device))
    yield "steps of the environment", list(environments(options, device))
    yield "learning and refinement", list(learning(options, device))


class Work(NamedTuple):
    """What random strokes are to tiles, counted; of all canvases together.

    Attributes:
        tiles: of all canvases.
        touched: pairs of a tile and a stroke whose box it is in.
        searched: triples with a piece that is looked at for each pixel.
        summed: those whose gradients are added up.
    """

    tiles: int
    touched: int
    searched: int
    summed: int


def count_work(nodes: Tensor, primitive: str, side: int) -> Work:
    """What the kernel will do.

    Args:
        nodes: ``(B, K, M, 4)`` in pixels of a canvas of `SIZE`.
        primitive: ``"sweep"`` or ``"polygon"``.
        side: of a tile, in pixels.
    """
    corners = torch.arange(0, SIZE, side, dtype=nodes.dtype)
    tops, lefts = (grid.flatten() for grid in torch.meshgrid(corners, corners, indexing="ij"))
    x, y = lefts + side / 2, tops + side / 2  # (T,)
    half = (side - 1) / 2
    reach = nodes[..., 2] + 0.5 if primitive == "sweep" else torch.full_like(nodes[..., 2], 0.5)
    boxes = [((nodes[..., axis] - reach).amin(-1), (nodes[..., axis] + reach).amax(-1)) for axis in (0, 1)]
    touched = torch.ones(*nodes.shape[:2], len(x), dtype=torch.bool)  # (B, K, T)
    for (low, high), centre in zip(boxes, (x, y), strict=True):
        touched &= (low.unsqueeze(-1) <= centre + half) & (high.unsqueeze(-1) >= centre - half)
    many = nodes.shape[2]
    if primitive == "polygon":
        every = int(touched.sum()) * many
        return Work(len(nodes) * len(x), int(touched.sum()), every, every)
    start, end = (nodes, nodes) if many == 1 else (nodes[:, :, :-1], nodes[:, :, 1:])
    along = (end - start).unsqueeze(2)  # (B, K, 1, pieces, 4)
    qx, qy = (each[:, None] - start[..., None, :, axis] for axis, each in ((0, x), (1, y)))
    u = ((qx * along[..., 0] + qy * along[..., 1]) / along[..., :2].square().sum(-1).clamp(min=1e-6)).clamp(
        0, 1
    )
    distance = torch.hypot(qx - u * along[..., 0], qy - u * along[..., 1])
    depth = start[..., None, :, 2] + u * along[..., 2] - distance  # of the tile's centre, nearly
    clear = tile_radius(side)
    near = (depth > -clear) & touched.unsqueeze(-1)
    beneath = (depth > clear).flip(-1).cummax(-1).values.flip(-1)  # one that covers all, or one under it
    return Work(len(nodes) * len(x), int(touched.sum()), int((near & ~beneath).sum()), int(near.sum()))


def on_paper(options: Gpu) -> Iterator[Row]:
    """Bytes and operations of each design, and the least time of two GPUs."""
    canvases, side = options.canvases, tile_side(options.canvases, SIZE, SIZE)
    plane = 4 * canvases * SIZE * SIZE
    for design in BUILT_IN:
        strokes = random_strokes(design, canvases, options.bundle)
        nodes = to_pixels(design.nodes(strokes, segments(SIZE, SIZE)), SIZE, SIZE, design.primitive)
        work = count_work(nodes, design.primitive, side)
        pieces = segment_count(nodes.shape[2], design.primitive)
        given = 4 * strokes.numel()
        outlines = 4 * (nodes.numel() + strokes[..., -3:].numel())
        table = 4 * canvases * options.bundle * (16 * pieces + 4)  # of pieces and boxes
        sums = 4 * work.tiles * options.bundle * (8 * pieces + 3)  # zeroed, and read to be added up
        least, forth = 6 * plane + given, 6 * plane + given + 2 * (outlines + table)
        least_both = least + 9 * plane + 2 * given
        added = 4 * (8 * work.summed + 3 * work.touched)
        # kept and read is what is seen through all strokes; then canvas, loss and gradients
        back = (2 + 11) * plane + table + 2 * sums + added + 2 * outlines + 2 * given
        both = forth + back
        search = side**2 * (PIECE * work.searched + STROKE * work.touched)
        gradient = search + side**2 * (SUMS * work.summed + GRADIENT * work.touched)
        started, started_both = kernels_started(design)
        for what, total, must, done, kernels in (
            ("forward", forth, least, search, started),
            ("forward and backward", both, least_both, search + gradient, started_both),
        ):
            row: Row = {
                "stroke": design.name,
                "what": what,
                "MB": total / 1e6,
                "times what must be": total / must,
                "million operations": done / 1e6,
                "kernels started": kernels,
                "ms to start them": 1e3 * START * kernels,
            }
            for name, (bandwidth, speed) in SPECS.items():
                row[f"least ms, {name}"] = 1e3 * max(total / bandwidth, done / speed)
            yield row | at_most(total / must, TRAFFIC_BAR)


class CountingMode(TorchDispatchMode):
    """Counts what PyTorch would start a kernel for: all but views, and what only reserves memory.

    Attributes:
        count: of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        """Count one, and do it."""
        made = function(*arguments, **(named or {}))
        name = function.name()
        reserves = name.startswith(("aten::empty", "aten::new_empty"))
        self.count += not (function.is_view or reserves or name == "aten::detach")
        return made


def kernels_started(design: StrokeDesign) -> tuple[int, int]:
    """Kernels that a GPU is given to paint a bundle, and to paint it and find the gradient."""
    renderer, canvas = make_renderer("analytic", design), torch.zeros(1, 3, 16, 16)
    strokes = random_strokes(design, 1, 5).requires_grad_()
    weight = torch.ones_like(canvas)
    with CountingMode() as mode, counted_by(mode):
        painted = renderer.paint(canvas, strokes)
        forth = mode.count
        torch.autograd.grad(painted, strokes, weight)
    return forth, mode.count


@contextmanager
def counted_by(mode: CountingMode) -> Iterator[None]:
    """Within, what the kernel in C does is counted as what that in Triton would start."""

    def counted(name: str) -> Callable[..., object]:
        function = getattr(CBackend, name)

        def call(*arguments: Any, **named: Any) -> object:
            before = mode.count
            made: object = function(*arguments, **named)
            mode.count = before + STARTED[name]
            return made

        return call

    stand_ins: dict[str, Any] = {name: counted(name) for name in STARTED}
    with mock.patch.multiple(CBackend, **stand_ins):
        yield


class Compiled(NamedTuple):
    """What a compiled kernel takes of a GPU.

    Attributes:
        capability: of the GPU, see `CAPABILITIES`.
        kernel: its name.
        stroke: the design that it paints, on a canvas of `SIZE`.
        side: of a tile in pixels.
        registers: a thread.
        spilled: bytes a thread that did not fit into registers.
        shared: bytes of shared memory.
    """

    capability: int
    kernel: str
    stroke: str
    side: int
    registers: int
    spilled: int
    shared: int


def compiled(capability: int) -> Iterator[Compiled]:
    """Compile all kernels for a GPU that need not be here."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.backends.nvidia import compiler as nvidia

    from paint_gym.renderers.analytic.triton import kernels as triton_kernel

    tool = Path(nvidia.__file__).parent / "bin" / "cuobjdump"
    for design in BUILT_IN:
        for side in SIDES:
            args = NodeArgs(design, (0.0, 1.0), SIZE, SIZE)
            canvas, nodes = torch.empty(1, 3, side, side), torch.empty(1, 5, args.node_count, 4)
            sizes = launch.KernelLaunch(canvas, nodes, design.primitive, side)
            painting = sizes.paint_constants
            constants, of_a_stroke = launch.node_constants(args), launch.STROKE_OPTIONS
            kernels: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
                (triton_kernel.nodes_kernel, constants, of_a_stroke),
                (triton_kernel.build_segments_kernel, sizes.segment_constants, of_a_stroke),
                (triton_kernel.paint_kernel, painting | {"RECORD": True}, sizes.options),
                (
                    triton_kernel.paint_backward_kernel,
                    painting | {"NEEDS_GRAD": True, "ONE_TILE": True},
                    sizes.options,
                ),
                (triton_kernel.gather_kernel, sizes.gather_constants, launch.GATHER_OPTIONS),
                (triton_kernel.nodes_backward_kernel, constants, of_a_stroke),
            ]
            for function, fixed, options in kernels:
                kinds = {name: NUMBERS.get(name, "*fp32") for name in function.arg_names}
                source = triton.compiler.ASTSource(function, kinds | dict.fromkeys(fixed, "constexpr"), fixed)
                built = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
                with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
                    file.write(built.asm["cubin"])
                    file.flush()
                    command = [str(tool), "-res-usage", file.name]
                    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                registers, stack = (int(number) for number in re.findall(r"(?:REG|STACK):(\d+)", said))
                yield Compiled(
                    capability,
                    function.fn.__name__,
                    design.name,
                    side,
                    registers,
                    stack,
                    built.metadata.shared,
                )


def most_used() -> Iterator[Row]:
    """What each kernel takes of each GPU: the most, of all designs and sizes of tiles."""
    for capability in CAPABILITIES:
        variants: dict[str, list[Compiled]] = {}
        for used in compiled(capability):
            variants.setdefault(used.kernel, []).append(used)
        for kernel_name, each in variants.items():
            most = {
                name: max(getattr(used, name) for used in each) for name in ("registers", "spilled", "shared")
            }
            yield {"capability": capability, "kernel": kernel_name, **most}


def compare_renderers(options: Gpu, device: torch.device) -> Iterator[Row]:
    """Ours against the network of Fig. 12, in float32 and in bfloat16, with and without gradients."""
    canvas = torch.rand(options.canvases, 3, SIZE, SIZE, device=device)
    for design in BUILT_IN:
        strokes = random_strokes(design, options.canvases, options.bundle).to(device)
        ours = functions(make_renderer("analytic", design), canvas)
        network = PaperRenderer(design)
        network.network.to(device)
        paper = functions(network, canvas)
        for name, function in ours.items():
            for what, measure in (("forward", forward), ("forward and backward", forward_backward)):
                half = in_bfloat16(paper[name], device)
                calls = {
                    "ours": finished(measure(function, strokes), device),
                    "fp32": finished(measure(paper[name], strokes), device),
                    "bf16": finished(measure(half, strokes), device),
                }
                seconds = take_turns(calls, options.repeats)
                row: Row = {"stroke": design.name, "what": f"{name}, {what}", "ms": 1e3 * seconds["ours"]}
                for kind in ("fp32", "bf16"):
                    row[f"ms, Fig. 12 in {kind}"] = 1e3 * seconds[kind]
                    row[f"times faster, {kind}"] = seconds[kind] / seconds["ours"]
                yield row | at_least(seconds["bf16"] / seconds["ours"], SPEED_BAR)


def in_bfloat16(function: Function, device: torch.device) -> Function:
    """A function under autocast."""

    def call(strokes: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            return function(strokes).float()

    return call


def finished(call: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """A call that returns when the GPU is done."""

    def wait() -> None:
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return wait


def environments(options: Gpu, device: torch.device) -> Iterator[Row]:
    """Steps a second with tensors, a whole episode with its resets."""
    for count in (2,) if options.smoke else (96, 1024):
        pictures = np.random.default_rng(0).integers(256, size=(256, 3, SIZE, SIZE), dtype=np.uint8)
        env = PaintCanvasVectorEnv(
            count, dataset=pictures, device=device, bundle=options.bundle, array="torch", max_strokes=200
        )
        env.reset(seed=0)
        size = (200 // options.bundle, count, options.bundle * env.task.stroke_dim)
        actions = torch.rand(size, device=device)

        def episode(env: PaintCanvasVectorEnv = env, actions: Tensor = actions) -> None:
            for action in actions:
                env.step(action)

        seconds = take_turns({"episode": finished(episode, device)}, max(1, options.repeats // 10))["episode"]
        step = seconds / len(actions)
        yield {"environments": count, "ms a step": 1e3 * step, "canvases a second": count / step}


def learning(options: Gpu, device: torch.device) -> Iterator[Row]:
    """An update of the preset "paper", and an iteration of refinement of 8 pictures."""
    config = paper_config(8 if options.smoke else 64)
    agent = build_agent(config, device)
    batch = _to(random_batch(2 if options.smoke else 96, config.bundle, agent.steps), device)
    iterations, count = 20, 2 if options.smoke else 8
    pictures = torch.from_numpy(load_dataset("photos", "test", SIZE)[np.arange(count)])
    paintings = paint(load("pretrained", device), pictures, 10 if options.smoke else 200)
    calls = {
        "an update of preset paper": finished(lambda: agent.update(batch), device),
        f"an iteration of refinement, {count} pictures": finished(
            lambda: refine(paintings, pictures, iterations, device), device
        ),
    }
    seconds = take_turns(calls, max(1, options.repeats // 10))
    update, refining = calls
    yield {"what": update, "ms": 1e3 * seconds[update]}
    yield {"what": refining, "ms": 1e3 * seconds[refining] / iterations}


def _to(batch: Any, device: torch.device) -> Any:
    """Tensors in named tuples, on a device."""
    return (
        batch.to(device) if isinstance(batch, Tensor) else type(batch)(*(_to(part, device) for part in batch))
    )


if __name__ == "__main__":
    main(Gpu, tables)
