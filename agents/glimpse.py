"""An actor that looks through one window per step, where the error is greatest, and paints inside it.

An actor that pools the whole canvas to one vector paints a dozen broad strokes and then stops gaining. This
one sees a small square of the picture at a fixed resolution, whatever the canvas: first the whole, then
halves, then quarters.
Its strokes are in the coordinates of the window and are moved to the canvas, so the action is that of any
other actor.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from agents.networks import coordinates
from paint_gym.strokes import COLOUR, StrokeDesign

Schedule = tuple[tuple[float, float], ...]
SCHEDULE: Schedule = ((0.1, 1.0), (0.4, 0.5), (1.0, 0.25))
"""(part of the budget up to which, side of the window in canvas sides), in order."""


class GlimpseActor(nn.Module):
    """One window per step, placed where the squared error under it is greatest.

    Args:
        design: the stroke design, which knows how its parameters move with a window.
        bundle: strokes per step.
        width: channels of the first stage.
        resolution: pixels a side at which a window is seen.
        schedule: sides of the window over the episode.
    """

    def __init__(
        self,
        design: StrokeDesign,
        bundle: int,
        width: int = 48,
        resolution: int = 32,
        schedule: Schedule = SCHEDULE,
    ) -> None:
        super().__init__()
        self.design, self.bundle, self.resolution, self.schedule = design, bundle, resolution, schedule
        stages: list[nn.Module] = [nn.Conv2d(10, width, 3, 1, 1), nn.ReLU()]
        channels = width
        for wide in (width, 2 * width, 2 * width):
            stages += [nn.Conv2d(channels, wide, 3, 2, 1), nn.ReLU(), _Residual(wide)]
            channels = wide
        flat = channels * (resolution // 8) ** 2
        self.net = nn.Sequential(*stages, nn.Flatten(), nn.Linear(flat, 512), nn.ReLU())
        self.head = nn.Linear(512, bundle * design.dim)

    def forward(self, canvas: Tensor, target: Tensor, progress: Tensor) -> Tensor:
        """``(B, 3, H, W)`` twice and ``(B,)`` to ``(B, bundle * stroke_dim)`` in [0, 1]."""
        with torch.no_grad():
            x, y, side, seen = self.look(canvas, target, progress)
        raw = self.head(self.net(seen)).float().view(len(canvas), self.bundle, self.design.dim)
        shape = raw[..., : -len(COLOUR)].sigmoid()
        colour = (raw[..., -len(COLOUR) :] + self._colours_under(shape, seen[:, 3:6])).sigmoid()
        return self.design.place(torch.cat([shape, colour], -1), x, y, side).flatten(1)

    @torch.no_grad()
    def _colours_under(self, shape: Tensor, target: Tensor) -> Tensor:
        """Logits ``(B, bundle, 3)`` of the target's colours under the middle of strokes, to start from."""
        nodes = self.design.outline(shape, segments=2)  # (B, bundle, M, 4)
        middle = nodes[..., :2].mean(2, keepdim=True) * 2 - 1  # (B, bundle, 1, 2) in [-1, 1]
        colour = functional.grid_sample(target.float(), middle, padding_mode="border", align_corners=False)
        return colour.squeeze(3).transpose(1, 2).clamp(0.02, 0.98).logit()

    def look(self, canvas: Tensor, target: Tensor, progress: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Place windows: left edge, top, side ``(B,)`` in canvas sides; what is seen ``(B, 10, R, R)``."""
        bounds = progress.new_tensor([until for until, _ in self.schedule[:-1]])
        level = torch.bucketize(progress, bounds, right=True)  # (B,)
        sides = progress.new_tensor([side for _, side in self.schedule])
        x, y = torch.zeros_like(progress), torch.zeros_like(progress)
        seen = canvas.new_empty(len(canvas), 10, self.resolution, self.resolution)
        for i, (_, side) in enumerate(self.schedule):
            which = (level == i).nonzero().squeeze(1)
            if len(which):
                pair = torch.cat([canvas[which], target[which]], 1)
                x[which], y[which], seen[which, :6] = self._windows(pair, side)
        side_of = sides[level]
        planes = coordinates(seen[:, :1]) * side_of.view(-1, 1, 1, 1) / 2  # of the canvas: x and y in [0, 1]
        centre = torch.stack([x, y], 1) + side_of.view(-1, 1) / 2
        seen[:, 6:8] = planes + centre[:, :, None, None]
        seen[:, 8:] = torch.stack([progress, side_of], 1)[:, :, None, None]
        return x, y, side_of, seen

    def _windows(self, pair: Tensor, side: float) -> tuple[Tensor, Tensor, Tensor]:
        """Windows of one side: where they lie, in canvas sides, and what is seen ``(n, 6, R, R)``."""
        count, _, height, width = pair.shape
        tall, wide = max(1, round(side * height)), max(1, round(side * width))
        top, left = pair.new_zeros(count, dtype=torch.long), pair.new_zeros(count, dtype=torch.long)
        if side < 1:
            stride = (max(1, tall // 4), max(1, wide // 4))
            error = (pair[:, :3] - pair[:, 3:]).square().mean(1, keepdim=True)
            score = functional.avg_pool2d(error, (tall, wide), stride)  # (n, 1, rows, columns)
            if self.training:  # look elsewhere now and then
                score = score * torch.rand_like(score)
            best = score.flatten(1).argmax(1)
            top, left = best // score.shape[3] * stride[0], best % score.shape[3] * stride[1]
        rows = (top.view(-1, 1) + torch.arange(tall, device=pair.device)).view(count, 1, tall, 1)
        columns = (left.view(-1, 1) + torch.arange(wide, device=pair.device)).view(count, 1, 1, wide)
        images = torch.arange(count, device=pair.device).view(-1, 1, 1, 1)
        channels = torch.arange(6, device=pair.device).view(1, -1, 1, 1)
        window = pair[images, channels, rows, columns]
        shape = (self.resolution, self.resolution)
        if (tall, wide) != shape:
            window = functional.interpolate(
                window, shape, mode="bilinear", antialias=True, align_corners=False
            )
        return left / width, top / height, window


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1), nn.ReLU(), nn.Conv2d(channels, channels, 3, 1, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.body(x)).relu()
