"""Speed of painting on a GPU, and registers of the compiled kernels.

Run: python -m benchmarks.gpu

Compiling needs Triton (extra `gpu-test`), but no GPU.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.harness.measure import Row, random_strokes, take_turns
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.tables import BenchmarkConfig, Table, at_least, main
from benchmarks.speed.rendering import BUNDLE, CANVASES, PASSES, Function, functions
from paint_gym import make_renderer
from paint_gym.renderers.analytic.nodes import NodeArgs
from paint_gym.renderers.analytic.triton import launch
from paint_gym.renderers.analytic.triton.launch import SIDES
from paint_gym.strokes import BUILT_IN

SPEED_BAR = 10.0  # times the paper's network
CAPABILITIES = (75, 80, 90)
"""GPUs that kernels are compiled for: an RTX 2080 Ti, an A100, an H100."""
NUMBERS = dict.fromkeys(("strokes", "height", "width", "columns", "tiles", "groups"), "i32")
NUMBERS |= {"low": "fp32", "high": "fp32"}  # among the kernels' arguments, which else are tensors


@dataclass(frozen=True)
class Gpu(BenchmarkConfig):
    """Speed on a GPU."""

    device: str = "cuda"
    """Device to measure on; "cpu" only shows that all runs."""


def tables(options: Gpu) -> Iterator[Table]:
    """Registers of the kernels, then times where there is a GPU."""
    if importlib.util.find_spec("triton") is not None:
        yield "compiled", list(most_used())
    if options.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here: nothing is measured")
        return
    device = torch.device(options.device)
    yield f"{options.pick(CANVASES, 2) * BUNDLE} strokes, {SIZE} px", list(compare_renderers(options, device))


def compiled(capability: int) -> Iterator[Row]:
    """Compile all kernels, of all designs and sizes of tiles, for a GPU that need not be here.

    Yields:
        Kernel, registers a thread, bytes a thread that were spilled, and bytes of shared memory.
    """
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.backends.nvidia import compiler as nvidia

    from paint_gym.renderers.analytic.triton import kernels

    tool = Path(nvidia.__file__).parent / "bin" / "cuobjdump"
    for design in BUILT_IN:
        for side in SIDES:
            args = NodeArgs(design, (0.0, 1.0), SIZE, SIZE)
            canvas, nodes = torch.empty(1, 3, side, side), torch.empty(1, 5, args.node_count, 4)
            sizes = launch.KernelLaunch(canvas, nodes, design.primitive, side)
            backward = sizes.paint_constants | {"NEEDS_GRAD": True}
            constants, stroke_options = launch.node_constants(args), launch.STROKE_OPTIONS
            functions: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
                (kernels.nodes_kernel, constants, stroke_options),
                (kernels.build_segments_kernel, sizes.segment_constants, stroke_options),
                (kernels.paint_kernel, sizes.paint_constants | {"RECORD": True}, sizes.options),
                (kernels.paint_backward_kernel, backward | {"ONE_TILE": True}, sizes.options),
                (kernels.paint_backward_kernel, backward | {"ONE_TILE": False}, sizes.options),
                (kernels.gather_kernel, sizes.gather_constants, launch.GATHER_OPTIONS),
                (kernels.nodes_backward_kernel, constants, stroke_options),
            ]
            for function, fixed, options in functions:
                kinds = {name: NUMBERS.get(name, "*fp32") for name in function.arg_names}
                source = triton.compiler.ASTSource(function, kinds | dict.fromkeys(fixed, "constexpr"), fixed)
                built = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
                with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
                    file.write(built.asm["cubin"])
                    file.flush()
                    command = [str(tool), "-res-usage", file.name]
                    usage = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                registers, stack = (int(number) for number in re.findall(r"(?:REG|STACK):(\d+)", usage))
                row: Row = {"kernel": function.fn.__name__, "registers": registers, "spilled": stack}
                yield row | {"shared": built.metadata.shared}


def most_used() -> Iterator[Row]:
    """Maximum use of each GPU by each kernel, of all designs and sizes of tiles."""
    for capability in CAPABILITIES:
        kernels: dict[str, Row] = {}
        for row in compiled(capability):
            most = kernels.setdefault(row["kernel"], row)
            most |= {name: max(most[name], row[name]) for name in ("registers", "spilled", "shared")}
        yield from ({"capability": capability} | row for row in kernels.values())


def compare_renderers(options: Gpu, device: torch.device) -> Iterator[Row]:
    """Ours against the network of Fig. 12, in float32 and in bfloat16, with and without gradients.

    The network is in the memory layout in which it is faster.
    """
    canvases, repeats = options.pick((CANVASES, 30), (2, 1))
    canvas = torch.rand(canvases, 3, SIZE, SIZE, device=device)
    for design in BUILT_IN:
        strokes = random_strokes(design, canvases, BUNDLE).to(device)
        analytic = functions(make_renderer("analytic", design), canvas)
        papers: dict[str, dict[str, Function]] = {}
        for layout, network in PaperRenderer.in_both_layouts(design).items():
            network.network.to(device)
            papers[layout] = functions(network, canvas)
        for name, function in analytic.items():
            kinds = {"ours": function}
            for layout, paper in papers.items():
                kinds |= {"fp32" + layout: paper[name], "bf16" + layout: in_bfloat16(paper[name], device)}
            for what, measure in PASSES.items():
                calls = {kind: finished(measure(call, strokes), device) for kind, call in kinds.items()}
                seconds = take_turns(calls, repeats)
                row: Row = {"stroke": design.name, "what": f"{name}, {what}", "ms": 1e3 * seconds["ours"]}
                for kind in ("fp32", "bf16"):
                    fastest = min(seconds[kind + layout] for layout in papers)
                    row[f"ms, Fig. 12 in {kind}"] = 1e3 * fastest
                    row[f"times faster, {kind}"] = fastest / seconds["ours"]
                yield row | at_least(row["times faster, bf16"], SPEED_BAR)


def in_bfloat16(function: Function, device: torch.device) -> Function:
    """Run a function under autocast."""

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


if __name__ == "__main__":
    main(tables, Gpu)
