"""Painting with an agent, and scoring paintings with the ground truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from paint_gym.canvas import CanvasState, as_strokes, mean_squared_error, to_floats
from paint_gym.painting import Painting
from paint_gym.renderers import Renderer, make_renderer


class Painter(Protocol):
    """What painting needs of an agent."""

    renderer: Renderer
    bundle: int
    device: torch.device

    def act(self, state: CanvasState, steps: int | None = None) -> Tensor:
        """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1]."""


@torch.no_grad()
def paint(
    agent: Painter, targets: Tensor, max_strokes: int, on_bundle: Callable[[float], None] | None = None
) -> list[Painting]:
    """Paint pictures, on black canvases.

    Args:
        agent: who paints.
        targets: ``(B, 3, H, W)`` uint8, or float in [0, 1].
        max_strokes: strokes per painting, a multiple of the agent's bundle.
        on_bundle: called after each bundle with the mean l2 so far, as the agent's own renderer sees it.

    Raises:
        ValueError: `max_strokes` is no multiple of the bundle.
    """
    if max_strokes < 1 or max_strokes % agent.bundle:
        raise ValueError(
            f"this agent paints {agent.bundle} strokes at a time; {max_strokes} is no multiple of that"
        )
    wanted = to_floats(targets.to(agent.device))
    start = torch.zeros(len(wanted), dtype=torch.long, device=agent.device)
    state = CanvasState(torch.zeros_like(wanted), wanted, start)
    steps, bundles = max_strokes // agent.bundle, []
    for _ in range(steps):
        strokes = as_strokes(agent.act(state, steps), agent.renderer.design.dim)
        bundles.append(strokes.cpu())
        state = CanvasState(agent.renderer.paint(state.canvas, strokes), wanted, state.step + 1)
        if on_bundle is not None:
            on_bundle(mean_squared_error(state.canvas, wanted).mean().item())
    size = (wanted.shape[2], wanted.shape[3])
    painted = torch.cat(bundles, 1).numpy()  # (B, max_strokes, stroke_dim)
    design, opacity = agent.renderer.design, agent.renderer.opacity
    return [Painting(one, stroke=design, size=size, opacity=opacity) for one in painted]


def l2_by_raster(paintings: list[Painting], targets: np.ndarray) -> np.ndarray:
    """Mean squared error of each painting, measured with the ground truth renderer; see `l2_by`."""
    return l2_by("raster", paintings, targets)


def l2_by(renderer: str, paintings: list[Painting], targets: np.ndarray) -> np.ndarray:
    """Mean squared error of each painting, as a renderer paints it.

    Args:
        renderer: its name.
        paintings: B of them.
        targets: ``(B, 3, H, W)`` uint8.

    Returns:
        ``(B,)`` in [0, 1].
    """
    scores = []
    for painting, target in zip(paintings, targets, strict=True):
        painter = make_renderer(renderer, painting.stroke, painting.opacity)
        blank = torch.tensor(painting.background).view(1, 3, 1, 1).expand(1, 3, *target.shape[1:])
        canvas = painter.paint(blank, torch.from_numpy(np.array(painting.strokes))[None])
        scores.append(mean_squared_error(canvas, torch.from_numpy(target)[None].float() / 255).item())
    return np.array(scores)
