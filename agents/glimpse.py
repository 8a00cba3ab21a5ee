"""An actor that looks through one window per step, where the error is greatest, and paints inside it.

An actor that pools the whole canvas to one vector paints a dozen broad strokes and then stops gaining. This
one sees a small square of the picture at a fixed resolution, whatever the canvas: first of the shorter side,
then of its half, a quarter, an eighth. Its strokes are in the coordinates of the window and are moved to the
canvas, so the action is that of any other actor, and a large picture has no seams.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from paint_gym.strokes import COLOUR, StrokeDesign

LEVELS = 4  # windows of 1, 1/2, 1/4 and 1/8 of the shorter side: strokes are too thick for smaller ones
STEPS_PER_WINDOW = 3  # steps of a level, for each of the windows that would tile the canvas


class View(NamedTuple):
    """A window on each canvas, and what is seen through it.

    Attributes:
        left: ``(B,)`` in canvas widths.
        top: ``(B,)`` in canvas heights.
        side: ``(B,)`` in shorter canvas sides.
        seen: ``(B, 7, R, R)``: canvas, target, and how far the window is zoomed in, 0 to 1.
    """

    left: Tensor
    top: Tensor
    side: Tensor
    seen: Tensor


class GlimpseActor(nn.Module):
    """One square window per step, placed where the squared error under it is greatest.

    The side of the window follows from the step alone, so a painting of 200 strokes is the beginning of one
    of 1,000.

    Args:
        design: the stroke design, which knows how its parameters move with a window.
        bundle: strokes per step.
        width: channels of the first stage.
        resolution: pixels a side at which a window is seen, a multiple of 8.
    """

    def __init__(self, design: StrokeDesign, bundle: int, width: int = 48, resolution: int = 32) -> None:
        super().__init__()
        self.design, self.bundle, self.resolution = design, bundle, resolution
        stages: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(28, width, 3, 1, 1), nn.ReLU()]
        stages.append(_Residual(width))
        channels = width
        for _ in range(2):
            stages += [nn.Conv2d(channels, 2 * width, 3, 2, 1), nn.ReLU(), _Residual(2 * width)]
            channels = 2 * width
        flat = channels * (resolution // 8) ** 2
        self.net = nn.Sequential(*stages, nn.Flatten(), nn.Linear(flat, 512), nn.ReLU())
        self.head = nn.Linear(512, bundle * design.dim)

    def forward(self, canvas: Tensor, target: Tensor, step: Tensor, steps: int) -> Tensor:
        """``(B, 3, H, W)`` twice and ``(B,)`` to ``(B, bundle * stroke_dim)`` in [0, 1]."""
        return self._answer(self.look(canvas, target, step), canvas.shape[2], canvas.shape[3])

    def propose(self, canvas: Tensor, target: Tensor, step: Tensor, count: int) -> Tensor:
        """What it would paint elsewhere, for whoever can try it out.

        Args:
            canvas: ``(B, 3, H, W)`` in [0, 1].
            target: ``(B, 3, H, W)`` in [0, 1].
            step: ``(B,)`` int64, bundles painted so far.
            count: windows of each side: that of the step, the next larger and the next smaller.

        Returns:
            ``(3 * count, B, bundle * stroke_dim)`` in [0, 1].
        """
        height, width = canvas.shape[2:]
        level = self.level(step, height, width)
        levels = [(level + shift).clamp(0, LEVELS - 1) for shift in (-1, 0, 1)]
        views = [view for each in levels for view in self._views(canvas, target, each, count)]
        together = View(*(torch.cat(parts) for parts in zip(*views, strict=True)))
        return self._answer(together, height, width).view(len(views), len(canvas), -1)

    def _answer(self, view: View, height: int, width: int) -> Tensor:
        raw = self.head(self.net(view.seen)).float().view(len(view.seen), self.bundle, self.design.dim)
        shape = raw[..., : -len(COLOUR)].sigmoid()
        colour = (raw[..., -len(COLOUR) :] + self._colours_under(shape, view.seen[:, 3:6])).sigmoid()
        strokes = torch.cat([shape, colour], -1)
        shorter = min(height, width)
        sides = (view.side * (shorter / width), view.side * (shorter / height), view.side)
        return self.design.place(strokes, view.left, view.top, *sides).flatten(1)

    @torch.no_grad()
    def _colours_under(self, shape: Tensor, target: Tensor) -> Tensor:
        """Logits ``(B, bundle, 3)`` of the target's colours under the middle of strokes, to start from."""
        nodes = self.design.outline(shape, segments=2)  # (B, bundle, M, 4)
        middle = nodes[..., :2].mean(2, keepdim=True) * 2 - 1  # (B, bundle, 1, 2) in [-1, 1]
        colour = functional.grid_sample(target.float(), middle, padding_mode="border", align_corners=False)
        return colour.squeeze(3).transpose(1, 2).clamp(0.02, 0.98).logit()

    def level(self, step: Tensor, height: int, width: int) -> Tensor:
        """Which side the window has, ``(B,)`` int64: n for 2 ** -n of the shorter side."""
        tiles = max(height, width) / min(height, width)  # squares of the shorter side that cover the canvas
        spent = [STEPS_PER_WINDOW * tiles * sum(4**i for i in range(n + 1)) for n in range(LEVELS - 1)]
        return torch.bucketize(step.float(), torch.tensor(spent, device=step.device), right=True)

    def look(self, canvas: Tensor, target: Tensor, step: Tensor) -> View:
        """Look through the window where the error is greatest.

        Args:
            canvas: ``(B, 3, H, W)`` in [0, 1].
            target: ``(B, 3, H, W)`` in [0, 1].
            step: ``(B,)`` int64, bundles painted so far.
        """
        (view,) = self._views(canvas, target, self.level(step, canvas.shape[2], canvas.shape[3]), 1)
        return view

    @torch.no_grad()
    def _views(self, canvas: Tensor, target: Tensor, level: Tensor, count: int) -> list[View]:
        """`count` windows of the given level ``(B,)`` on each canvas, those with the greatest error first."""
        left, top = (canvas.new_zeros(count, len(canvas)) for _ in range(2))
        seen = canvas.new_empty(count, len(canvas), 7, self.resolution, self.resolution)
        for n in range(LEVELS):
            which = (level == n).nonzero().squeeze(1)
            if len(which):
                pair = torch.cat([canvas[which], target[which]], 1)
                left[:, which], top[:, which], seen[:, which, :6] = self._windows(pair, 2**-n, count)
        seen[:, :, 6] = (level / (LEVELS - 1)).view(-1, 1, 1)
        side = 0.5**level
        return [View(left[i], top[i], side, seen[i]) for i in range(count)]

    def _windows(self, pair: Tensor, side: float, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Windows of one side: where they begin, ``(count, n)`` in canvas sides, and what is seen."""
        _, _, height, width = pair.shape
        pixels = max(1, round(side * min(height, width)))
        rows, columns = (_positions(length, pixels, pair.device) for length in (height, width))
        error = (pair[:, :3] - pair[:, 3:]).square().sum(1)  # (n, H, W)
        score = _sums(error, rows, columns, pixels)
        if self.training:  # look elsewhere now and then
            score = score * torch.rand_like(score)
        best = _peaks(score, count, pixels, rows, columns)  # (count, n)
        top, left = rows[best // len(columns)], columns[best % len(columns)]
        seen = torch.stack([self._seen(pair, *place, pixels) for place in zip(top, left, strict=True)])
        return left / width, top / height, seen

    def _seen(self, pair: Tensor, top: Tensor, left: Tensor, pixels: int) -> Tensor:
        """The windows at ``(n,)`` pixels from the top and the left: ``(n, 6, R, R)``."""
        count, offset = len(pair), torch.arange(pixels, device=pair.device)
        window = pair[
            torch.arange(count, device=pair.device).view(-1, 1, 1, 1),
            torch.arange(6, device=pair.device).view(1, -1, 1, 1),
            (top.view(-1, 1) + offset).view(count, 1, pixels, 1),
            (left.view(-1, 1) + offset).view(count, 1, 1, pixels),
        ]
        if pixels == self.resolution:
            return window
        shape = (self.resolution, self.resolution)
        return functional.interpolate(window, shape, mode="bilinear", antialias=True, align_corners=False)


def _positions(length: int, side: int, device: torch.device) -> Tensor:
    """Where windows may begin along an axis: a quarter of their side apart or less, from edge to edge."""
    count = 1 if length == side else 1 + -(-4 * (length - side) // side)
    return torch.linspace(0, length - side, count, device=device).round().long()


def _sums(error: Tensor, rows: Tensor, columns: Tensor, side: int) -> Tensor:
    """Sums under windows of an error ``(n, H, W)``: ``(n, len(rows), len(columns))``."""
    total = functional.pad(error, (1, 0, 1, 0)).cumsum(1).cumsum(2)
    strips = total[:, rows + side] - total[:, rows]
    return strips[:, :, columns + side] - strips[:, :, columns]


def _peaks(score: Tensor, count: int, side: int, rows: Tensor, columns: Tensor) -> Tensor:
    """Indices ``(count, n)`` of the greatest scores, none overlapping another before it."""
    found: list[Tensor] = []
    while True:
        best = score.flatten(1).argmax(1)
        found.append(best)
        if len(found) == count:
            return torch.stack(found)
        near_row = (rows - rows[best // len(columns)].view(-1, 1)).abs() < side  # (n, len(rows))
        near_column = (columns - columns[best % len(columns)].view(-1, 1)).abs() < side
        score = score.masked_fill(near_row.unsqueeze(2) & near_column.unsqueeze(1), -1)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1), nn.ReLU(), nn.Conv2d(channels, channels, 3, 1, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.body(x)).relu()
