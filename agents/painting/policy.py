"""The policy that paints: an actor with a renderer to look ahead with; frozen, so that it can be shared."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Protocol, Self

import torch
from torch import Tensor

from agents.common.agent import Agent
from agents.networks.actor import Actor, Proposals, apply_network
from agents.painting import planning
from paint_gym.canvas import CanvasState
from paint_gym.renderers import Renderer
from paint_gym.utils.device import float32_default
from paint_gym.utils.errors import as_int


class Policy(Protocol):
    """The interface that `agents.paint` needs: an `Agent`, a `PaintingPolicy`, or your own object."""

    @property
    def renderer(self) -> Renderer:
        """Renderer of the strokes; says design and opacity."""

    @property
    def bundle(self) -> int:
        """Strokes per action."""

    @property
    def device(self) -> torch.device:
        """Device of the states that `act` takes."""

    def act(self, state: CanvasState) -> Tensor:
        """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1].

        It may take more: ``steps``, those of the episode, and ``weight``, see `PaintingPolicy.act`.
        """


def check_policy(policy: object) -> None:
    """Refuse objects that cannot paint.

    Raises:
        TypeError: a name, or an object without one of the attributes of `Policy`.
    """
    if isinstance(policy, str | PathLike):
        raise TypeError(f"policy is a painter, not a name: agents.load({str(policy)!r}) gives one")
    if lacks := [name for name in ("act", "renderer", "bundle", "device") if not hasattr(policy, name)]:
        needed = "a painter has act(state), renderer, bundle and device"
        raise TypeError(f"{type(policy).__name__} lacks {', '.join(lacks)}: {needed}")


@dataclass(frozen=True)
class PaintingPolicy:
    """A trained actor that paints, with lookahead and planning through the renderer.

    Attributes:
        actor: network that proposes the strokes.
        renderer: renderer of the strokes, also the model for lookahead and plans.
        bundle: strokes per action.
        steps: steps per episode in training.
        lookahead: candidates of each window size that are tried out before each step; 0 for none.
        plan: gradient steps that improve each bundle through the renderer before it is painted; 0 for none.
        seed: a different painting of the same picture for each seed.
        bf16: run the network in bfloat16 where autocast allows it.

    Raises:
        ValueError: a number out of its range, or a seed for an actor that has no use for it.
    """

    actor: Actor
    renderer: Renderer
    bundle: int
    steps: int
    lookahead: int = 0
    plan: int = 0
    seed: int = 0
    bf16: bool = False

    @classmethod
    def of(cls, agent: Agent, lookahead: int = 0, plan: int = 0) -> Self:
        """The policy that paints with the actor of an agent, as it learns."""
        parts = agent.actor, agent.renderer, agent.bundle, agent.steps
        return cls(*parts, lookahead, plan, bf16=agent.bf16)

    def __post_init__(self) -> None:
        as_int("lookahead", self.lookahead, *planning.LOOKAHEAD)
        as_int("plan", self.plan, *planning.PLAN)
        self.actor.focused(seed=self.seed)

    @property
    def device(self) -> torch.device:
        """Device of the actor."""
        return next((parameter.device for parameter in self.actor.parameters()), torch.device("cpu"))

    @float32_default()
    @torch.no_grad()
    def act(self, state: CanvasState, steps: int | None = None, weight: Tensor | None = None) -> Tensor:
        """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1].

        Args:
            state: canvases to paint on.
            steps: steps per episode, by default those of training.
            weight: weight of each pixel's error, ``(B, H, W)``; by default equal weights.
        """
        actor = self.actor.focused(weight, self.seed).eval()
        proposals: list[Proposals] = []
        if self.lookahead:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                proposals = actor.propose(*state, self.lookahead)
        if not proposals:
            action = apply_network(actor, state, steps or self.steps, self.bf16)
            if not self.plan:
                return action
            proposals = [planning.full_canvas_proposal(action, state.canvas)]
        return planning.plan(state, proposals, self.renderer, self.plan, weight)
