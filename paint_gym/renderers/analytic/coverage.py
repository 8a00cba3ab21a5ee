"""Coverage of strokes as a closed form, in PyTorch: any device, any float type, differentiable.

This module is the definition; `c/kernel.c` and `triton/kernels.py` are the same for speed, and tests compare
them.

*Sweep.* Between two nodes a disc moves in a straight line from A to B = A + D while its radius goes from ra
to ra + dr. Let q = p - A be the pixel. The signed distance to the swept shape, positive inside, is the
maximum over u of ``ra + u dr - |q - u D|``; with ``lead = |D|^2 - dr^2`` it is reached at::

    u = (q.D + |q x D| dr / sqrt(lead)) / |D|^2, clamped to [0, 1]

(one disc contains the other where lead <= 0: then u is 1 or 0). Coverage is ``clamp(1/2 + distance, 0, 1)``,
distances in pixels, of the segment that gives the most. Which alpha a pixel gets is decided by the *last*
disc, grown by half a pixel, that covers it: the greatest u with ``|q - u D| = ra + 1/2 + u dr``, in the last
segment that reaches the pixel. Both u's are found without gradients. The first needs none: the derivative of
a maximum is that at the maximiser. The second moves by ``du = (r dr + v.dX) / s``, s being the root in the
quadratic formula; `_with_gradient` adds that.

*Polygon.* Coverage is ``1 - sum over edges of clamp(1/2 - d, 0, 1)`` with d the distance to the edge's line,
positive inside: exact for strips of any width, and it vanishes with the area.
"""

from __future__ import annotations

import torch
from torch import Tensor

TINY = 1e-12


def coverage(nodes: Tensor, height: int, width: int, primitive: str, top: int = 0) -> Tensor:
    """Coverage ``(N, height, width)`` in [0, 1] from row `top` on; nodes ``(N, M, 4)`` are in pixels."""
    y = torch.arange(height, dtype=nodes.dtype, device=nodes.device).view(1, -1, 1) + (top + 0.5)
    x = torch.arange(width, dtype=nodes.dtype, device=nodes.device).view(1, 1, -1) + 0.5
    return _polygon(nodes, x, y) if primitive == "polygon" else _sweep(nodes, x, y)


def _polygon(nodes: Tensor, x: Tensor, y: Tensor) -> Tensor:
    corners = nodes[..., :2]
    edges = corners.roll(-1, 1) - corners  # (N, M, 2)
    spokes = corners - corners[:, :1]
    next_spokes = spokes.roll(-1, 1)
    area = (spokes[..., 0] * next_spokes[..., 1] - next_spokes[..., 0] * spokes[..., 1]).sum(1, keepdim=True)
    length = (edges.square().sum(-1) + TINY**2).sqrt()
    turn = torch.where(area > 0, 1.0, -1.0) / length
    normal_x, normal_y = -edges[..., 1] * turn, edges[..., 0] * turn
    offset = -(normal_x * corners[..., 0] + normal_y * corners[..., 1])
    inside = torch.ones_like(x + y + nodes[:, :1, :1])
    for i in range(nodes.shape[1]):
        nx, ny, c = (value[:, i, None, None] for value in (normal_x, normal_y, offset))
        real_edge = length[:, i, None, None] > 1e-6  # a repeated corner is no edge
        inside = inside + torch.where(real_edge, (nx * x + ny * y + c - 0.5).clamp(-1, 0), 0.0)
    return torch.where(area.abs().unsqueeze(-1) > 1e-6, inside.clamp(min=0), 0.0) * nodes[:, :1, 3:4]


def _sweep(nodes: Tensor, x: Tensor, y: Tensor) -> Tensor:
    if nodes.shape[1] == 1:
        nodes = nodes.expand(-1, 2, -1)
    nearest, nearest_u, covering, covering_u = _search(nodes.detach(), x, y)
    ax, ay, ar, _, dx, dy, dr, _ = _segment(nodes, nearest)
    distance = ar + nearest_u * dr - _length(x - ax - nearest_u * dx, y - ay - nearest_u * dy)
    ax, ay, ar, alpha, dx, dy, dr, dalpha = _segment(nodes, covering)
    u = _with_gradient(covering_u, ar + 0.5, dr, x - ax, y - ay, dx, dy)
    return (0.5 + distance).clamp(0, 1) * (alpha + u * dalpha)


