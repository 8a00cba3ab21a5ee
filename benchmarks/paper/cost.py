"""What a painting costs (section 5.2 of the paper): operations, and seconds, of its networks and of ours.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.paper.cost --json benchmarks/results/cost.json

Operations are multiplications with additions, by PyTorch's counter: of convolutions and matrix products. The
paper's networks have random weights; all paint one canvas of 128 px on the CPU, in fp32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from agents import load, paint
from agents.common.agent import apply_network
from agents.networks import ResNetActor
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.tables import CLAIMS, BenchmarkConfig, Row, Table, claim, main, take_turns
from paint_gym.canvas import CanvasState, model_step
from paint_gym.renderers import Renderer, make_renderer
from paint_gym.rewards import L2Reward

PAPER = {"actor": 554e6, "renderer": 217e6, "seconds": 2.1}
"""Operations for an action of 5 strokes; seconds for 200 strokes on a 2.2 GHz Intel i7."""
BUNDLE = 5


@dataclass(frozen=True)
class Cost(BenchmarkConfig):
    """What a painting costs, counted and timed."""

    threads: int = 1
    """Threads of torch, and so of the kernel."""
    strokes: int = 200
    """Strokes of the painting that is timed."""
    repeats: int = 3
    """Paintings of each kind; the median counts."""


def operations(call: Callable[[], object]) -> int:
    """Multiplications with additions of a call."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call()
    return counter.get_total_flops() // 2  # it counts both


def papers_actor(renderer: Renderer) -> ResNetActor:
    """The paper's actor, with random weights."""
    torch.manual_seed(0)
    return ResNetActor(BUNDLE * renderer.design.dim).eval()


def blank() -> CanvasState:
    """A black canvas and a grey picture."""
    target = torch.full((1, 3, SIZE, SIZE), 0.5)
    return CanvasState(torch.zeros_like(target), target, torch.zeros(1, dtype=torch.long))


def counted() -> Iterator[Row]:
    """Operations of a bundle, the paper's and ours."""
    renderer, state = PaperRenderer(), blank()
    actor, ours = papers_actor(renderer), load(device="cpu")
    strokes = torch.rand(BUNDLE, renderer.design.dim)
    calls: dict[str, tuple[Callable[[], Tensor], float | None]] = {
        "the paper's actor": (lambda: actor(*state, 40), PAPER["actor"]),
        "the paper's renderer": (lambda: renderer(strokes), PAPER["renderer"]),
        "our actor, without lookahead": (lambda: ours.actor(*state, 40), None),
    }
    for what, (call, paper) in calls.items():
        yield {"of 5 strokes": what, "operations": operations(call), "in the paper": paper}


@torch.no_grad()
def paint_plainly(actor: ResNetActor, renderer: Renderer, strokes: int) -> None:
    """A painting by the paper's method: an action, its rendering, and so on."""
    state, steps = blank(), strokes // BUNDLE
    for _ in range(steps):
        action = apply_network(actor, state, steps, bf16=False)
        state, _ = model_step(state, action, renderer, L2Reward())


def timed(options: Cost) -> Iterator[Row]:
    """Seconds of a painting, each kind in turn."""
    papers, analytic, ours = PaperRenderer(), make_renderer("analytic"), load(device="cpu")
    actor, picture = papers_actor(papers), torch.full((1, 3, SIZE, SIZE), 128, dtype=torch.uint8)
    kinds: dict[str, Callable[[], object]] = {
        "the paper's actor and renderer": lambda: paint_plainly(actor, papers, options.strokes),
        "the paper's actor, analytic renderer": lambda: paint_plainly(actor, analytic, options.strokes),
        "our agent": lambda: paint(ours, picture, options.strokes),
    }
    seconds = take_turns(kinds, options.repeats, warmup=1)
    for kind, found in seconds.items():
        paper = PAPER["seconds"] if kind == "the paper's actor and renderer" else None
        yield {"painting": kind, "seconds": found, "in the paper": paper}


def claims(count: list[Row], times: list[Row]) -> Iterator[Row]:
    """What the paper says, and whether it holds here; operations to within a tenth."""
    for row in count:
        if row["in the paper"]:
            here, paper = row["operations"], row["in the paper"]
            yield claim(
                f"operations of {row['of 5 strokes']} for 5 strokes",
                f"{paper / 1e6:.0f} M", f"{here / 1e6:.0f} M", abs(here / paper - 1) < 0.1,
            )  # fmt: skip
    for row in times:
        if row["in the paper"]:
            seconds, paper = row["seconds"], row["in the paper"]
            yield claim(
                "200 strokes on one CPU core take",
                f"{paper} s (2.2 GHz i7)", f"{seconds:.2f} s", seconds <= paper,
            )  # fmt: skip


def tables(options: Cost) -> Iterator[Table]:
    """Operations, then seconds, then claims."""
    count, times = list(counted()), list(timed(options))
    yield "operations", count
    yield f"{options.strokes} strokes at {SIZE} px, {options.threads} threads", times
    yield CLAIMS, list(claims(count, times))


if __name__ == "__main__":
    main(Cost, tables)
