"""The kernels of the analytic renderer for GPUs, in Triton: what `c/kernel.c` is for CPUs.

Mathematics: `coverage.py`, which states the same in PyTorch; tests compare the three.

A program owns a square tile of one canvas and keeps it in registers, while it goes through the strokes in
order; boxes, and the distance of the tile's centre, tell it which strokes and segments it can leave out. So a
canvas is read once and written once, however many strokes there are, and no coverage map is stored.

The gradient goes through the strokes in the same order, not backwards. For a stroke it needs the canvas
before it, which is repainted on the way, and the transmittance of all later strokes, the product of their
``1 - alpha``. `paint_kernel` records the logarithm of that product over all strokes. The gradient subtracts
the logarithm of each stroke that it has passed. The logarithm is a sum of two floats, and both kernels
compute the same alphas to the last bit (without a * b + c rounded once), so after the last stroke it is zero.
Each program adds up the gradients of nodes and colours in its own memory: there is no race, and the sums are
always the same.
"""

from __future__ import annotations

import triton
import triton.language as tl

# of a segment, see kernel.c: x to dalpha, along, across, fixed, lead; four are unused
COLUMNS = tl.constexpr(16)
TINY = tl.constexpr(1e-12)
OPAQUE = tl.constexpr(-100.0)  # log2 of what an opaque stroke lets through; beneath it no gradient is left


@triton.jit
def nodes_kernel(
    vectors, nodes, colours, height, width, low, high,
    NUMBERS: tl.constexpr, COLOURS: tl.constexpr, NODES: tl.constexpr, PADDED_NODES: tl.constexpr,
    X0: tl.constexpr, X1: tl.constexpr, X2: tl.constexpr,
    Y0: tl.constexpr, Y1: tl.constexpr, Y2: tl.constexpr,
    R0: tl.constexpr, R2: tl.constexpr, A0: tl.constexpr, A2: tl.constexpr, POLYGON: tl.constexpr,
):  # fmt: skip
    """Nodes and colour of one stroke; X0 to A2 are the places of its numbers, see `StrokeLayout`."""
    stroke = tl.program_id(0).to(tl.int64)
    vector, i, four = vectors + stroke * NUMBERS, tl.arange(0, PADDED_NODES), tl.arange(0, 4)
    s, mask = _curve_parameter(i, NODES), i < NODES
    x = _position(vector, i, s, mask, X0, X1, X2, POLYGON)
    y = _position(vector, i, s, mask, Y0, Y1, Y2, POLYGON)
    _, alpha = _map_alpha(_interpolate(vector, s, A0, A2), low, high)
    radius = alpha * 0
    if not POLYGON:
        radius = _pixel_radius(_interpolate(vector, s, R0, R2), height, width)
        alpha *= tl.minimum(2 * radius, 1.0)  # thinner than a pixel: a pixel wide, and as much fainter
        radius = tl.maximum(radius, 0.5)
    node = nodes + (stroke * NODES + i) * 4
    tl.store(node, x * width, mask)
    tl.store(node + 1, y * height, mask)
    tl.store(node + 2, radius, mask)
    tl.store(node + 3, alpha, mask)
    colour = tl.load(vector + NUMBERS - COLOURS + four, four < COLOURS, 0.0)
    tl.store(colours + stroke * COLOURS + four, colour, four < COLOURS)


