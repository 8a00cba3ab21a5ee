"""The kernels of the analytic renderer for GPUs, in Triton: what `kernel.c` is for CPUs.

`coverage.py` states the same coverage in PyTorch and explains it; a test holds the three together.

A program owns a square tile of one canvas and keeps it in registers, while it goes through the strokes in
order; boxes, and the depth of the tile's centre, tell it which strokes and pieces it can leave out. So a
canvas is read once and written once, however many strokes there are, and no coverage map is stored.

The gradient goes through the strokes in the same order, not backwards. Of a stroke it needs the canvas
before it, which is repainted on the way, and how much of it is still seen at the end: the product of
``1 - alpha`` of all later strokes. `paint_kernel` keeps the logarithm of that product over all strokes, and
each stroke that is passed is taken off it. The logarithm is a sum of two floats, and both kernels compute the
same alphas to the last bit (without a * b + c rounded once), so after the last stroke nothing is left.
Programs add up the gradients of nodes and colours in places of their own: there is no race, and the sums are
always the same.
"""

from __future__ import annotations

import triton
import triton.language as tl

COLUMNS = tl.constexpr(16)
"""Of a piece, as `prepare_kernel` writes it: x, y, r, alpha; dx, dy, dr, dalpha; along, across, fixed, lead,
as `Piece` in kernel.c explains them; four are left."""
TINY = tl.constexpr(1e-12)
OPAQUE = tl.constexpr(-100.0)
"""log2 of what an opaque stroke lets through; beneath it no gradient is left."""


