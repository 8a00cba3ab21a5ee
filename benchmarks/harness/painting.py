"""Ways to paint: the agent alone, with a plan, refined, and strokes that began at random, refined."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from agents import Agent, load, paint, refine
from benchmarks.harness.scores import random_paintings
from paint_gym.painting import Painting
from paint_gym.utils.images import to_floats

OUTLINE = 8  # segments of a curve that say where the middle of a stroke is


@dataclass(frozen=True)
class Way:
    """One way to paint.

    Args:
        lookahead: candidates of each window size; None for as many as the agent was made for.
        plan: steps of gradient on each bundle.
        refine: iterations.
        random: begin with random strokes in place of an agent's.
    """

    lookahead: int | None = None
    plan: int = 0
    refine: int = 0
    random: bool = False

    @property
    def curve(self) -> str:
        """What its points in a plot have in common."""
        if self.random:
            return "random strokes, refined"
        begun = "planned" if self.plan else "the agent"
        return f"{begun}, refined" if self.refine else begun if self.plan else "the agent alone"

    @property
    def effort(self) -> str:
        """How much of it is done."""
        steps = f"{self.plan} steps"
        if self.refine:
            return f"{steps}, {self.refine} iterations" if self.plan else f"{self.refine} iterations"
        if self.plan:
            return steps
        return "as shipped" if self.lookahead is None else f"lookahead {self.lookahead}"

    def paint(self, targets: Tensor, strokes: int) -> list[Painting]:
        """Paintings of pictures ``(B, 3, H, W)``, uint8 or float in [0, 1]."""
        painted = self._begun(targets, strokes)
        return refine(painted, targets, self.refine) if self.refine else painted

    def _begun(self, targets: Tensor, strokes: int) -> list[Painting]:
        if not self.random:
            return paint(_agent(self.lookahead, self.plan), targets, strokes)
        return [random_start(target, strokes) for target in to_floats(targets)]


@functools.cache
def _agent(lookahead: int | None, plan: int) -> Agent:
    return load("pretrained", lookahead=lookahead, plan=plan)


def random_start(target: Tensor, strokes: int) -> Painting:
    """Random strokes, large ones first, each in the colour that ``(3, H, W)`` has under its middle."""
    (painting,) = random_paintings(1, strokes, 1)
    numbers = torch.tensor(painting.strokes)
    nodes = painting.design.nodes(numbers, OUTLINE)  # (K, M, 4)
    largest = nodes[..., 2].mean(1).argsort(descending=True)
    numbers, middle = numbers[largest], nodes[largest, :, :2].mean(1)
    height, width = target.shape[1:]
    y = (middle[:, 1] * height).long().clamp(0, height - 1)
    x = (middle[:, 0] * width).long().clamp(0, width - 1)
    numbers[:, -3:] = target[:, y, x].T.cpu()
    return Painting(numbers.numpy(), size=(height, width))