@triton.jit
def nodes_backward_kernel(
    vectors, grad_nodes, grad_colours, grad_vectors, height, width, low, high,
    NUMBERS: tl.constexpr, COLOURS: tl.constexpr, NODES: tl.constexpr, PADDED_NODES: tl.constexpr,
    X0: tl.constexpr, X1: tl.constexpr, X2: tl.constexpr,
    Y0: tl.constexpr, Y1: tl.constexpr, Y2: tl.constexpr,
    R0: tl.constexpr, R2: tl.constexpr, A0: tl.constexpr, A2: tl.constexpr, POLYGON: tl.constexpr,
):  # fmt: skip
    """Gradient of one stroke's vector; each of its numbers is stored once."""
    stroke = tl.program_id(0).to(tl.int64)
    vector, grad = vectors + stroke * NUMBERS, grad_vectors + stroke * NUMBERS
    i, four = tl.arange(0, PADDED_NODES), tl.arange(0, 4)
    s, mask, node = _curve_parameter(i, NODES), i < NODES, grad_nodes + (stroke * NODES + i) * 4
    grad_node_alpha = tl.load(node + 3, mask, 0.0)
    mapped, alpha = _map_alpha(_interpolate(vector, s, A0, A2), low, high)
    grad_alpha = tl.where(mapped == alpha, grad_node_alpha, 0.0)  # beyond [0, 1] it is clipped
    if not POLYGON:
        radius = _pixel_radius(_interpolate(vector, s, R0, R2), height, width)
        grad_radius = tl.where(radius >= 0.5, tl.load(node + 2, mask, 0.0), 0.0)
        grad_radius += tl.where(2 * radius <= 1, 2 * alpha * grad_node_alpha, 0.0)
        grad_alpha *= tl.minimum(2 * radius, 1.0)
        grad_radius *= tl.minimum(height, width) / 4
        _store_ends(grad, grad_radius * (1 - s), grad_radius * s, R0, R2)
    grad_alpha *= high - low
    _store_ends(grad, grad_alpha * (1 - s), grad_alpha * s, A0, A2)
    _position_backward(grad, vector, i, s, mask, tl.load(node, mask, 0.0) * width, X0, X1, X2, POLYGON)
    _position_backward(grad, vector, i, s, mask, tl.load(node + 1, mask, 0.0) * height, Y0, Y1, Y2, POLYGON)
    grad_colour = tl.load(grad_colours + stroke * COLOURS + four, four < COLOURS, 0.0)
    tl.store(grad + NUMBERS - COLOURS + four, grad_colour, four < COLOURS)


@triton.jit
def build_segments_kernel(
    nodes, segments, boxes,
    NODES: tl.constexpr, SEGMENTS: tl.constexpr, POLYGON: tl.constexpr, PADDED_SEGMENTS: tl.constexpr,
):  # fmt: skip
    """Segments (`COLUMNS`) and box of one stroke."""
    stroke = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, PADDED_SEGMENTS)
    mask = i < SEGMENTS
    start = nodes + stroke * NODES * 4 + 4 * i
    end = nodes + stroke * NODES * 4 + 4 * ((i + 1) % NODES)
    x, y = tl.load(start, mask, 0.0), tl.load(start + 1, mask, 0.0)
    r, alpha = tl.load(start + 2, mask, 0.0), tl.load(start + 3, mask, 0.0)
    dx, dy = tl.load(end, mask, 0.0) - x, tl.load(end + 1, mask, 0.0) - y
    dr, dalpha = tl.load(end + 2, mask, 0.0) - r, tl.load(end + 3, mask, 0.0) - alpha
    length2 = dx * dx + dy * dy
    row = segments + (stroke * SEGMENTS + i) * COLUMNS
    if POLYGON:
        first = nodes + stroke * NODES * 4
        x0, y0 = tl.load(first), tl.load(first + 1)
        area = tl.sum(tl.where(mask, (x - x0) * (y + dy - y0) - (x + dx - x0) * (y - y0), 0.0))
        turn = tl.where(area > 0, 1.0, -1.0)
        length = tl.sqrt(length2)
        edge = length > 1e-6
        length = tl.where(edge, length, 1.0)
        along = tl.where(edge, dx / (length * length), 0.0)
        across = tl.where(edge, dy / (length * length), 0.0)
        normal_x = tl.where(edge, -turn * dy / length, 0.0)
        normal_y = tl.where(edge, turn * dx / length, 0.0)
        r = tl.where(edge, -(normal_x * x + normal_y * y), 4.0)  # a repeated corner: all is inside it
        tl.store(row + 3, tl.load(first + 3) + alpha * 0, mask)
        tl.store(row + 4, normal_x, mask)
        tl.store(row + 5, normal_y, mask)
        x_min, x_max, y_min, y_max = x - 0.5, x + 0.5, y - 0.5, y + 0.5
        flat = tl.abs(area) < 1e-6
    else:
        lead = length2 - dr * dr
        leads = lead > 1e-6  # else one disc holds the other
        length2 = tl.where(leads, length2, 1.0)
        along = tl.where(leads, 1 / length2, 0.0)
        across = tl.where(leads, dr / tl.sqrt(tl.where(leads, lead, 1.0)) / length2, 0.0)
        tl.store(row + 3, alpha, mask)
        tl.store(row + 4, dx, mask)
        tl.store(row + 5, dy, mask)
        tl.store(row + 6, dr, mask)
        tl.store(row + 7, dalpha, mask)
        tl.store(row + 10, tl.where(leads | (dr <= 0), 0.0, 1.0), mask)
        tl.store(row + 11, lead, mask)
        outer = tl.maximum(r, r + dr) + 0.5
        x_min, x_max = tl.minimum(x, x + dx) - outer, tl.maximum(x, x + dx) + outer
        y_min, y_max = tl.minimum(y, y + dy) - outer, tl.maximum(y, y + dy) + outer
        flat = False
    tl.store(row, x, mask)
    tl.store(row + 1, y, mask)
    tl.store(row + 2, r, mask)
    tl.store(row + 8, along, mask)
    tl.store(row + 9, across, mask)
    box = boxes + stroke * 4
    far = 1e30
    tl.store(box, tl.min(tl.where(mask, x_min, far)))
    tl.store(box + 1, tl.where(flat, -far, tl.max(tl.where(mask, x_max, -far))))
    tl.store(box + 2, tl.min(tl.where(mask, y_min, far)))
    tl.store(box + 3, tl.max(tl.where(mask, y_max, -far)))