@triton.jit
def outline_kernel(
    vectors, nodes, colours, height, width, low, high,
    NUMBERS: tl.constexpr, COLOURS: tl.constexpr, NODES: tl.constexpr, LANES: tl.constexpr,
    X0: tl.constexpr, Y0: tl.constexpr, R0: tl.constexpr, A0: tl.constexpr,
    X1: tl.constexpr, Y1: tl.constexpr, R1: tl.constexpr, A1: tl.constexpr,
    XM: tl.constexpr, YM: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    """Of one stroke, its nodes and its colour; from X0 on, where in its vector `Layout` says they are."""
    stroke = tl.program_id(0).to(tl.int64)
    vector, i, four = vectors + stroke * NUMBERS, tl.arange(0, LANES), tl.arange(0, 4)
    s, real = _s_of(i, NODES), i < NODES
    x = _along(vector, i, s, real, X0, X1, XM, STEP)
    y = _along(vector, i, s, real, Y0, Y1, YM, STEP)
    _, alpha = _alpha_of(_between(vector, s, A0, A1), low, high)
    radius = alpha * 0
    if STEP == 0:
        radius = _radius_of(_between(vector, s, R0, R1), height, width)
        alpha *= tl.minimum(2 * radius, 1.0)  # thinner than a pixel: a pixel wide, and as much fainter
        radius = tl.maximum(radius, 0.5)
    node = nodes + (stroke * NODES + i) * 4
    tl.store(node, x * width, real)
    tl.store(node + 1, y * height, real)
    tl.store(node + 2, radius, real)
    tl.store(node + 3, alpha, real)
    colour = tl.load(vector + NUMBERS - COLOURS + four, four < COLOURS, 0.0)
    tl.store(colours + stroke * COLOURS + four, colour, four < COLOURS)


@triton.jit
def outline_backward_kernel(
    vectors, grad_nodes, grad_colours, grad_vectors, height, width, low, high,
    NUMBERS: tl.constexpr, COLOURS: tl.constexpr, NODES: tl.constexpr, LANES: tl.constexpr,
    X0: tl.constexpr, Y0: tl.constexpr, R0: tl.constexpr, A0: tl.constexpr,
    X1: tl.constexpr, Y1: tl.constexpr, R1: tl.constexpr, A1: tl.constexpr,
    XM: tl.constexpr, YM: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    """The gradient of one stroke's vector; each of its numbers is set once."""
    stroke = tl.program_id(0).to(tl.int64)
    vector, grad = vectors + stroke * NUMBERS, grad_vectors + stroke * NUMBERS
    i, four = tl.arange(0, LANES), tl.arange(0, 4)
    s, real, node = _s_of(i, NODES), i < NODES, grad_nodes + (stroke * NODES + i) * 4
    own_alpha = tl.load(node + 3, real, 0.0)
    given, alpha = _alpha_of(_between(vector, s, A0, A1), low, high)
    of_alpha = tl.where(given == alpha, own_alpha, 0.0)  # beyond [0, 1] it is clipped
    if STEP == 0:
        radius = _radius_of(_between(vector, s, R0, R1), height, width)
        of_radius = tl.where(radius >= 0.5, tl.load(node + 2, real, 0.0), 0.0)
        of_radius += tl.where(2 * radius <= 1, 2 * alpha * own_alpha, 0.0)
        of_alpha *= tl.minimum(2 * radius, 1.0)
        of_radius *= tl.minimum(height, width) / 4
        _put_ends(grad, of_radius * (1 - s), of_radius * s, R0, R1)
    of_alpha *= high - low
    _put_ends(grad, of_alpha * (1 - s), of_alpha * s, A0, A1)
    _along_backward(grad, vector, i, s, real, tl.load(node, real, 0.0) * width, X0, X1, XM, STEP)
    _along_backward(grad, vector, i, s, real, tl.load(node + 1, real, 0.0) * height, Y0, Y1, YM, STEP)
    own = tl.load(grad_colours + stroke * COLOURS + four, four < COLOURS, 0.0)
    tl.store(grad + NUMBERS - COLOURS + four, own, four < COLOURS)


@triton.jit
def prepare_kernel(
    nodes, pieces, boxes,
    NODES: tl.constexpr, PIECES: tl.constexpr, POLYGON: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    """Of one stroke, its pieces (`COLUMNS`) and its box."""
    stroke = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, LANES)
    real = i < PIECES
    start = nodes + stroke * NODES * 4 + 4 * i
    end = nodes + stroke * NODES * 4 + 4 * ((i + 1) % NODES)
    x, y = tl.load(start, real, 0.0), tl.load(start + 1, real, 0.0)
    r, alpha = tl.load(start + 2, real, 0.0), tl.load(start + 3, real, 0.0)
    dx, dy = tl.load(end, real, 0.0) - x, tl.load(end + 1, real, 0.0) - y
    dr, dalpha = tl.load(end + 2, real, 0.0) - r, tl.load(end + 3, real, 0.0) - alpha
    length2 = dx * dx + dy * dy
    row = pieces + (stroke * PIECES + i) * COLUMNS
    if POLYGON:
        first = nodes + stroke * NODES * 4
        x0, y0 = tl.load(first), tl.load(first + 1)
        area = tl.sum(tl.where(real, (x - x0) * (y + dy - y0) - (x + dx - x0) * (y - y0), 0.0))
        turn = tl.where(area > 0, 1.0, -1.0)
        length = tl.sqrt(length2)
        edge = length > 1e-6
        length = tl.where(edge, length, 1.0)
        along = tl.where(edge, dx / (length * length), 0.0)
        across = tl.where(edge, dy / (length * length), 0.0)
        normal_x = tl.where(edge, -turn * dy / length, 0.0)
        normal_y = tl.where(edge, turn * dx / length, 0.0)
        r = tl.where(edge, -(normal_x * x + normal_y * y), 4.0)  # a repeated corner: all is inside it
        tl.store(row + 3, tl.load(first + 3) + alpha * 0, real)
        tl.store(row + 4, normal_x, real)
        tl.store(row + 5, normal_y, real)
        left, right, top, bottom = x - 0.5, x + 0.5, y - 0.5, y + 0.5
        flat = tl.abs(area) < 1e-6
    else:
        lead = length2 - dr * dr
        leads = lead > 1e-6  # else one disc holds the other
        length2 = tl.where(leads, length2, 1.0)
        along = tl.where(leads, 1 / length2, 0.0)
        across = tl.where(leads, dr / tl.sqrt(tl.where(leads, lead, 1.0)) / length2, 0.0)
        tl.store(row + 3, alpha, real)
        tl.store(row + 4, dx, real)
        tl.store(row + 5, dy, real)
        tl.store(row + 6, dr, real)
        tl.store(row + 7, dalpha, real)
        tl.store(row + 10, tl.where(leads | (dr <= 0), 0.0, 1.0), real)
        tl.store(row + 11, lead, real)
        reach = tl.maximum(r, r + dr) + 0.5
        left, right = tl.minimum(x, x + dx) - reach, tl.maximum(x, x + dx) + reach
        top, bottom = tl.minimum(y, y + dy) - reach, tl.maximum(y, y + dy) + reach
        flat = False
    tl.store(row, x, real)
    tl.store(row + 1, y, real)
    tl.store(row + 2, r, real)
    tl.store(row + 8, along, real)
    tl.store(row + 9, across, real)
    box = boxes + stroke * 4
    far = 1e30
    tl.store(box, tl.min(tl.where(real, left, far)))
    tl.store(box + 1, tl.where(flat, -far, tl.max(tl.where(real, right, -far))))
    tl.store(box + 2, tl.min(tl.where(real, top, far)))
    tl.store(box + 3, tl.max(tl.where(real, bottom, -far)))


@triton.jit
def paint_kernel(
    canvas, pieces, boxes, colours, out, through, strokes, height, width, columns, tiles,
    PIECES: tl.constexpr, POLYGON: tl.constexpr, CHANNELS: tl.constexpr, PADDED: tl.constexpr,
    SIDE: tl.constexpr, CLEAR: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """One tile of one canvas."""
    image, tile = (tl.program_id(0) // tiles).to(tl.int64), tl.program_id(0) % tiles
    left, top, x, y, at, there = _place(tile, columns, height, width, SIDE)
    plane = tl.arange(0, PADDED)
    offset = ((image * CHANNELS + plane) * height * width)[:, None] + at[None, :]
    known = (plane < CHANNELS)[:, None] & there[None, :]
    pixel = tl.load(canvas + offset, known, 0.0)
    high, low = x * 0, x * 0
    for k in range(strokes):
        stroke = image * strokes + k
        if _touches(boxes + stroke * 4, left, top, SIDE):
            rows = pieces + stroke * PIECES * COLUMNS
            inside, _, _, last = _search(rows, x, y, left, top, PIECES, POLYGON, SIDE, CLEAR)
            _, opacity = _opacity(rows, last, x, y, POLYGON)
            alpha = _cover(inside, POLYGON) * opacity
            colour = tl.load(colours + stroke * CHANNELS + plane, plane < CHANNELS, 0.0)
            pixel += alpha[None, :] * (colour[:, None] - pixel)
            if KEEP:
                high, low = _add(high, low, _let_through(alpha))
    tl.store(out + offset, pixel, known)
    if KEEP:
        tl.store(through + image * 2 * height * width + at, high, there)
        tl.store(through + (image * 2 + 1) * height * width + at, low, there)


@triton.jit
def paint_backward_kernel(
    canvas, pieces, boxes, colours, through, grad_out, grad_canvas, of_pieces, of_colours,
    strokes, height, width, columns, tiles, groups,
    PIECES: tl.constexpr, POLYGON: tl.constexpr, CHANNELS: tl.constexpr, PADDED: tl.constexpr,
    SIDE: tl.constexpr, CLEAR: tl.constexpr, WANTED: tl.constexpr, ALONE: tl.constexpr,
):  # fmt: skip
    """Every `groups`-th tile of one canvas; one tile alone, if `ALONE`."""
    image, group = (tl.program_id(0) // groups).to(tl.int64), tl.program_id(0) % groups
    plane, eight = tl.arange(0, PADDED), tl.arange(0, 8)
    for tile in range(group, tiles, groups):
        left, top, x, y, at, there = _place(tile, columns, height, width, SIDE)
        offset = ((image * CHANNELS + plane) * height * width)[:, None] + at[None, :]
        known = (plane < CHANNELS)[:, None] & there[None, :]
        pixel = tl.load(canvas + offset, known, 0.0)
        grad = tl.load(grad_out + offset, known, 0.0)
        high = tl.load(through + image * 2 * height * width + at, there, 0.0)
        low = tl.load(through + (image * 2 + 1) * height * width + at, there, 0.0)
        if WANTED:
            tl.store(grad_canvas + offset, grad * _seen(high, low)[None, :], known)
        for k in range(strokes):
            stroke = image * strokes + k
            place = (image * groups + group) * strokes + k
            if _touches(boxes + stroke * 4, left, top, SIDE):
                rows = pieces + stroke * PIECES * COLUMNS
                inside, rim, rim_u, last = _search(rows, x, y, left, top, PIECES, POLYGON, SIDE, CLEAR)
                last_u, opacity = _opacity(rows, last, x, y, POLYGON)
                cover = _cover(inside, POLYGON)
                alpha = cover * opacity
                high, low = _add(high, low, -_let_through(alpha))
                seen = grad * _seen(high, low)[None, :]
                colour = tl.load(colours + stroke * CHANNELS + plane, plane < CHANNELS, 0.0)
                own = tl.sum(seen * alpha[None, :], 1)
                _put(of_colours + place * CHANNELS + plane, own, plane < CHANNELS, ALONE)
                slope = tl.sum(seen * (colour[:, None] - pixel), 0)
                pixel += alpha[None, :] * (colour[:, None] - pixel)
                put = of_pieces + place * PIECES * 8 + eight
                if POLYGON:
                    _uncover_polygon(rows, put, x, y, inside, slope, opacity, PIECES, ALONE)
                else:
                    _uncover_sweep(
                        rows, put, x, y, left, top, inside, rim, rim_u, last, last_u, slope * opacity,
                        slope * cover, PIECES, SIDE, CLEAR, ALONE,
                    )  # fmt: skip


@triton.jit
def gather_kernel(
    of_pieces, of_colours, grad_nodes, grad_colours, strokes, groups,
    PIECES: tl.constexpr, POLYGON: tl.constexpr, NODES: tl.constexpr, LANES: tl.constexpr,
    CHANNELS: tl.constexpr, PADDED: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """The gradients of one stroke's nodes and colour, from all places where they were added up."""
    image, k = (tl.program_id(0) // strokes).to(tl.int64), tl.program_id(0) % strokes
    node, column, plane = tl.arange(0, LANES), tl.arange(0, 4), tl.arange(0, PADDED)
    starts = node < PIECES  # the piece of its number; and the one before ends there
    if POLYGON or NODES == 1:
        before, ends = (node + PIECES - 1) % PIECES, node < NODES
    else:
        before, ends = node - 1, (node > 0) & (node < NODES)
    total = tl.zeros((LANES, 4), tl.float32)
    colour = tl.zeros((PADDED,), tl.float32)
    for first in range(0, groups, ROWS):
        group = first + tl.arange(0, ROWS)
        place = (image * groups + group) * strokes + k
        row = of_pieces + (place * PIECES * 8)[:, None, None] + column[None, None, :]
        there = (group < groups)[:, None, None]
        start = tl.load(row + (node * 8)[None, :, None], there & starts[None, :, None], 0.0)
        end = tl.load(row + (before * 8 + 4)[None, :, None], there & ends[None, :, None], 0.0)
        total += tl.sum(start + end, 0)
        known = (group < groups)[:, None] & (plane < CHANNELS)[None, :]
        own = tl.load(of_colours + (place * CHANNELS)[:, None] + plane[None, :], known, 0.0)
        colour += tl.sum(own, 0)
    stroke = image * strokes + k
    out = grad_nodes + stroke * NODES * 4 + (node * 4)[:, None] + column[None, :]
    tl.store(out, total, (node < NODES)[:, None])
    tl.store(grad_colours + stroke * CHANNELS + plane, colour, plane < CHANNELS)


@triton.jit
def _s_of(node, NODES: tl.constexpr):
    """Where a node is between the first, 0, and the last, 1."""
    return node.to(tl.float32) / (NODES - 1 if NODES > 1 else 1)


@triton.jit
def _between(vector, s, FIRST: tl.constexpr, LAST: tl.constexpr):
    """What changes evenly."""
    first = tl.load(vector + FIRST)
    return first + s * (tl.load(vector + LAST) - first)


@triton.jit
def _along(
    vector, i, s, real,
    FIRST: tl.constexpr, LAST: tl.constexpr, MIDDLE: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    """A place, x or y: of a corner, on a line, or on a curve."""
    if STEP:
        place = tl.load(vector + FIRST + STEP * i, real, 0.0)
    elif MIDDLE < 0:
        place = _between(vector, s, FIRST, LAST)
    else:
        first, last = tl.load(vector + FIRST), tl.load(vector + LAST)
        middle = first + tl.load(vector + MIDDLE) * (last - first)
        start, end = first + s * (middle - first), middle + s * (last - middle)  # de Casteljau
        place = start + s * (end - start)
    return place


@triton.jit
def _along_backward(
    grad, vector, i, s, real, own,
    FIRST: tl.constexpr, LAST: tl.constexpr, MIDDLE: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    """Set the gradient of what `_along` reads, given that of the places."""
    if STEP:
        tl.store(grad + FIRST + STEP * i, own, real)
    elif MIDDLE < 0:
        _put_ends(grad, own * (1 - s), own * s, FIRST, LAST)
    else:
        relative, of_middle = tl.load(vector + MIDDLE), 2 * own * s * (1 - s)
        first, last = own * (1 - s) * (1 - s), own * s * s
        _put_ends(grad, first + of_middle * (1 - relative), last + of_middle * relative, FIRST, LAST)
        tl.store(grad + MIDDLE, tl.sum(of_middle) * (tl.load(vector + LAST) - tl.load(vector + FIRST)))


@triton.jit
def _put_ends(grad, first, last, FIRST: tl.constexpr, LAST: tl.constexpr):
    """Set the gradient of what a stroke begins and ends with, which may be the same number."""
    if FIRST == LAST:
        tl.store(grad + FIRST, tl.sum(first + last))
    else:
        tl.store(grad + FIRST, tl.sum(first))
        tl.store(grad + LAST, tl.sum(last))


@triton.jit
def _alpha_of(given, low, high):
    """Mapped to the opacity's range; and clipped to [0, 1]."""
    mapped = given * (high - low) + low
    return mapped, tl.minimum(tl.maximum(mapped, 0.0), 1.0)


@triton.jit
def _radius_of(thickness, height, width):
    """In pixels, see `strokes.radius`."""
    return (thickness / 4 + 0.00390625) * tl.minimum(height, width)


@triton.jit
def _place(tile, columns, height, width, SIDE: tl.constexpr):
    """Left and top of a tile, and of each of its pixels: centre, offset in a plane, whether it is there."""
    left, top = (tile % columns) * SIDE, (tile // columns) * SIDE
    i = tl.arange(0, SIDE * SIDE)
    column, row = left + i % SIDE, top + i // SIDE
    there = (column < width) & (row < height)
    return left, top, column + 0.5, row + 0.5, row * width + column, there


@triton.jit
def _touches(box, left, top, SIDE: tl.constexpr):
    """Whether a stroke's box holds the centre of a pixel of the tile."""
    right, bottom = left + SIDE - 0.5, top + SIDE - 0.5
    across = (tl.load(box) <= right) & (tl.load(box + 1) >= left + 0.5)
    return across & (tl.load(box + 2) <= bottom) & (tl.load(box + 3) >= top + 0.5)


@triton.jit
def _depth(row, x, y):
    """Distance to the outline of a piece of a sweep, positive inside; and u, where the disc is nearest."""
    qx, qy = x - tl.load(row), y - tl.load(row + 1)
    dx, dy = tl.load(row + 4), tl.load(row + 5)
    u = (qx * dx + qy * dy) * tl.load(row + 8) + tl.abs(qx * dy - qy * dx) * tl.load(row + 9)
    u = tl.minimum(tl.maximum(u + tl.load(row + 10), 0.0), 1.0)
    vx, vy = qx - u * dx, qy - u * dy
    return tl.load(row + 2) + u * tl.load(row + 6) - tl.sqrt(vx * vx + vy * vy), u


@triton.jit
def _search(
    rows, x, y, left, top,
    PIECES: tl.constexpr, POLYGON: tl.constexpr, SIDE: tl.constexpr, CLEAR: tl.constexpr,
):  # fmt: skip
    """What a stroke is at the pixels of a tile.

    Of a sweep: the distance to its outline, positive inside, the piece and u that are nearest, and the last
    piece that covers the pixel, or -1. Of a polygon: the coverage, and nothing.
    """
    inside, rim, rim_u, last = x * 0 - 1.0, (x * 0).to(tl.int32), x * 0, (x * 0 - 1.0).to(tl.int32)
    if POLYGON:
        inside += 2.0
        for m in tl.static_range(PIECES):
            row = rows + m * COLUMNS
            depth = x * tl.load(row + 4) + y * tl.load(row + 5) + (tl.load(row + 2) - 0.5)
            inside += tl.minimum(tl.maximum(depth, -1.0), 0.0)
        inside = tl.maximum(inside, 0.0)
    else:
        m = PIECES - 1 + tl.program_id(0) * 0  # the last first: those beneath one that covers all are unseen
        while m >= 0:
            row = rows + m * COLUMNS
            centre, _ = _depth(row, left + SIDE / 2, top + SIDE / 2)
            if centre > CLEAR:
                inside = x * 0 + 1.0
                last = tl.where(last < 0, m, last)
                m = m * 0
            elif centre > -CLEAR:
                depth, u = _depth(row, x, y)
                rim, rim_u = tl.where(depth >= inside, m, rim), tl.where(depth >= inside, u, rim_u)
                inside = tl.maximum(inside, depth)
                last = tl.where((last < 0) & (depth > -0.5), m, last)
            m -= 1
    return inside, rim, rim_u, last


@triton.jit
def _cover(inside, POLYGON: tl.constexpr):
    return inside if POLYGON else tl.minimum(tl.maximum(inside + 0.5, 0.0), 1.0)


@triton.jit
def _leave(rows, last, x, y):
    """Of the last piece at a pixel: its row, whether there is one, and what |q - uD| = r + u dr is made of.

    The greatest u is ``(b + s) / lead``, or ``c / (b - s)``, s being the root of the last that is returned.
    """
    row, there = rows + tl.maximum(last, 0) * COLUMNS, last >= 0
    qx, qy = x - tl.load(row, there, 0.0), y - tl.load(row + 1, there, 0.0)
    dx, dy, dr = tl.load(row + 4, there, 0.0), tl.load(row + 5, there, 0.0), tl.load(row + 6, there, 0.0)
    r, lead = tl.load(row + 2, there, 0.0) + 0.5, tl.load(row + 11, there, 0.0)
    b, c = qx * dx + qy * dy + r * dr, qx * qx + qy * qy - r * r
    return row, there, qx, qy, dx, dy, r, dr, lead, b, c, tl.maximum(b * b - lead * c, 0.0)


@triton.jit
def _opacity(rows, last, x, y, POLYGON: tl.constexpr):
    """The u at which the last piece leaves a pixel, the greatest with |q - uD| = r + u dr; its alpha."""
    u, opacity = x * 0, x * 0
    if POLYGON:
        opacity += tl.load(rows + 3)
    else:
        row, there, qx, qy, dx, dy, r, dr, lead, b, c, s2 = _leave(rows, last, x, y)
        s = tl.sqrt(s2)
        u = tl.where(b > 0, b + s, c) / tl.where(b > 0, tl.maximum(lead, TINY), b - s - TINY)
        ex, ey, end = qx - dx, qy - dy, r + dr
        u = tl.where(ex * ex + ey * ey <= end * end, 1.0, tl.minimum(tl.maximum(u, 0.0), 1.0))
        opacity = tl.load(row + 3, there, 0.0) + u * tl.load(row + 7, there, 0.0)
    return u, opacity


@triton.jit
def _let_through(alpha):
    """log2 of what is seen through a stroke."""
    return tl.where(alpha < 1, tl.log2(tl.maximum(1 - alpha, 1e-30)), OPAQUE)


@triton.jit
def _seen(high, low):
    """What is seen through strokes, of the sum of their logarithms; of pixels beyond the canvas, anything."""
    return tl.where(high < OPAQUE + 1, 0.0, tl.exp2(tl.minimum(high + low, 0.0)))


@triton.jit
def _add(high, low, term):
    """(high + low) + term, high + low being a sum that no float holds (Knuth's two-sum)."""
    total = high + term
    added = total - high
    return total, low + ((high - (total - added)) + (term - added))


@triton.jit
def _put(pointer, value, mask, ALONE: tl.constexpr):
    """Add to a place of this program's own; the first and only time, if `ALONE`."""
    if ALONE:
        tl.store(pointer, value, mask)
    else:
        tl.atomic_add(pointer, value, mask, sem="relaxed")


@triton.jit
def _put_sums(pointer, a0, a1, a2, a3, b0, b1, b2, b3, ALONE: tl.constexpr):
    """Put the sums of eight numbers over all pixels, side by side."""
    even = tl.join(tl.join(a0, b0), tl.join(a2, b2))
    odd = tl.join(tl.join(a1, b1), tl.join(a3, b3))
    sums = tl.reshape(tl.sum(tl.join(even, odd), 0), (8,))
    _put(pointer, sums, sums == sums, ALONE)


@triton.jit
def _uncover_sweep(
    rows, put, x, y, left, top, inside, rim, rim_u, last, last_u, towards_rim, towards_alpha,
    PIECES: tl.constexpr, SIDE: tl.constexpr, CLEAR: tl.constexpr, ALONE: tl.constexpr,
):  # fmt: skip
    """The gradient of a sweep's nodes, given that of each pixel's coverage and of its opacity."""
    # a pixel's coverage follows its distance to the outline
    row, here = rows + rim * COLUMNS, (inside > -0.5) & (inside < 0.5)
    vx = x - tl.load(row, here, 0.0) - rim_u * tl.load(row + 4, here, 0.0)
    vy = y - tl.load(row + 1, here, 0.0) - rim_u * tl.load(row + 5, here, 0.0)
    distance = tl.sqrt(vx * vx + vy * vy)
    r_rim = tl.where(here, towards_rim, 0.0)
    scale = tl.where(distance > TINY, r_rim / tl.maximum(distance, TINY), 0.0)
    x_rim, y_rim = scale * vx, scale * vy
    # the alpha at u, and how u moves: (r + u dr) d(r + u dr) + v.dX over s
    row, there, qx, qy, dx, dy, r, dr, _lead, _b, _c, s2 = _leave(rows, last, x, y)
    length2 = dx * dx + dy * dy + dr * dr
    rate = tl.sqrt(s2 / (s2 * s2 + (1e-8 * length2 * length2 + TINY)))
    moves = (last_u > 0) & (last_u < 1) & there
    scale = tl.where(moves, towards_alpha * tl.load(row + 7, there, 0.0) * rate, 0.0)
    x_last, y_last = scale * (qx - last_u * dx), scale * (qy - last_u * dy)
    r_last, alpha_last = scale * (r + last_u * dr), tl.where(there, towards_alpha, 0.0)
    for m in range(PIECES):
        centre, _ = _depth(rows + m * COLUMNS, left + SIDE / 2, top + SIDE / 2)
        if centre > -CLEAR:
            nearest, covers = here & (rim == m), last == m
            end, end_last = tl.where(nearest, rim_u, 0.0), tl.where(covers, last_u, 0.0)
            start, start_last = tl.where(nearest, 1 - rim_u, 0.0), tl.where(covers, 1 - last_u, 0.0)
            _put_sums(
                put + m * 8,
                start * x_rim + start_last * x_last, start * y_rim + start_last * y_last,
                start * r_rim + start_last * r_last, start_last * alpha_last,
                end * x_rim + end_last * x_last, end * y_rim + end_last * y_last,
                end * r_rim + end_last * r_last, end_last * alpha_last,
                ALONE,
            )  # fmt: skip


@triton.jit
def _uncover_polygon(rows, put, x, y, inside, slope, opacity, PIECES: tl.constexpr, ALONE: tl.constexpr):
    """The gradient of a polygon's corners, given that of each pixel's alpha."""
    for m in range(PIECES):
        row = rows + m * COLUMNS
        normal_x, normal_y = tl.load(row + 4), tl.load(row + 5)
        depth = x * normal_x + y * normal_y + tl.load(row + 2)
        u = (x - tl.load(row)) * tl.load(row + 8) + (y - tl.load(row + 1)) * tl.load(row + 9)
        g = tl.where((inside > 0) & (depth > -0.5) & (depth < 0.5), -slope * opacity, 0.0)
        start, end = g * (1 - u), g * u
        own = tl.where(m == 0, slope * inside, 0.0)  # the opacity is the first corner's
        _put_sums(
            put + m * 8,
            start * normal_x, start * normal_y, start * 0, own,
            end * normal_x, end * normal_y, end * 0, end * 0,
            ALONE,
        )  # fmt: skip
