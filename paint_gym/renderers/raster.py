"""The ground truth: strokes drawn by OpenCV on a finer grid, then averaged down. Not differentiable.

Every score that the project publishes is measured with this renderer.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from paint_gym.renderers.base import (
    Renderer,
    Size,
    check_strokes,
    colours_of,
    composite,
    height_width,
    match_batches,
)
from paint_gym.strokes import StrokeDesign
from paint_gym.utils.images import load_opencv

FINER = 4  # sub-pixels per pixel and axis
SHIFT = 4  # OpenCV reads coordinates as integers with this many fractional bits
RIM = 0.4  # OpenCV fills the sub-pixels on the outline too: shapes grow by this much, measured by their area


class RasterRenderer(Renderer):
    """Draws each stroke hard-edged at four times the resolution, then averages down."""

    name = "raster"

    def __init__(self, design: StrokeDesign, opacity: tuple[float, float] = (0.0, 1.0)) -> None:
        super().__init__(design, opacity)
        load_opencv()  # if it does not load, the error is here

    @torch.no_grad()
    def __call__(self, strokes: Tensor, size: Size) -> Tensor:
        """Coverage ``(N, H, W)`` in [0, 1] of stroke vectors ``(N, stroke_dim)``; their colour is ignored."""
        height, width = height_width(size)
        maps = torch.zeros(len(strokes), height, width, dtype=torch.float32)
        for coverage, nodes in zip(maps, self._nodes(strokes, height, width), strict=True):
            y, x, box = self._draw(nodes, height, width)
            coverage[y : y + box.shape[0], x : x + box.shape[1]] = box
        return maps.to(strokes.device, strokes.dtype)

    @torch.no_grad()
    def paint(self, canvas: Tensor, strokes: Tensor) -> Tensor:
        """The canvas ``(B, 3, H, W)`` after strokes ``(B, K, stroke_dim)``, in order. See `Renderer`."""
        canvas, strokes = match_batches(canvas, strokes)
        (height, width), painted = canvas.shape[-2:], canvas.cpu().clone()
        colours = colours_of(strokes).to(painted).unsqueeze(2)  # (B, K, 1, 3)
        for picture, *pairs in zip(painted, self._nodes(strokes, height, width), colours, strict=True):
            for nodes, colour in zip(*pairs, strict=True):
                y, x, box = self._draw(nodes, height, width)
                part = picture[None, :, y : y + box.shape[0], x : x + box.shape[1]]
                part.copy_(composite(part, box.to(part)[None], colour))
        return painted.to(canvas.device)

    def _nodes(self, strokes: Tensor, height: int, width: int) -> np.ndarray:
        """Nodes ``(..., M, 4)`` of strokes ``(..., stroke_dim)``."""
        check_strokes(strokes, self.design)
        segments = max(16, math.ceil(math.sqrt(max(height, width))) * 2)
        return self.design.nodes(strokes.double(), segments, self.opacity).cpu().numpy()

    def _draw(self, nodes: np.ndarray, height: int, width: int) -> tuple[int, int, Tensor]:
        """Top row, left column, and coverage ``(h, w)`` float32, of a stroke's box; nodes are ``(M, 4)``."""
        nodes = nodes * [width, height, min(height, width), 1]
        reach = nodes[:, 2:3] + 1
        low = np.clip(np.floor((nodes[:, :2] - reach).min(0)), 0, [width, height]).astype(int)
        high = np.clip(np.ceil((nodes[:, :2] + reach).max(0)), low, [width, height]).astype(int)
        (x, y), (columns, rows) = low.tolist(), (high - low).tolist()
        if not rows * columns:
            return y, x, torch.zeros(rows, columns)
        nodes = (nodes - [x, y, 0, 0]) * [FINER, FINER, FINER, 1]  # in sub-pixels of the box
        fine = np.zeros((rows * FINER, columns * FINER), np.float32)
        (self._polygon if self.design.primitive == "polygon" else self._sweep)(fine, nodes)
        return y, x, torch.from_numpy(fine.reshape(rows, FINER, columns, FINER).mean((1, 3)))

    def _sweep(self, fine: np.ndarray, nodes: np.ndarray) -> None:
        """Discs from the first node to the last; their outline is wrong by less than 1/4 of a sub-pixel."""
        cv2, a, way = load_opencv(), nodes[:-1], np.diff(nodes, axis=0)
        step = np.sqrt(np.minimum(a[:, 2], nodes[1:, 2]).clip(min=1))
        length = np.maximum(np.hypot(way[:, 0], way[:, 1]), np.abs(way[:, 2]))
        count = np.ceil(length / step).clip(min=1).astype(int)
        segment = np.repeat(np.arange(len(count)), count)  # of each disc but the first
        first = (count.cumsum() - count)[segment]
        number = np.arange(len(segment)) - first + 1  # in its segment
        between = a[segment] + way[segment] * (number / count[segment])[:, None]
        discs = np.concatenate([nodes[:1], between])
        radii = np.round((discs[:, 2] - RIM).clip(min=0) * (1 << SHIFT)).astype(int)
        centres, alphas = _fixed_point(discs[:, :2]), discs[:, 3]
        for centre, radius, alpha in zip(centres.tolist(), radii.tolist(), alphas.tolist(), strict=True):
            cv2.circle(fine, centre, radius, alpha, -1, cv2.LINE_8, SHIFT)

    def _polygon(self, fine: np.ndarray, nodes: np.ndarray) -> None:
        cv2, corners = load_opencv(), _fixed_point(_shrunk(nodes[:, :2], RIM))
        cv2.fillConvexPoly(fine, corners, float(nodes[0, 3]), cv2.LINE_8, SHIFT)


def _shrunk(corners: np.ndarray, by: float) -> np.ndarray:
    """A convex polygon ``(M, 2)`` with its edges moved inwards; only its middle, where it is too thin."""
    edges = np.roll(corners, -1, 0) - corners
    before = np.roll(edges, 1, 0)
    turn = before[:, 0] * edges[:, 1] - before[:, 1] * edges[:, 0]  # twice the area of the corner's triangle
    area = np.abs(turn.sum()) or 1.0
    length, length_before = (np.linalg.norm(vectors, axis=1) for vectors in (edges, before))
    if (length == 0).any() or (np.abs(turn) < 1e-9 * area).any():
        return corners
    inward = (edges * length_before[:, None] - before * length[:, None]) / np.abs(turn)[:, None]
    moved = corners + by * inward
    inside = ((np.roll(moved, -1, 0) - moved) * edges).sum(1) > 0  # no edge has turned round
    return moved if inside.all() else np.repeat(corners.mean(0, keepdims=True), len(corners), 0)


def _fixed_point(points: np.ndarray) -> np.ndarray:
    """OpenCV's coordinates: the centre of pixel i is at i, and 1 is 1 << SHIFT."""
    return np.round((points - 0.5) * (1 << SHIFT)).astype(np.int32)