@torch.no_grad()
def _search(nodes: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """For each pixel ``(N, H, W)``: segment and u that come nearest; segment and u that cover it last."""
    inside = torch.full_like(x + y + nodes[:, :1, :1], -1.0)
    nearest_u, covering_u = torch.zeros_like(inside), torch.zeros_like(inside)
    nearest, covering = torch.zeros_like(inside, dtype=torch.long), torch.zeros_like(inside, dtype=torch.long)
    for i in range(nodes.shape[1] - 1):
        ax, ay, ar, _ = nodes[:, i, :, None, None].unbind(1)
        dx, dy, dr, _ = (nodes[:, i + 1] - nodes[:, i])[..., None, None].unbind(1)
        qx, qy = x - ax, y - ay
        length2 = dx**2 + dy**2
        lead = length2 - dr**2
        across = dr / lead.clamp(min=1e-6).sqrt()
        u = (qx * dx + qy * dy + (qx * dy - qy * dx).abs() * across) / length2.clamp(min=1e-6)
        u = torch.where(lead > 1e-6, u, (dr > 0).to(u.dtype)).clamp(0, 1)
        depth = ar + u * dr - _length(qx - u * dx, qy - u * dy)
        nearest = torch.where(depth > inside, i, nearest)
        nearest_u = torch.where(depth > inside, u, nearest_u)
        inside = torch.maximum(inside, depth)
        radius = ar + 0.5
        b, c = qx * dx + qy * dy + radius * dr, qx**2 + qy**2 - radius**2
        s = (b**2 - lead * c).clamp(min=0).sqrt()
        leaves = torch.where(b > 0, (b + s) / lead.clamp(min=TINY), c / (b - s - TINY))
        leaves = torch.where((qx - dx) ** 2 + (qy - dy) ** 2 <= (radius + dr) ** 2, 1.0, leaves.clamp(0, 1))
        covering = torch.where(depth > -0.5, i, covering)
        covering_u = torch.where(depth > -0.5, leaves, covering_u)
    return nearest, nearest_u, covering, covering_u


def _segment(nodes: Tensor, index: Tensor) -> list[Tensor]:
    """x, y, radius, alpha where the segments `index` ``(N, H, W)`` begin, and their change along them."""
    start = nodes[:, :-1]
    values = torch.cat([start, nodes[:, 1:] - start], -1)  # (N, M - 1, 8)
    flat = index.flatten(1)
    return [values[..., i].gather(1, flat).view(index.shape) for i in range(8)]


def _length(x: Tensor, y: Tensor) -> Tensor:
    return (x**2 + y**2 + TINY**2).sqrt()


def _with_gradient(
    u: Tensor, radius: Tensor, dr: Tensor, qx: Tensor, qy: Tensor, dx: Tensor, dy: Tensor
) -> Tensor:
    """`u` as it is, with the gradient of the greatest root of ``(radius + u dr)^2 = |q - u D|^2``."""
    gap = (radius + u * dr) ** 2 - (qx - u * dx) ** 2 - (qy - u * dy) ** 2  # 0, but its gradient is not
    with torch.no_grad():
        s2 = (qx * dx + qy * dy + radius * dr) ** 2 - (dx**2 + dy**2 - dr**2) * (qx**2 + qy**2 - radius**2)
        s2 = s2.clamp(min=0)
        # Where a disc only grazes the pixel, 1 / s has no bound: it is softened.
        soft = 1e-8 * (dx**2 + dy**2 + dr**2) ** 2 + TINY
        rate = torch.where((u > 0) & (u < 1), 0.5 * (s2 / (s2**2 + soft)).sqrt(), 0.0)
    return u + (gap - gap.detach()) * rate
