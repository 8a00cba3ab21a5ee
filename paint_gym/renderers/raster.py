"""The ground truth: strokes drawn by OpenCV on a finer grid, then averaged down. Not differentiable.

Every score that the project publishes is measured with this renderer.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from paint_gym.renderers.base import Renderer, Size, check_strokes, height_width
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
        check_strokes(strokes, self.design)
        segments = max(16, math.ceil(math.sqrt(max(height, width))) * 2)
        nodes = self.design.nodes(strokes.double(), segments, self.opacity).cpu().numpy()
        maps = np.zeros((len(nodes), height, width), np.float32)
        for i in range(len(nodes)):
            self._draw(nodes[i], maps[i])
        return torch.from_numpy(maps).to(strokes.device, strokes.dtype)

    @torch.no_grad()
    def paint(self, canvas: Tensor, strokes: Tensor) -> Tensor:
        """The canvas ``(B, 3, H, W)`` after strokes ``(B, K, stroke_dim)``, in order."""
        return super().paint(canvas, strokes)

    def _draw(self, nodes: np.ndarray, out: np.ndarray) -> None:
        """One stroke, nodes ``(M, 4)`` in canvas sides, into ``out`` (H, W), which is zero."""
        height, width = out.shape
        nodes = nodes * [width, height, min(height, width), 1]
        reach = nodes[:, 2:3] + 1
        low = np.clip(np.floor((nodes[:, :2] - reach).min(0)), 0, [width, height]).astype(int)
        high = np.clip(np.ceil((nodes[:, :2] + reach).max(0)), 0, [width, height]).astype(int)
        if (high <= low).any():
            return
        nodes = (nodes - [*low, 0, 0]) * [FINER, FINER, FINER, 1]  # in sub-pixels of the box
        fine = np.zeros(((high - low) * FINER)[::-1], np.float32)
        (self._polygon if self.design.primitive == "polygon" else self._sweep)(fine, nodes)
        box = fine.reshape(high[1] - low[1], FINER, high[0] - low[0], FINER).mean((1, 3))
        out[low[1] : high[1], low[0] : high[0]] = box

    def _sweep(self, fine: np.ndarray, nodes: np.ndarray) -> None:
        """Discs from the first node to the last, so close that their outline is off by under a quarter."""
        cv2, path = load_opencv(), [nodes[:1]]
        for a, b in pairwise(nodes):
            step = max(1.0, math.sqrt(min(a[2], b[2])))
            count = max(1, math.ceil(max(math.hypot(*(b - a)[:2]), abs(b[2] - a[2])) / step))
            path.append(a + (b - a) * (np.arange(1, count + 1) / count)[:, None])
        for x, y, radius, alpha in np.concatenate(path):
            centre = _fixed_point(np.array([x, y]))
            corners = round(max(radius - RIM, 0.0) * (1 << SHIFT))
            cv2.circle(fine, centre.tolist(), corners, float(alpha), -1, cv2.LINE_8, SHIFT)

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
