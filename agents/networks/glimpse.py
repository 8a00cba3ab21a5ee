"""An actor that sees one window per step, where the error is great, and paints inside it.

An actor that pools the whole canvas to one vector paints a dozen broad strokes and then stops gaining. This
one sees a small square of the picture at a fixed resolution: first of the shorter side, then of its half,
and so on to a thirty-second. Its strokes are moved to the canvas, so a large picture has no seams.
"""

from __future__ import annotations

import math
from copy import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from agents.networks.actor import Actor, Proposals, squash
from paint_gym.strokes import COLOUR, MAX_RADIUS, StrokeDesign
from paint_gym.utils.device import upload
from paint_gym.utils.images import crop, resize


class Window(NamedTuple):
    """A square window on each canvas, and the observation of what lies in it.

    Attributes:
        left: ``(B,)`` in canvas widths.
        top: ``(B,)`` in canvas heights.
        side: ``(B,)`` in shorter canvas sides.
        obs: ``(B, 7, R, R)``: canvas, target, and how far the window is zoomed in, 0 to 1.
    """

    left: Tensor
    top: Tensor
    side: Tensor
    obs: Tensor

    def flat(self) -> Window:
        """Several windows on each canvas, ``(N, B)`` of each part, as one batch ``(N B)``."""
        return Window(*(part.flatten(0, 1) for part in self))


