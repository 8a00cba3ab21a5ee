"""Planning: of the bundles that an actor proposes the best is taken, and improved through the model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from agents.common.stroke_adam import StrokeAdam, rates
from agents.networks.actor import Proposals
from paint_gym.canvas import CanvasState, as_strokes
from paint_gym.renderers import Renderer
from paint_gym.utils.images import crop

# of Adam, for a few steps; found on validation pictures
GEOMETRY_RATE = 0.04  # of positions and radii, in sides of the part of the canvas that is looked at
PAINT_RATE = 0.06  # of alphas and colours
BETAS = (0.5, 0.8)


@torch.no_grad()
def plan(
    state: CanvasState,
    proposals: Sequence[Proposals],
    renderer: Renderer,
    steps: int,
    weight: Tensor | None = None,
) -> Tensor:
    """The bundle for each canvas, ``(B, bundle * stroke_dim)`` in [0, 1].

    Each proposal is tried out, and the one that lowers the l2 most is taken; then come some steps down the
    gradient of the l2. Only the parts of the canvases that proposals touch are painted.

    Args:
        state: what to paint on.
        proposals: at least one.
        renderer: paints; for steps, with gradients.
        steps: of gradient; 0 for none.
        weight: how much the error of each pixel counts, ``(B, H, W)``.
    """
    weight = torch.ones_like(state.canvas[:, :1]) if weight is None else weight.unsqueeze(1)
    gain = torch.cat([_gain(state, weight, group, renderer) for group in proposals])  # (N, B)
    best, rows = gain.argmax(0), torch.arange(len(state.canvas), device=gain.device)
    action = torch.cat([group.action for group in proposals]).float()[best, rows]
    first = 0
    for group in proposals if steps else ():
        count = len(group.action)
        which = ((best >= first) & (best < first + count)).nonzero().squeeze(1)
        if len(which):
            some = CanvasState(*(part[which] for part in state))
            top, left = (part[best[which] - first, which] for part in (group.top, group.left))
            place = Proposals(action[which].unsqueeze(0), top, left, group.size)
            action[which] = _improved(some, weight[which], place, renderer, steps)
        first += count
    return action


def on_whole_canvas(action: Tensor, canvas: Tensor) -> Proposals:
    """An action for each canvas ``(B, 3, H, W)``, as a proposal that touches all of it."""
    corner = torch.zeros(1, len(action), dtype=torch.long, device=action.device)
    return Proposals(action.unsqueeze(0), corner, corner, (canvas.shape[2], canvas.shape[3]))


def _gain(state: CanvasState, weight: Tensor, proposals: Proposals, renderer: Renderer) -> Tensor:
    """Decrease of the weighted sum of squared errors by each, ``(N, B)``; weight is ``(B, 1, H, W)``."""
    action, top, left, size = proposals
    count, batch, _ = action.shape
    strokes = as_strokes(action.float().flatten(0, 1), renderer.design.dim)
    parts = crop(torch.cat([state.canvas, state.target, weight], 1), top, left, size).flatten(0, 1)
    before, target, counts = parts.split([3, 3, 1], 1)  # (N B, 3, h, w) twice, (N B, 1, h, w)
    whole = (state.canvas.shape[2], state.canvas.shape[3])
    after = renderer.paint_part(before, strokes, top.flatten(), left.flatten(), whole)
    gain = ((before - target).square() - (after - target).square()) * counts
    return gain.sum((1, 2, 3)).view(count, batch)


def _improved(
    state: CanvasState, weight: Tensor, chosen: Proposals, renderer: Renderer, steps: int
) -> Tensor:
    """Bundles ``(B, bundle * stroke_dim)`` after steps down the gradient of the error in parts of the canvas.

    One that has become no better on the whole canvas stays as it was.

    Args:
        state: what to paint on.
        weight: ``(B, 1, H, W)``.
        chosen: one bundle for each canvas, with top and left ``(B,)``.
        renderer: with gradients.
        steps: of gradient.
    """
    height, width = state.canvas.shape[2:]
    (action,), top, left, size = chosen
    begun = as_strokes(action, renderer.design.dim)
    parts = crop(torch.cat([state.canvas, state.target, weight], 1), top, left, size)
    before, target, counts = parts.split([3, 3, 1], 1)
    side = max(size) / min(height, width)
    rate = rates(renderer.design, side * GEOMETRY_RATE, PAINT_RATE).to(begun)
    adam = StrokeAdam(begun, rate, BETAS)
    for i in range(steps):
        with torch.enable_grad():
            strokes = adam.strokes.requires_grad_()
            painted = renderer.paint_part(before, strokes, top, left, (height, width))
            (gradient,) = torch.autograd.grad(((painted - target).square() * counts).sum(), strokes)
        adam.step(gradient, 1 - i / steps)
    errors = [
        ((renderer.paint(state.canvas, strokes) - state.target).square() * weight).sum((1, 2, 3))
        for strokes in (begun, adam.strokes)
    ]
    return torch.where((errors[1] < errors[0]).view(-1, 1, 1), adam.strokes, begun).flatten(1)
