"""Speed of painting, stepping, learning and refinement on a GPU, and registers of the compiled kernels.

Run: python -m benchmarks.gpu

Compiling needs Triton (extra `gpu-test`), but no GPU.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agents import PRESETS, build_agent
from agents.common.replay import Transition
from benchmarks.harness.measure import Row, random_strokes, take_turns
from benchmarks.harness.painting import PaintingVariant, first_pictures
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.tables import BenchmarkConfig, Table, at_least, main
from benchmarks.speed.rendering import BUNDLE, CANVASES, PASSES, Function, functions, random_pictures
from paint_gym import PaintCanvasVectorEnv, make_renderer
from paint_gym.canvas import CanvasState
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
    yield "steps of the environment", list(environments(options, device))
    yield "learning and refinement", list(learning(options, device))


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
            backward = sizes.paint_constants | {"NEEDS_GRAD": True, "ONE_TILE": True}
            constants, stroke_options = launch.node_constants(args), launch.STROKE_OPTIONS
            functions: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
                (kernels.nodes_kernel, constants, stroke_options),
                (kernels.build_segments_kernel, sizes.segment_constants, stroke_options),
                (kernels.paint_kernel, sizes.paint_constants | {"RECORD": True}, sizes.options),
                (kernels.paint_backward_kernel, backward, sizes.options),
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
    """Ours against the network of Fig. 12, in float32 and in bfloat16, with and without gradients."""
    canvases, repeats = options.pick((CANVASES, 30), (2, 1))
    canvas = torch.rand(canvases, 3, SIZE, SIZE, device=device)
    for design in BUILT_IN:
        strokes = random_strokes(design, canvases, BUNDLE).to(device)
        analytic = functions(make_renderer("analytic", design), canvas)
        network = PaperRenderer(design)
        network.network.to(device)
        paper = functions(network, canvas)
        for name, function in analytic.items():
            kinds = {"ours": function, "fp32": paper[name], "bf16": in_bfloat16(paper[name], device)}
            for what, measure in PASSES.items():
                calls = {kind: finished(measure(call, strokes), device) for kind, call in kinds.items()}
                seconds = take_turns(calls, repeats)
                row: Row = {"stroke": design.name, "what": f"{name}, {what}", "ms": 1e3 * seconds["ours"]}
                for kind in ("fp32", "bf16"):
                    row[f"ms, Fig. 12 in {kind}"] = 1e3 * seconds[kind]
                    row[f"times faster, {kind}"] = seconds[kind] / seconds["ours"]
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


def environments(options: Gpu, device: torch.device) -> Iterator[Row]:
    """Steps a second with tensors, a whole episode with its resets."""
    for count in (2,) if options.smoke else (96, 1024):
        task: Row = {"dataset": random_pictures(256), "bundle": BUNDLE, "max_strokes": 200}
        env = PaintCanvasVectorEnv(count, device=device, array="torch", **task)
        env.reset(seed=0)
        actions = torch.rand(200 // BUNDLE, count, BUNDLE * env.task.stroke_dim, device=device)

        def episode(env: PaintCanvasVectorEnv = env, actions: Tensor = actions) -> None:
            for action in actions:
                env.step(action)

        seconds = take_turns({"episode": finished(episode, device)}, options.pick(3, 1))["episode"]
        step = seconds / len(actions)
        yield {"environments": count, "ms a step": 1e3 * step, "canvases a second": count / step}


def random_batch(count: int, action_dim: int, steps: int, device: torch.device) -> Transition:
    """Transitions between random canvases at 128 px."""
    before, after, target = torch.rand(3, count, 3, SIZE, SIZE, device=device)
    action, step = torch.rand(count, action_dim, device=device), torch.randint(steps, (count,), device=device)
    return Transition(CanvasState(before, target, step), action, CanvasState(after, target, step + 1))


def learning(options: Gpu, device: torch.device) -> Iterator[Row]:
    """An update of the preset "paper", and an iteration of refinement of 8 pictures."""
    width, batch_size, count, strokes = options.pick((64, 96, 8, 200), (8, 2, 2, 10))
    config = replace(PRESETS["paper"].agent, actor_width=width, critic_width=width)
    agent = build_agent(config, device)
    batch = random_batch(batch_size, config.bundle * agent.renderer.design.dim, agent.steps, device)
    iterations, pictures = 20, torch.from_numpy(first_pictures("photos", "test", SIZE, count))
    variant = PaintingVariant(refine=iterations, device=str(device))
    paintings = PaintingVariant(device=str(device)).paint(pictures, strokes)
    update, refinement = "an update of preset paper", f"an iteration of refinement, {count} pictures"
    calls = {
        update: finished(lambda: agent.update(batch), device),
        refinement: finished(lambda: variant.paint(pictures, strokes, paintings), device),
    }
    seconds = take_turns(calls, options.pick(3, 1))
    yield {"what": update, "ms": 1e3 * seconds[update]}
    yield {"what": refinement, "ms": 1e3 * seconds[refinement] / iterations}


if __name__ == "__main__":
    main(tables, Gpu)
