"""How the kernels for GPUs cut a canvas into tiles; it needs no Triton, so that benchmarks can count."""

from __future__ import annotations

SIDES = (16, 8)
"""Of a tile, in pixels."""
BUSY_PROGRAMS = 512
"""Programs that keep a GPU busy; with fewer, tiles are smaller."""


def tile_grid(side: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of tiles that cover a canvas."""
    return -(-height // side), -(-width // side)


def tile_side(images: int, height: int, width: int) -> int:
    """The first of `SIDES` that gives enough programs, or the last."""
    for side in SIDES:
        rows, columns = tile_grid(side, height, width)
        if images * rows * columns >= BUSY_PROGRAMS:
            break
    return side


def tile_radius(side: int) -> float:
    """How deep in a segment the centre of a tile is at least, if all its pixels are covered wholly.

    It is the way to the centre of the pixel in the corner, and half a pixel.
    """
    return 0.7072 * (side - 1) + 0.51


def segment_count(nodes: int, primitive: str) -> int:
    """Pieces between the nodes of a stroke: edges of a polygon, or swept discs, of a single node one."""
    return nodes if primitive == "polygon" else max(1, nodes - 1)
