"""Planning through the model: the best of several candidate actions, improved by gradient descent."""

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

LOOKAHEAD = (0, 256)  # least and greatest number of candidates
PLAN = (0, 100_000)  # and of gradient steps
# Adam for few steps; found on validation pictures
GEOMETRY_RATE = 0.04  # rate of positions and radii, in sides of the part of the canvas
PAINT_RATE = 0.06  # rate of alphas and colours
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

    Renders each proposal, takes the one that lowers the l2 most, and moves it down the gradient of the l2.
    Only the parts of the canvases that proposals touch are rendered. `weight` is ``(B, H, W)``.
    """
    weight = torch.ones_like(state.canvas[:, :1]) if weight is None else weight.unsqueeze(1)
    gain = torch.cat([_gain(state, weight, group, renderer) for group in proposals])  # (N, B)
    best, rows = gain.argmax(0), torch.arange(len(state.canvas), device=gain.device)
    action = torch.cat([group.action for group in proposals]).float()[best, rows]
    for group in proposals if steps else ():
        index = ((best >= 0) & (best < len(group.action))).nonzero().squeeze(1)
        if len(index):
            top, x = (edge[best[index], index].unsqueeze(0) for edge in (group.top, group.left))
            proposal = Proposals(action[index].unsqueeze(0), top, x, group.size)
            side = weight.new_full((len(index),), max(group.size) / min(state.canvas.shape[2:]))
            part = CanvasState(*(tensor[index] for tensor in state))
            action[index] = optimize_action(part, proposal, side, renderer, steps, weight[index])
        best = best - len(group.action)
    return action


@torch.no_grad()
def optimize_action(
    state: CanvasState,
    proposal: Proposals,
    side: Tensor,
    renderer: Renderer,
    steps: int,
    weight: Tensor | None = None,
) -> Tensor:
    """Actions ``(B, bundle * stroke_dim)`` after gradient steps on the l2 through the model.

    Only the part of the canvas that an action touches is rendered on the way. An action that has not become
    better on the whole canvas stays as it was.

    Args:
        state: canvases to paint on.
        proposal: one action for each canvas: N is 1.
        side: ``(B,)``, side of the part that each action is meant for, in shorter canvas sides.
        renderer: the model, with gradients.
        steps: gradient steps.
        weight: ``(B, 1, H, W)``; None for equal weights.
    """
    size = (state.canvas.shape[2], state.canvas.shape[3])
    weight = torch.ones_like(state.canvas[:, :1]) if weight is None else weight
    (action,), (top,), (x,), part = proposal
    initial = as_strokes(action, renderer.design.dim)
    parts = crop(torch.cat([state.canvas, state.target, weight], 1), top, x, part)
    before, target, part_weight = parts.split([3, 3, 1], 1)
    adam = StrokeAdam(initial, _scaled(renderer.design, GEOMETRY_RATE, PAINT_RATE, side), BETAS)
    for i in range(steps):
        with torch.enable_grad():
            strokes = adam.strokes.requires_grad_()
            after = renderer.paint_part(before, strokes, top, x, size)
            error = ((after - target).square() * part_weight).sum((1, 2, 3))
            (gradient,) = torch.autograd.grad(error.sum(), strokes)
        adam.step(gradient, 1 - i / steps)
    final = adam.strokes.detach()
    canvases = (renderer.paint(state.canvas, strokes) for strokes in (final, initial))
    errors = [((canvas - state.target).square() * weight).sum((1, 2, 3)) for canvas in canvases]
    better = errors[0] < errors[1]
    return torch.where(better.view(-1, 1, 1), final, initial).flatten(1)


def distance(action: Tensor, target_action: Tensor, side: Tensor, design: StrokeDesign) -> Tensor:
    """Mean squared distance of actions, ``(B,)``, with geometry in sides ``(B,)`` of their parts."""
    difference = (action - target_action).view(len(action), -1, design.dim)
    return (difference / _scaled(design, 1.0, 1.0, side).to(difference)).square().mean((1, 2))


def full_canvas_proposal(action: Tensor, canvas: Tensor) -> Proposals:
    """An action for each canvas ``(B, 3, H, W)``, as a proposal that touches all of it."""
    corner = torch.zeros(1, len(action), dtype=torch.long, device=action.device)
    return Proposals(action.unsqueeze(0), corner, corner, (canvas.shape[2], canvas.shape[3]))


def _scaled(design: StrokeDesign, geometry: float, paint: float, side: Tensor) -> Tensor:
    """Rates ``(B, 1, stroke_dim)``, with geometry in sides ``(B,)``."""
    return rates(design, geometry, 0.0).to(side) * side.view(-1, 1, 1) + rates(design, 0.0, paint).to(side)


def _gain(state: CanvasState, weight: Tensor, proposals: Proposals, renderer: Renderer) -> Tensor:
    """Decrease of the weighted sum of squared errors, ``(N, B)``; weight is ``(B, 1, H, W)``."""
    action, top, x, part = proposals
    count, batch, _ = action.shape
    strokes = as_strokes(action.float().flatten(0, 1), renderer.design.dim)
    parts = crop(torch.cat([state.canvas, state.target, weight], 1), top, x, part).flatten(0, 1)
    before, target, part_weight = parts.split([3, 3, 1], 1)  # (N B, 3, h, w) twice, (N B, 1, h, w)
    size = (state.canvas.shape[2], state.canvas.shape[3])
    after = renderer.paint_part(before, strokes, top.flatten(), x.flatten(), size)
    gain = ((before - target).square() - (after - target).square()) * part_weight
    return gain.sum((1, 2, 3)).view(count, batch)