class GlimpseActor(Actor):
    """One square window per step, placed where the squared error under it is great.

    Where strokes no longer help, the actor would stay for ever. So the error of each place is multiplied by a
    number in [0, 1) that changes from step to step: random in training, else a function of step and seed. The
    side of the window depends on the step alone, so 200 strokes are the beginning of a painting of 1,000.

    Args:
        design: the stroke design; it moves the parameters of strokes with a window.
        bundle: strokes per step.
        width: channels of the first stage.
        resolution: side in pixels to which windows are scaled, a multiple of 8.
    """

    levels = 6  # windows of 1 to 1/32 of the shorter side: four times as broad as the thinnest stroke
    steps_per_window: float = 3  # steps of a level, for each of the windows that would tile the canvas

    def __init__(self, design: StrokeDesign, bundle: int, width: int = 48, resolution: int = 32) -> None:
        super().__init__()
        self.design, self.bundle, self.resolution = design, bundle, resolution
        self.weight: Tensor | None = None
        self.seed = 0
        wide = 2 * width
        self.net = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(28, width, 3, 1, 1), nn.ReLU(), _Residual(width),
            nn.Conv2d(width, wide, 3, 2, 1), nn.ReLU(), _Residual(wide),
            nn.Conv2d(wide, wide, 3, 2, 1), nn.ReLU(), _Residual(wide),
            nn.Flatten(), nn.Linear(wide * (resolution // 8) ** 2, 512), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(512, bundle * design.dim)
        if design.primitive == "polygon":
            # corners that begin together enclose nothing, and nothing parts them
            nn.init.normal_(self.head.bias.data.view(bundle, design.dim)[:, : -len(COLOUR)], std=1.0)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the network; the choice of windows depends on the pictures, and stays eager."""
        self.net.compile(*args, **kwargs)

    def focused(self, weight: Tensor | None = None, seed: int = 0) -> GlimpseActor:
        """The actor with weighted errors; for each seed it visits the windows in another order."""
        actor = copy(self)  # the parameters are shared
        actor.weight, actor.seed = weight, seed
        return actor

    def forward(self, canvas: Tensor, target: Tensor, step: Tensor, steps: int) -> Tensor:
        """``(B, 3, H, W)`` twice and ``(B,)`` to ``(B, bundle * stroke_dim)`` in [0, 1]."""
        window = self.select_window(canvas, target, step)
        return self.decode_strokes(window, canvas.shape[2], canvas.shape[3])

    def propose(self, canvas: Tensor, target: Tensor, step: Tensor, count: int) -> list[Proposals]:
        """Actions for `count` windows of each side; see `Actor.propose`.

        Sides in order: that of the step, the next larger, the next smaller.
        """
        height, width = canvas.shape[2:]
        level = self.level(step, height, width)
        neighbours = [(level - 1).clamp(min=0), (level + 1).clamp(max=self.levels - 1)]
        levels = [level, *(neighbour for neighbour in neighbours if not torch.equal(neighbour, level))]
        table = SummedAreaTable.of(canvas, target, self.weight)
        groups = [self.select_windows(table, level, step, count) for level in levels]
        windows = Window(*(torch.cat(parts) for parts in zip(*groups, strict=True)))  # (N, B)
        actions = self.decode_strokes(windows.flat(), height, width).unflatten(0, (-1, len(canvas)))
        split = actions.split([len(group.side) for group in groups])
        return [
            self._proposals(action, group, height, width) for action, group in zip(split, groups, strict=True)
        ]

    def decode_strokes(self, window: Window, height: int, width: int) -> Tensor:
        """Actions for a window on each canvas, ``(B, bundle * stroke_dim)``, in coordinates of the canvas."""
        raw = self.head(self.net(window.obs)).float().view(len(window.obs), self.bundle, self.design.dim)
        parameters = squash(raw[..., : -len(COLOUR)])
        colour = squash(raw[..., -len(COLOUR) :] + self._colours_under(parameters, window.obs[:, 3:6]))
        strokes = torch.cat([parameters, colour], -1)
        shorter = min(height, width)
        sides = (window.side * (shorter / width), window.side * (shorter / height), window.side)
        return self.design.window_to_canvas(strokes, window.left, window.top, *sides).flatten(1)

    def _proposals(self, action: Tensor, window: Window, height: int, width: int) -> Proposals:
        """Actions in windows ``(N, B)``, with the parts of the canvas that their strokes can touch."""
        strokes = action.unflatten(-1, (self.bundle, self.design.dim))
        x, y, radius, _ = self.design.nodes(strokes, segments=16).flatten(2, 3).unbind(-1)  # (N, B, nodes)
        shorter = min(height, width)
        radius = (radius * shorter).clamp(min=0.5)  # as thin as it is drawn
        sides = window.side.unsqueeze(-1) * shorter
        x, y = x * width - window.left.unsqueeze(-1) * width, y * height - window.top.unsqueeze(-1) * height
        overhang = torch.stack([radius - x, x + radius - sides, radius - y, y + radius - sides]).max().item()
        side = window.side.max().item() * shorter  # pixels
        margin = max(math.ceil(side * MAX_RADIUS), math.ceil(overhang - 1e-3)) + 1
        tall, broad = (min(math.ceil(side) + 2 * margin, length) for length in (height, width))
        top = ((window.top * height).round().long() - margin).clamp(0, height - tall)
        left = ((window.left * width).round().long() - margin).clamp(0, width - broad)
        return Proposals(action, top, left, (tall, broad))

    @torch.no_grad()
    def _colours_under(self, parameters: Tensor, target: Tensor) -> Tensor:
        """Logits ``(B, bundle, 3)`` of the target's colours under the middle of strokes, to start from."""
        nodes = self.design.nodes(parameters, segments=2)  # (B, bundle, M, 4)
        middle = nodes[..., :2].mean(2, keepdim=True) * 2 - 1  # (B, bundle, 1, 2) in [-1, 1]
        colour = functional.grid_sample(target.float(), middle, padding_mode="border", align_corners=False)
        return colour.squeeze(3).transpose(1, 2).clamp(0.02, 0.98).logit()

    def side(self, step: Tensor, height: int, width: int) -> Tensor:
        """Side of the step's window, ``(B,)`` in shorter canvas sides; see `Actor.side`."""
        return 0.5 ** self.level(step, height, width)

    def level(self, step: Tensor, height: int, width: int) -> Tensor:
        """Level of the window, ``(B,)`` int64: n for a side of 2 ** -n of the shorter side."""
        tiles = max(height, width) / min(height, width)  # squares of the shorter side that cover the canvas
        windows = [tiles * sum(4**i for i in range(n + 1)) for n in range(self.levels - 1)]
        spent = upload(self.steps_per_window * torch.tensor(windows), step.device)
        return torch.bucketize(step.float(), spent, right=True)

    def select_window(self, canvas: Tensor, target: Tensor, step: Tensor) -> Window:
        """Window of the step on each canvas, where the error is great; see `forward`."""
        level = self.level(step, canvas.shape[2], canvas.shape[3])
        table = SummedAreaTable.of(canvas, target, self.weight)
        return self.select_windows(table, level, step, 1).flat()

    @torch.no_grad()
    def select_windows(self, table: SummedAreaTable, level: Tensor, step: Tensor, count: int) -> Window:
        """Windows ``(count, B)`` of a level ``(B,)``, in the order of their weighted error.

        Windows do not overlap; where the canvas has no room for `count`, some are repeated.
        """
        pair = table.pair
        left, top = (pair.new_zeros(count, len(pair)) for _ in range(2))
        obs = pair.new_empty(count, len(pair), 7, self.resolution, self.resolution)
        for n in level.unique().tolist():
            which = (level == n).nonzero().squeeze(1)
            part = table if len(which) == len(pair) else SummedAreaTable(*(part[which] for part in table))
            left[:, which], top[:, which], obs[:, which, :6] = self._windows(part, n, step[which], count)
        obs[:, :, 6] = (level / 3).clamp(max=1).view(-1, 1, 1)  # an eighth or less: all are details
        return Window(left, top, (0.5**level).expand(count, -1), obs)

    def _windows(self, table: SummedAreaTable, level: int, step: Tensor, count: int) -> tuple[Tensor, ...]:
        """Windows of one side: left and top ``(count, n)`` in canvas sides, and canvas and target there."""
        pair, (height, width) = table.pair, table.pair.shape[2:]
        pixels = max(1, round(min(height, width) * 0.5**level))  # side of the windows
        rows, columns = (window_grid(length, pixels, pair.device) for length in (height, width))
        score = table.sums(rows, columns, pixels)
        if self.training:
            score = score * upload(torch.rand(score.shape), score.device)
        else:
            score = score * low_discrepancy_weights(step, self.seed, len(rows), len(columns))
        best = non_max_suppression(score, count, pixels, rows, columns)  # (count, n)
        top, left = rows[best // len(columns)], columns[best % len(columns)]
        parts = crop(pair, top, left, (pixels, pixels))  # (count, n, 6, pixels, pixels)
        if pixels != self.resolution:
            flat = resize(parts.flatten(0, 1), (self.resolution, self.resolution))
            parts = flat.unflatten(0, parts.shape[:2])
        return left / width, top / height, parts


class SummedAreaTable(NamedTuple):
    """Canvases and targets ``(B, 6, H, W)``, and the weighted sums of squared errors up to each pixel."""

    pair: Tensor
    total: Tensor

    @classmethod
    def of(cls, canvas: Tensor, target: Tensor, weight: Tensor | None) -> SummedAreaTable:
        """The table of canvases and targets ``(B, 3, H, W)``, with weights ``(B, H, W)``."""
        error = (canvas - target).square().sum(1)  # (B, H, W)
        error = error if weight is None else error * weight
        total = functional.pad(error, (1, 0, 1, 0)).cumsum(1).cumsum(2)
        return cls(torch.cat([canvas, target], 1), total)

    def sums(self, rows: Tensor, columns: Tensor, side: int) -> Tensor:
        """Sums of the error under windows: ``(B, len(rows), len(columns))``."""
        strips = self.total[:, rows + side] - self.total[:, rows]
        return strips[:, :, columns + side] - strips[:, :, columns]


def window_grid(length: int, side: int, device: torch.device) -> Tensor:
    """Positions of windows along an axis: a quarter of their side apart or less, from edge to edge."""
    count = 1 if length == side else 1 + -(-4 * (length - side) // side)
    return torch.linspace(0, length - side, count, device=device).round().long()


def low_discrepancy_weights(step: Tensor, seed: int, rows: int, columns: int) -> Tensor:
    """Weights ``(n, rows, columns)`` in [0, 1), spread evenly over the places and over the steps.

    A Kronecker sequence, with Roberts' constants for two dimensions and the golden ratio for the steps.
    """
    row = torch.arange(rows, device=step.device).view(-1, 1) * 0.7548777
    column = torch.arange(columns, device=step.device) * 0.5698403
    return (row + column + step.view(-1, 1, 1) * 0.6180340 + seed % 10_000 * 0.4142136) % 1


def non_max_suppression(score: Tensor, count: int, side: int, rows: Tensor, columns: Tensor) -> Tensor:
    """Indices ``(count, n)`` of the greatest scores, none overlapping another before it."""
    indices: list[Tensor] = []
    while True:
        best = score.flatten(1).argmax(1)
        indices.append(best)
        if len(indices) == count:
            return torch.stack(indices)
        near_row = (rows - rows[best // len(columns)].view(-1, 1)).abs() < side  # (n, len(rows))
        near_column = (columns - columns[best % len(columns)].view(-1, 1)).abs() < side
        score = score.masked_fill(near_row.unsqueeze(2) & near_column.unsqueeze(1), -1)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, 1, 1) for _ in range(2))
        self.body = nn.Sequential(first, nn.ReLU(), second)

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.body(x)).relu()
