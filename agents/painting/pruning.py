"""Strokes that do not help: without one of them the error is no greater."""

from __future__ import annotations

import torch
from torch import Tensor

from paint_gym.renderers import Renderer
from paint_gym.strokes import COLOUR

CHUNK = 32  # strokes whose coverage is in memory at once
LEAST = 1e-8  # decrease of the l2 that a stroke is for


@torch.no_grad()
def helpful(renderer: Renderer, strokes: Tensor, canvas: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mask of the strokes that lower the error of a painting by at least `LEAST`, ``(K,)`` bool.

    One sweep from the last stroke to the first. A stroke that does not help counts as removed for those
    below it, so all of these can go at once.

    Args:
        renderer: a renderer of any size.
        strokes: ``(K, stroke_dim)``.
        canvas: ``(L, 3, H, W)``, layers before the first stroke.
        target: ``(L, 3, H, W)``, the targets on them.
        weight: weight of each pixel's error, ``(H, W)``.
    """
    size = (canvas.shape[2], canvas.shape[3])
    chunks, starts = strokes.split(CHUNK), [canvas]
    for chunk in chunks:
        starts.append(renderer.paint(starts[-1], chunk.unsqueeze(0)))
    residual, above = starts.pop() - target, torch.ones_like(weight)
    helps = torch.zeros(len(strokes), dtype=torch.bool, device=strokes.device)
    for first, chunk, start in reversed(
        list(zip(range(0, len(strokes), CHUNK), chunks, starts, strict=True))
    ):
        layers = _layers(renderer(chunk, size), chunk[:, -len(COLOUR) :], start.clone())
        for k, (area, alpha, difference) in reversed(list(enumerate(layers, first))):
            change = above[area] * alpha * difference  # what the stroke adds to the finished canvas
            error = residual[..., *area]
            decrease = -(weight[area] * change * (2 * error - change)).sum()
            if decrease > LEAST * residual.numel():
                helps[k] = True
                above[area] *= 1 - alpha
            else:
                error -= change
    return helps


def _layers(
    coverage: Tensor, colours: Tensor, canvas: Tensor
) -> list[tuple[tuple[slice, slice], Tensor, Tensor]]:
    """Area of each stroke, its alpha there, and its colour minus the canvas below; paints on the canvas."""
    layers = []
    rows, columns = coverage.amax(2) > 0, coverage.amax(1) > 0
    for alpha, colour, row, column in zip(coverage, colours, rows, columns, strict=True):
        y, x = row.nonzero(), column.nonzero()
        area = (slice(0, 0), slice(0, 0))
        if len(y):
            area = (slice(int(y[0]), int(y[-1]) + 1), slice(int(x[0]), int(x[-1]) + 1))
        below = canvas[..., *area]
        difference = colour.view(3, 1, 1) - below
        layers.append((area, alpha[area], difference))
        below += alpha[area] * difference
    return layers
