"""Best colours of strokes whose geometry stays: the canvas is linear in them."""

from __future__ import annotations

import torch
from torch import Tensor

from paint_gym.renderers import Renderer
from paint_gym.strokes import COLOUR


def solve_colours(
    strokes: Tensor,
    canvas: Tensor,
    target: Tensor,
    renderer: Renderer,
    steps: int,
    weight: Tensor | None = None,
) -> Tensor:
    """Strokes ``(B, K, stroke_dim)`` with better colours, by conjugate gradients on the least squares.

    Each of the steps is a forward and a backward pass. The colours are clipped in the end; a painting that
    does not come nearer to its target stays as it was. `canvas` before the first stroke and `target` are
    ``(B, 3, H, W)``, the weight of each pixel's error is ``(B, H, W)``.
    """
    geometry, colours = strokes.split([strokes.shape[-1] - len(COLOUR), len(COLOUR)], -1)
    pixels = torch.ones_like(canvas[:, :1]) if weight is None else weight.unsqueeze(1)
    residual = target - renderer.paint(canvas, strokes)
    direction, energy = torch.zeros_like(colours), torch.zeros(len(strokes), 1, 1, device=strokes.device)
    for step in range(steps + 1):
        with torch.enable_grad():
            direction = direction.detach().requires_grad_()
            layer = renderer.paint(torch.zeros_like(canvas), torch.cat([geometry, direction], -1))
        length = energy / (pixels * layer.detach().square()).sum((1, 2, 3)).view(-1, 1, 1).clamp(min=1e-12)
        colours = colours + length * direction.detach()
        residual = residual - length.unsqueeze(-1) * layer.detach()
        (slope,) = torch.autograd.grad(layer, direction, pixels * residual)
        before, energy = energy, slope.square().sum((1, 2), keepdim=True)
        direction = slope + (energy / before.clamp(min=1e-12) if step else 0.0) * direction.detach()
    solved = torch.cat([geometry, colours.clamp(0, 1)], -1)
    errors = [
        (pixels * (renderer.paint(canvas, candidate) - target).square()).sum((1, 2, 3))
        for candidate in (solved, strokes)
    ]
    return torch.where((errors[0] < errors[1]).view(-1, 1, 1), solved, strokes)
