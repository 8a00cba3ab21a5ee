"""Refinement: all strokes of finished paintings, optimised jointly through the renderer.

The agent decides how many strokes there are, in which order, and roughly where; gradient descent on the mean
squared error then moves all of them at once. Number, design and opacity range stay as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from paint_gym.metrics import mean_squared_error
from paint_gym.painting import Painting
from paint_gym.renderers import make_renderer
from paint_gym.strokes import COLOUR
from paint_gym.utils.device import pick_device
from paint_gym.utils.images import to_floats

# Adam with a short memory, for few steps; found on validation pictures.
GEOMETRY_RATE = 0.02  # of positions and radii, in canvas sides; falls to 0 in a straight line
PAINT_RATE = 0.1  # of alphas and colours
BETAS = (0.7, 0.85)

P = TypeVar("P", Painting, list[Painting])


def refine(
    painting: P,
    target: Tensor,
    iterations: int = 50,
    device: str | torch.device = "auto",
    on_iteration: Callable[[float], None] | None = None,
) -> P:
    """Optimise all strokes of a painting, or of several at once.

    What is returned is the best that was met on the way, so never worse than what was given, as the
    analytic renderer paints it.

    Args:
        painting: one, or a list of B of the same stroke design, opacity and number of strokes.
        target: ``(3, H, W)`` for one painting, ``(B, 3, H, W)`` for several; uint8, or float in [0, 1].
        iterations: steps of gradient, at least 0.
        device: where.
        on_iteration: called after each step with the mean l2 so far.

    Raises:
        ValueError: shapes or paintings that do not go together, or a negative number of iterations.
    """
    if isinstance(painting, Painting):
        return refine([painting], target[None], iterations, device, on_iteration)[0]
    _check(painting, target, iterations)
    if not iterations or not painting or not len(painting[0]):
        return painting
    floats = to_floats(target.to(pick_device(device)))
    strokes = _optimise(painting, floats, iterations, on_iteration).cpu().numpy()
    return [
        Painting(best, old.design, old.size, old.background, old.opacity)
        for best, old in zip(strokes, painting, strict=True)
    ]


def _optimise(
    paintings: list[Painting], target: Tensor, iterations: int, on_iteration: Callable[[float], None] | None
) -> Tensor:
    """The best strokes ``(B, K, stroke_dim)`` that are met on the way."""
    design = paintings[0].design
    renderer = make_renderer("analytic", design, paintings[0].opacity)
    backgrounds = torch.tensor([one.background for one in paintings], device=target.device)
    blank = backgrounds.view(-1, 3, 1, 1).expand_as(target)
    best = torch.stack([torch.tensor(one.strokes) for one in paintings]).to(target.device)
    least = torch.full((len(paintings),), torch.inf, device=target.device)
    alphas = [kind == "alpha" for kind in design.kinds]
    is_paint = torch.tensor([*alphas, *[True] * len(COLOUR)], device=target.device)
    place = is_paint.sort(stable=True).indices.argsort()  # of each number, in geometry followed by paint
    parts = [part.clone().requires_grad_() for part in (best[..., ~is_paint], best[..., is_paint])]
    optimizer = torch.optim.Adam([{"params": [part]} for part in parts], betas=BETAS)
    for i in range(iterations + 1):
        strokes = torch.cat(parts, -1)[..., place]
        l2 = mean_squared_error(renderer.paint(blank, strokes), target)
        with torch.no_grad():
            better = l2 < least
            best = torch.where(better.view(-1, 1, 1), strokes, best)
            least = torch.where(better, l2, least)
        if i and on_iteration is not None:
            on_iteration(least.mean().item())
        if i < iterations:
            for group, rate in zip(optimizer.param_groups, (GEOMETRY_RATE, PAINT_RATE), strict=True):
                group["lr"] = rate * (1 - i / iterations)
            optimizer.zero_grad(set_to_none=True)
            l2.sum().backward()  # each painting learns as if it were alone
            optimizer.step()
            with torch.no_grad():
                for part in parts:
                    part.clamp_(0, 1)
    return best


def _check(paintings: list[Painting], target: Tensor, iterations: int) -> None:
    if iterations < 0:
        raise ValueError(f"iterations must be at least 0, not {iterations}")
    if target.ndim != 4 or len(target) != len(paintings) or target.shape[1] != 3:
        raise ValueError(
            f"{len(paintings)} paintings need a target of {len(paintings)} pictures (3, H, W) each, "
            f"not {tuple(target.shape)}"
        )
    kinds = {(one.design, one.opacity, len(one)) for one in paintings}
    if len(kinds) > 1:
        raise ValueError(
            "paintings are refined together only if stroke design, opacity and number of strokes are the "
            "same; refine them one by one"
        )
