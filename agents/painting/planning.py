"""Planning: of the bundles that an actor proposes the best is taken, and improved through the model.

What is found can be painted, or imitated by the actor.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from agents.networks.actor import Proposals
from agents.painting.stroke_adam import StrokeAdam, rates
from paint_gym.canvas import CanvasState, as_strokes
from paint_gym.renderers import Renderer
from paint_gym.strokes import StrokeDesign
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
            top, left = (part[best[which] - first, which].unsqueeze(0) for part in (group.top, group.left))
            chosen = Proposals(action[which].unsqueeze(0), top, left, group.size)
            side = weight.new_full((len(which),), max(group.size) / min(state.canvas.shape[2:]))
            action[which] = improved(some, chosen, side, renderer, steps, weight[which])
        first += count
    return action


@torch.no_grad()
def improved(
    state: CanvasState,
    chosen: Proposals,
    side: Tensor,
    renderer: Renderer,
    steps: int,
    weight: Tensor | None = None,
) -> Tensor:
    """Actions ``(B, bundle * stroke_dim)`` after steps down the gradient of the l2 through the model.

    Only the parts that they touch are painted on the way; one that has become no better on the whole canvas
    stays as it was.

    Args:
        state: what to paint on.
        chosen: one for each canvas: N is 1.
        side: ``(B,)``, of the part of each canvas that it is meant for, in shorter canvas sides.
        renderer: with gradients.
        steps: of gradient.
        weight: how much the error of each pixel counts, ``(B, 1, H, W)``; None where all count the same.
    """
    size = (state.canvas.shape[2], state.canvas.shape[3])
    weight = torch.ones_like(state.canvas[:, :1]) if weight is None else weight
    (action,), (top,), (left,), part = chosen
    begun = as_strokes(action, renderer.design.dim)
    parts = crop(torch.cat([state.canvas, state.target, weight], 1), top, left, part)
    before, target, counts = parts.split([3, 3, 1], 1)

    def in_part(strokes: Tensor) -> Tensor:
        painted = renderer.paint_part(before, strokes, top, left, size)
        return ((painted - target).square() * counts).sum((1, 2, 3))

    def on_canvas(strokes: Tensor) -> Tensor:
        error = (renderer.paint(state.canvas, strokes) - state.target).square() * weight
        return error.sum((1, 2, 3))

    adam = StrokeAdam(begun, _scaled(renderer.design, GEOMETRY_RATE, PAINT_RATE, side), BETAS)
    for i in range(steps):
        with torch.enable_grad():
            strokes = adam.strokes.requires_grad_()
            (gradient,) = torch.autograd.grad(in_part(strokes).sum(), strokes)
        adam.step(gradient, 1 - i / steps)
    found = adam.strokes.detach()
    better = on_canvas(found) < on_canvas(begun)
    return torch.where(better.view(-1, 1, 1), found, begun).flatten(1)


def distance(action: Tensor, other: Tensor, side: Tensor, design: StrokeDesign) -> Tensor:
    """Mean squared distance of actions, ``(B,)``; geometry is measured in sides of the parts, ``(B,)``.

    Args:
        action: ``(B, bundle * stroke_dim)``.
        other: the same.
        side: ``(B,)``, in shorter canvas sides.
        design: of the strokes.
    """
    apart = (action - other).view(len(action), -1, design.dim)
    return (apart / _scaled(design, 1.0, 1.0, side).to(apart)).square().mean((1, 2))


def _scaled(design: StrokeDesign, geometry: float, paint: float, side: Tensor) -> Tensor:
    """`rates`, those of geometry in sides ``(B,)``: ``(B, 1, stroke_dim)``."""
    return rates(design, geometry, 0.0).to(side) * side.view(-1, 1, 1) + rates(design, 0.0, paint).to(side)


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