@triton.jit
def paint_kernel(
    canvas, segments, boxes, colours, out, transmittance, strokes, height, width, columns, tiles,
    SEGMENTS: tl.constexpr, POLYGON: tl.constexpr, CHANNELS: tl.constexpr, PADDED_CHANNELS: tl.constexpr,
    SIDE: tl.constexpr, TILE_RADIUS: tl.constexpr, RECORD: tl.constexpr,
):  # fmt: skip
    """One tile of one canvas."""
    image, tile = (tl.program_id(0) // tiles).to(tl.int64), tl.program_id(0) % tiles
    tile_x, tile_y, x, y, at, valid = _tile_pixels(tile, columns, height, width, SIDE)
    plane = tl.arange(0, PADDED_CHANNELS)
    offset = ((image * CHANNELS + plane) * height * width)[:, None] + at[None, :]
    mask = (plane < CHANNELS)[:, None] & valid[None, :]
    pixel = tl.load(canvas + offset, mask, 0.0)
    high, low = x * 0, x * 0
    for k in range(strokes):
        stroke = image * strokes + k
        if _box_touches(boxes + stroke * 4, tile_x, tile_y, SIDE):
            rows = segments + stroke * SEGMENTS * COLUMNS
            inside, _, _, covering = _rasterize(
                rows, x, y, tile_x, tile_y, SEGMENTS, POLYGON, SIDE, TILE_RADIUS
            )
            _, opacity = _covering_alpha(rows, covering, x, y, POLYGON)
            alpha = _coverage(inside, POLYGON) * opacity
            colour = tl.load(colours + stroke * CHANNELS + plane, plane < CHANNELS, 0.0)
            pixel += alpha[None, :] * (colour[:, None] - pixel)
            if RECORD:
                high, low = _two_sum(high, low, _log_transmittance(alpha))
    tl.store(out + offset, pixel, mask)
    if RECORD:
        tl.store(transmittance + image * 2 * height * width + at, high, valid)
        tl.store(transmittance + (image * 2 + 1) * height * width + at, low, valid)


@triton.jit
def paint_backward_kernel(
    canvas, segments, boxes, colours, transmittance, grad_out, grad_canvas, segment_sums, colour_sums,
    strokes, height, width, columns, tiles, groups,
    SEGMENTS: tl.constexpr, POLYGON: tl.constexpr, CHANNELS: tl.constexpr, PADDED_CHANNELS: tl.constexpr,
    SIDE: tl.constexpr, TILE_RADIUS: tl.constexpr, NEEDS_GRAD: tl.constexpr, ONE_TILE: tl.constexpr,
):  # fmt: skip
    """Gradients in every `groups`-th tile of one canvas; with `ONE_TILE` in a single tile."""
    image, group = (tl.program_id(0) // groups).to(tl.int64), tl.program_id(0) % groups
    plane, eight = tl.arange(0, PADDED_CHANNELS), tl.arange(0, 8)
    for tile in range(group, tiles, groups):
        tile_x, tile_y, x, y, at, valid = _tile_pixels(tile, columns, height, width, SIDE)
        offset = ((image * CHANNELS + plane) * height * width)[:, None] + at[None, :]
        mask = (plane < CHANNELS)[:, None] & valid[None, :]
        pixel = tl.load(canvas + offset, mask, 0.0)
        grad = tl.load(grad_out + offset, mask, 0.0)
        high = tl.load(transmittance + image * 2 * height * width + at, valid, 0.0)
        low = tl.load(transmittance + (image * 2 + 1) * height * width + at, valid, 0.0)
        if NEEDS_GRAD:
            tl.store(grad_canvas + offset, grad * _transmittance(high, low)[None, :], mask)
        for k in range(strokes):
            stroke = image * strokes + k
            slot = (image * groups + group) * strokes + k
            if _box_touches(boxes + stroke * 4, tile_x, tile_y, SIDE):
                rows = segments + stroke * SEGMENTS * COLUMNS
                inside, nearest, nearest_u, covering = _rasterize(
                    rows, x, y, tile_x, tile_y, SEGMENTS, POLYGON, SIDE, TILE_RADIUS
                )
                covering_u, opacity = _covering_alpha(rows, covering, x, y, POLYGON)
                cover = _coverage(inside, POLYGON)
                alpha = cover * opacity
                high, low = _two_sum(high, low, -_log_transmittance(alpha))
                visible_grad = grad * _transmittance(high, low)[None, :]
                colour = tl.load(colours + stroke * CHANNELS + plane, plane < CHANNELS, 0.0)
                grad_colour = tl.sum(visible_grad * alpha[None, :], 1)
                _accumulate(colour_sums + slot * CHANNELS + plane, grad_colour, plane < CHANNELS, ONE_TILE)
                slope = tl.sum(visible_grad * (colour[:, None] - pixel), 0)
                pixel += alpha[None, :] * (colour[:, None] - pixel)
                sums = segment_sums + slot * SEGMENTS * 8 + eight
                if POLYGON:
                    _polygon_backward(rows, sums, x, y, inside, slope, opacity, SEGMENTS, ONE_TILE)
                else:
                    _sweep_backward(
                        rows, sums, x, y, tile_x, tile_y, inside, nearest, nearest_u, covering, covering_u,
                        slope * opacity, slope * cover, SEGMENTS, SIDE, TILE_RADIUS, ONE_TILE,
                    )  # fmt: skip


@triton.jit
def gather_kernel(
    segment_sums, colour_sums, grad_nodes, grad_colours, strokes, groups,
    SEGMENTS: tl.constexpr, POLYGON: tl.constexpr, NODES: tl.constexpr, PADDED_NODES: tl.constexpr,
    CHANNELS: tl.constexpr, PADDED_CHANNELS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Gradients of one stroke's nodes and colour: the sums of all groups."""
    image, k = (tl.program_id(0) // strokes).to(tl.int64), tl.program_id(0) % strokes
    node, column, plane = tl.arange(0, PADDED_NODES), tl.arange(0, 4), tl.arange(0, PADDED_CHANNELS)
    starts = node < SEGMENTS  # a segment starts at the node of its number; the one before ends there
    if POLYGON or NODES == 1:
        before, ends = (node + SEGMENTS - 1) % SEGMENTS, node < NODES
    else:
        before, ends = node - 1, (node > 0) & (node < NODES)
    total = tl.zeros((PADDED_NODES, 4), tl.float32)
    colour = tl.zeros((PADDED_CHANNELS,), tl.float32)
    for first in range(0, groups, ROWS):
        group = first + tl.arange(0, ROWS)
        slot = (image * groups + group) * strokes + k
        row = segment_sums + (slot * SEGMENTS * 8)[:, None, None] + column[None, None, :]
        valid = (group < groups)[:, None, None]
        start = tl.load(row + (node * 8)[None, :, None], valid & starts[None, :, None], 0.0)
        end = tl.load(row + (before * 8 + 4)[None, :, None], valid & ends[None, :, None], 0.0)
        total += tl.sum(start + end, 0)
        mask = (group < groups)[:, None] & (plane < CHANNELS)[None, :]
        colours = tl.load(colour_sums + (slot * CHANNELS)[:, None] + plane[None, :], mask, 0.0)
        colour += tl.sum(colours, 0)
    stroke = image * strokes + k
    out = grad_nodes + stroke * NODES * 4 + (node * 4)[:, None] + column[None, :]
    tl.store(out, total, (node < NODES)[:, None])
    tl.store(grad_colours + stroke * CHANNELS + plane, colour, plane < CHANNELS)


@triton.jit
def _curve_parameter(node, NODES: tl.constexpr):
    """Parameter of a node, from 0 at the first node to 1 at the last."""
    return node.to(tl.float32) / (NODES - 1 if NODES > 1 else 1)


@triton.jit
def _interpolate(vector, s, FIRST: tl.constexpr, LAST: tl.constexpr):
    """Linear interpolation between two numbers of the vector."""
    first = tl.load(vector + FIRST)
    return first + s * (tl.load(vector + LAST) - first)


@triton.jit
def _position(
    vector, i, s, mask,
    FIRST: tl.constexpr, MIDDLE: tl.constexpr, LAST: tl.constexpr, POLYGON: tl.constexpr,
):  # fmt: skip
    """Position, x or y: of a corner, on a line, or on a curve."""
    if POLYGON:
        position = tl.load(vector + _corner(i, FIRST, MIDDLE, LAST), mask, 0.0)
    elif MIDDLE < 0:
        position = _interpolate(vector, s, FIRST, LAST)
    else:
        first, last = tl.load(vector + FIRST), tl.load(vector + LAST)
        middle = first + tl.load(vector + MIDDLE) * (last - first)
        start, end = first + s * (middle - first), middle + s * (last - middle)  # de Casteljau
        position = start + s * (end - start)
    return position


@triton.jit
def _position_backward(
    grad, vector, i, s, mask, grad_position,
    FIRST: tl.constexpr, MIDDLE: tl.constexpr, LAST: tl.constexpr, POLYGON: tl.constexpr,
):  # fmt: skip
    """Store the gradient of the numbers that `_position` reads, from that of positions."""
    if POLYGON:
        tl.store(grad + _corner(i, FIRST, MIDDLE, LAST), grad_position, mask)
    elif MIDDLE < 0:
        _store_ends(grad, grad_position * (1 - s), grad_position * s, FIRST, LAST)
    else:
        relative, grad_middle = tl.load(vector + MIDDLE), 2 * grad_position * s * (1 - s)
        first, last = grad_position * (1 - s) * (1 - s), grad_position * s * s
        _store_ends(grad, first + grad_middle * (1 - relative), last + grad_middle * relative, FIRST, LAST)
        tl.store(grad + MIDDLE, tl.sum(grad_middle) * (tl.load(vector + LAST) - tl.load(vector + FIRST)))


@triton.jit
def _corner(i, FIRST: tl.constexpr, MIDDLE: tl.constexpr, LAST: tl.constexpr):
    """Place of the i-th corner of a triangle."""
    return tl.where(i == 0, FIRST, tl.where(i == 1, MIDDLE, LAST))


@triton.jit
def _store_ends(grad, first, last, FIRST: tl.constexpr, LAST: tl.constexpr):
    """Store the gradient of a stroke's first and last number, which may be the same one."""
    if FIRST == LAST:
        tl.store(grad + FIRST, tl.sum(first + last))
    else:
        tl.store(grad + FIRST, tl.sum(first))
        tl.store(grad + LAST, tl.sum(last))


@triton.jit
def _map_alpha(alpha, low, high):
    """Alpha mapped to the range of opacity, before and after clipping to [0, 1]."""
    mapped = alpha * (high - low) + low
    return mapped, tl.minimum(tl.maximum(mapped, 0.0), 1.0)


@triton.jit
def _pixel_radius(thickness, height, width):
    """Radius in pixels, see `strokes.radius`."""
    return (thickness / 4 + 0.00390625) * tl.minimum(height, width)


@triton.jit
def _tile_pixels(tile, columns, height, width, SIDE: tl.constexpr):
    """Corner of a tile; of its pixels the centre, the offset in a plane, and whether the canvas has them."""
    tile_x, tile_y = (tile % columns) * SIDE, (tile // columns) * SIDE
    i = tl.arange(0, SIDE * SIDE)
    column, row = tile_x + i % SIDE, tile_y + i // SIDE
    valid = (column < width) & (row < height)
    return tile_x, tile_y, column + 0.5, row + 0.5, row * width + column, valid


@triton.jit
def _box_touches(box, tile_x, tile_y, SIDE: tl.constexpr):
    """True if a stroke's box contains the centre of a pixel of the tile."""
    right, bottom = tile_x + SIDE - 0.5, tile_y + SIDE - 0.5
    across = (tl.load(box) <= right) & (tl.load(box + 1) >= tile_x + 0.5)
    return across & (tl.load(box + 2) <= bottom) & (tl.load(box + 3) >= tile_y + 0.5)


@triton.jit
def _distance(row, x, y):
    """Distance to the outline of a segment of a sweep, positive inside; and u, where the disc is nearest."""
    qx, qy = x - tl.load(row), y - tl.load(row + 1)
    dx, dy = tl.load(row + 4), tl.load(row + 5)
    u = (qx * dx + qy * dy) * tl.load(row + 8) + tl.abs(qx * dy - qy * dx) * tl.load(row + 9)
    u = tl.minimum(tl.maximum(u + tl.load(row + 10), 0.0), 1.0)
    vx, vy = qx - u * dx, qy - u * dy
    return tl.load(row + 2) + u * tl.load(row + 6) - tl.sqrt(vx * vx + vy * vy), u


@triton.jit
def _rasterize(
    rows, x, y, tile_x, tile_y,
    SEGMENTS: tl.constexpr, POLYGON: tl.constexpr, SIDE: tl.constexpr, TILE_RADIUS: tl.constexpr,
):  # fmt: skip
    """Distance to a sweep's outline, positive inside; nearest segment and u; last covering segment, or -1.

    Of a polygon the first is the coverage, and the rest is nothing.
    """
    inside, covering = x * 0 - 1.0, (x * 0 - 1.0).to(tl.int32)
    nearest, nearest_u = (x * 0).to(tl.int32), x * 0
    if POLYGON:
        inside += 2.0
        for m in tl.static_range(SEGMENTS):
            row = rows + m * COLUMNS
            depth = x * tl.load(row + 4) + y * tl.load(row + 5) + (tl.load(row + 2) - 0.5)
            inside += tl.minimum(tl.maximum(depth, -1.0), 0.0)
        inside = tl.maximum(inside, 0.0)
    else:
        # from the last segment: one that covers the whole tile hides all before it
        m = SEGMENTS - 1 + tl.program_id(0) * 0
        while m >= 0:
            row = rows + m * COLUMNS
            centre, _ = _distance(row, tile_x + SIDE / 2, tile_y + SIDE / 2)
            if centre > TILE_RADIUS:
                inside = x * 0 + 1.0
                covering = tl.where(covering < 0, m, covering)
                m = m * 0
            elif centre > -TILE_RADIUS:
                depth, u = _distance(row, x, y)
                nearest = tl.where(depth >= inside, m, nearest)
                nearest_u = tl.where(depth >= inside, u, nearest_u)
                inside = tl.maximum(inside, depth)
                covering = tl.where((covering < 0) & (depth > -0.5), m, covering)
            m -= 1
    return inside, nearest, nearest_u, covering


@triton.jit
def _coverage(inside, POLYGON: tl.constexpr):
    return inside if POLYGON else tl.minimum(tl.maximum(inside + 0.5, 0.0), 1.0)


@triton.jit
def _covering_terms(rows, covering, x, y):
    """Terms of |q - uD| = r + u dr for the covering segment, after its row and whether there is one.

    The greatest u is ``(b + s) / lead``, or ``c / (b - s)``, s being the root of the last term.
    """
    row, valid = rows + tl.maximum(covering, 0) * COLUMNS, covering >= 0
    qx, qy = x - tl.load(row, valid, 0.0), y - tl.load(row + 1, valid, 0.0)
    dx, dy, dr = tl.load(row + 4, valid, 0.0), tl.load(row + 5, valid, 0.0), tl.load(row + 6, valid, 0.0)
    r, lead = tl.load(row + 2, valid, 0.0) + 0.5, tl.load(row + 11, valid, 0.0)
    b, c = qx * dx + qy * dy + r * dr, qx * qx + qy * qy - r * r
    return row, valid, qx, qy, dx, dy, r, dr, lead, b, c, tl.maximum(b * b - lead * c, 0.0)


@triton.jit
def _covering_alpha(rows, covering, x, y, POLYGON: tl.constexpr):
    """The u at which the covering segment leaves a pixel, and the alpha there."""
    u, opacity = x * 0, x * 0
    if POLYGON:
        opacity += tl.load(rows + 3)
    else:
        row, valid, qx, qy, dx, dy, r, dr, lead, b, c, s2 = _covering_terms(rows, covering, x, y)
        s = tl.sqrt(s2)
        u = tl.where(b > 0, b + s, c) / tl.where(b > 0, tl.maximum(lead, TINY), b - s - TINY)
        ex, ey, end = qx - dx, qy - dy, r + dr
        u = tl.where(ex * ex + ey * ey <= end * end, 1.0, tl.minimum(tl.maximum(u, 0.0), 1.0))
        opacity = tl.load(row + 3, valid, 0.0) + u * tl.load(row + 7, valid, 0.0)
    return u, opacity


@triton.jit
def _log_transmittance(alpha):
    """log2 of the transmittance of a stroke."""
    return tl.where(alpha < 1, tl.log2(tl.maximum(1 - alpha, 1e-30)), OPAQUE)


@triton.jit
def _transmittance(high, low):
    """Transmittance of strokes, from the sum of their logarithms; undefined beyond the canvas."""
    return tl.where(high < OPAQUE + 1, 0.0, tl.exp2(tl.minimum(high + low, 0.0)))


@triton.jit
def _two_sum(high, low, term):
    """(high + low) + term, high + low being a sum that no float holds (Knuth's two-sum)."""
    total = high + term
    added = total - high
    return total, low + ((high - (total - added)) + (term - added))


@triton.jit
def _accumulate(pointer, value, mask, ONE_TILE: tl.constexpr):
    """Add to a sum of this program; with `ONE_TILE` nothing was added before, so it is stored."""
    if ONE_TILE:
        tl.store(pointer, value, mask)
    else:
        tl.atomic_add(pointer, value, mask, sem="relaxed")


@triton.jit
def _accumulate_sums(pointer, a0, a1, a2, a3, b0, b1, b2, b3, ONE_TILE: tl.constexpr):
    """Accumulate the sums of eight numbers over all pixels, side by side."""
    even = tl.join(tl.join(a0, b0), tl.join(a2, b2))
    odd = tl.join(tl.join(a1, b1), tl.join(a3, b3))
    sums = tl.reshape(tl.sum(tl.join(even, odd), 0), (8,))
    _accumulate(pointer, sums, sums == sums, ONE_TILE)


@triton.jit
def _sweep_backward(
    rows, sums, x, y, tile_x, tile_y, inside, nearest, nearest_u, covering, covering_u,
    grad_distance, grad_opacity,
    SEGMENTS: tl.constexpr, SIDE: tl.constexpr, TILE_RADIUS: tl.constexpr, ONE_TILE: tl.constexpr,
):  # fmt: skip
    """Gradient of a sweep's nodes, from that of each pixel's distance and opacity."""
    # a pixel's coverage follows its distance to the outline
    row, on_rim = rows + nearest * COLUMNS, (inside > -0.5) & (inside < 0.5)
    vx = x - tl.load(row, on_rim, 0.0) - nearest_u * tl.load(row + 4, on_rim, 0.0)
    vy = y - tl.load(row + 1, on_rim, 0.0) - nearest_u * tl.load(row + 5, on_rim, 0.0)
    distance = tl.sqrt(vx * vx + vy * vy)
    r_nearest = tl.where(on_rim, grad_distance, 0.0)
    scale = tl.where(distance > TINY, r_nearest / tl.maximum(distance, TINY), 0.0)
    x_nearest, y_nearest = scale * vx, scale * vy
    # the alpha at u, and how u moving: (r + u dr) d(r + u dr) + v.dX over s
    row, valid, qx, qy, dx, dy, r, dr, _lead, _b, _c, s2 = _covering_terms(rows, covering, x, y)
    length2 = dx * dx + dy * dy + dr * dr
    rate = tl.sqrt(s2 / (s2 * s2 + (1e-8 * length2 * length2 + TINY)))
    moving = (covering_u > 0) & (covering_u < 1) & valid
    scale = tl.where(moving, grad_opacity * tl.load(row + 7, valid, 0.0) * rate, 0.0)
    x_covering, y_covering = scale * (qx - covering_u * dx), scale * (qy - covering_u * dy)
    r_covering, alpha_covering = scale * (r + covering_u * dr), tl.where(valid, grad_opacity, 0.0)
    for m in range(SEGMENTS):
        centre, _ = _distance(rows + m * COLUMNS, tile_x + SIDE / 2, tile_y + SIDE / 2)
        if centre > -TILE_RADIUS:
            is_nearest, is_covering = on_rim & (nearest == m), covering == m
            end, end_covering = tl.where(is_nearest, nearest_u, 0.0), tl.where(is_covering, covering_u, 0.0)
            start = tl.where(is_nearest, 1 - nearest_u, 0.0)
            start_covering = tl.where(is_covering, 1 - covering_u, 0.0)
            _accumulate_sums(
                sums + m * 8,
                start * x_nearest + start_covering * x_covering,
                start * y_nearest + start_covering * y_covering,
                start * r_nearest + start_covering * r_covering, start_covering * alpha_covering,
                end * x_nearest + end_covering * x_covering, end * y_nearest + end_covering * y_covering,
                end * r_nearest + end_covering * r_covering, end_covering * alpha_covering,
                ONE_TILE,
            )  # fmt: skip


@triton.jit
def _polygon_backward(
    rows, sums, x, y, inside, slope, opacity, SEGMENTS: tl.constexpr, ONE_TILE: tl.constexpr
):
    """Gradient of a polygon's corners, from that of each pixel's alpha."""
    for m in range(SEGMENTS):
        row = rows + m * COLUMNS
        normal_x, normal_y = tl.load(row + 4), tl.load(row + 5)
        depth = x * normal_x + y * normal_y + tl.load(row + 2)
        u = (x - tl.load(row)) * tl.load(row + 8) + (y - tl.load(row + 1)) * tl.load(row + 9)
        g = tl.where((inside > 0) & (depth > -0.5) & (depth < 0.5), -slope * opacity, 0.0)
        start, end = g * (1 - u), g * u
        grad_alpha = tl.where(m == 0, slope * inside, 0.0)  # the opacity is the first corner's
        _accumulate_sums(
            sums + m * 8,
            start * normal_x, start * normal_y, start * 0, grad_alpha,
            end * normal_x, end * normal_y, end * 0, end * 0,
            ONE_TILE,
        )  # fmt: skip
