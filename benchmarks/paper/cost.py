"""Cost of a painting (section 5.2 of the paper): operations, and seconds, of its networks and of ours.

Run: OMP_WAIT_POLICY=PASSIVE python -m benchmarks.paper.cost --threads 1

Counted by PyTorch, of convolutions and matrix products; a multiply-add is two operations, and the paper
does not say which of the two it counts. The paper's networks have random weights; all paint one canvas of
128 px on the CPU, in fp32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch.utils.flop_counter import FlopCounterMode

from agents.common.agent import apply_network
from agents.networks import ResNetActor
from benchmarks.harness.measure import Row, take_turns
from benchmarks.harness.painting import PaintingVariant
from benchmarks.harness.paper_renderer import SIZE, PaperRenderer
from benchmarks.harness.statistics import CANNOT_BE_TOLD, HOLDS, joint_verdict, verdict
from benchmarks.harness.tables import CLAIMS, BenchmarkConfig, Result, Table, claim, main
from paint_gym.canvas import CanvasState, model_step
from paint_gym.renderers import Renderer, make_renderer
from paint_gym.rewards import L2Reward

PAPER = {"the paper's actor": 554e6, "the paper's renderer": 217e6}
"""Operations for an action of 5 strokes."""
UNITS = ("multiply-adds", "operations")
PAPER_SECONDS = 2.1  # for 200 strokes on a 2.2 GHz Intel i7
BUNDLE = 5


def operations(call: Callable[[], object]) -> int:
    """Multiplications and additions of a call."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call()
    return counter.get_total_flops()


def paper_actor(renderer: Renderer) -> ResNetActor:
    """Actor of the paper, with random weights."""
    torch.manual_seed(0)
    return ResNetActor(BUNDLE * renderer.design.dim).eval()


def blank_state() -> CanvasState:
    """A black canvas and a grey picture."""
    target = torch.full((1, 3, SIZE, SIZE), 0.5)
    return CanvasState(torch.zeros_like(target), target, torch.zeros(1, dtype=torch.long))


def count_operations() -> Iterator[Row]:
    """Operations of a bundle, the paper's and ours."""
    renderer, state, agent = PaperRenderer(), blank_state(), PaintingVariant(device="cpu").policy()
    actor, strokes = paper_actor(renderer), torch.rand(BUNDLE, renderer.design.dim)
    calls: dict[str, Callable[[], object]] = {
        "the paper's actor": lambda: actor(*state, 40),
        "the paper's renderer": lambda: renderer(strokes),
        "our actor, without lookahead": lambda: agent.actor(*state, 40),
    }
    for name, call in calls.items():
        count = operations(call)
        row: Row = {"of 5 strokes": name, "multiply-adds": count // 2, "operations": count}
        yield row | {"in the paper": PAPER.get(name)}


@torch.no_grad()
def paint_plainly(actor: ResNetActor, renderer: Renderer, strokes: int) -> None:
    """Paint by the paper's method: an action, its rendering, and so on."""
    state, steps = blank_state(), strokes // BUNDLE
    for _ in range(steps):
        action = apply_network(actor, state, steps, bf16=False)
        state, _ = model_step(state, action, renderer, L2Reward())


def time_paintings(strokes: int, repeats: int) -> Iterator[Row]:
    """Seconds of a painting, each kind in turn."""
    network, analytic, variant = PaperRenderer(), make_renderer("analytic"), PaintingVariant(device="cpu")
    actor, picture = paper_actor(network), torch.full((1, 3, SIZE, SIZE), 128, dtype=torch.uint8)
    kinds: dict[str, Callable[[], object]] = {
        "the paper's actor and renderer": lambda: paint_plainly(actor, network, strokes),
        "the paper's actor, analytic renderer": lambda: paint_plainly(actor, analytic, strokes),
        "our agent": lambda: variant.paint(picture, strokes),
    }
    for kind, seconds in take_turns(kinds, repeats, warmup=1).items():
        paper = PAPER_SECONDS if kind == "the paper's actor and renderer" else None
        yield {"painting": kind, "seconds": seconds, "in the paper": paper}


def conclude(result: Result) -> Iterator[Table]:
    """Claims of the paper; a count holds to within a tenth, in either unit."""
    counts, times = result.tables.values()
    networks = [row for row in counts if row["in the paper"]]

    def millions(column: str) -> str:
        return " and ".join(f"{row[column] / 1e6:.0f} M" for row in networks)

    verdicts = []
    for unit in UNITS:
        errors = [abs(row[unit] / row["in the paper"] - 1) for row in networks]
        verdicts.append(joint_verdict([verdict(-error, -error, -0.1) for error in errors]))
    counting = claim(
        "operations of the paper's actor and of its renderer for 5 strokes",
        millions("in the paper"),
        ", or ".join(f"{millions(unit)} {unit}" for unit in UNITS),
        "both within a tenth, in the same unit",
        HOLDS if HOLDS in verdicts else joint_verdict(verdicts),
    )
    text, measured = "200 strokes on one CPU core take", f"{times[0]['seconds']:.2f} s"
    paper, by = f"{PAPER_SECONDS} s (2.2 GHz i7)", "another processor: its seconds say nothing of the paper's"
    yield CLAIMS, [counting, claim(text, paper, measured, by, CANNOT_BE_TOLD)]


def tables(options: BenchmarkConfig) -> Iterator[Table]:
    """Operations, then seconds."""
    strokes, repeats = options.pick((200, 3), (10, 1))
    yield "operations", list(count_operations())
    times = list(time_paintings(strokes, repeats))
    yield f"{strokes} strokes at {SIZE} px, {options.threads} threads", times


if __name__ == "__main__":
    main(tables, conclude=conclude)
