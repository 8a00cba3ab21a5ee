/* Paints strokes on canvases, and the gradient of that: the kernel of the analytic renderer.
 *
 * coverage.py states the same coverage in PyTorch and explains it; a test holds the two together.
 * The canvas is walked row by row. In a row, each stroke touches only the span of pixels that it can reach, so the cost
 * is that of the painted area, not of strokes x canvas, and all loops over a span are straight-line code that
 * compilers vectorise. Everything is in pixels; the centre of pixel i is at i + 1/2.
 *
 * Compiled once with REAL=float and once with REAL=double (kernel.py). Memory layout, all contiguous:
 * canvas, out, grad_out, grad_canvas (B, C, H, W); nodes (B, K, M, 4) = x, y, radius, alpha; colours (B, K, C).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef REAL
#define REAL float
#endif
typedef REAL real;

#define HALF ((real)0.5)
#define TINY ((real)1e-12)

static inline real min(real a, real b) { return a < b ? a : b; }
static inline real max(real a, real b) { return a > b ? a : b; }
static inline real clamp(real a, real low, real high) { return min(max(a, low), high); }
static inline real square_root(real a) { return sizeof(real) == sizeof(float) ? (real)sqrtf((float)a) : (real)sqrt(a); }
static inline real absolute(real a) { return a < 0 ? -a : a; }

typedef struct {
    long images, strokes, nodes, channels, height, width;
    int polygon;
} Shape;

/* One piece between two nodes. Of a swept disc: from x, y, r, alpha, changing by d... along it. An edge of a polygon: the
 * line through x, y whose unit inward normal is dx, dy; its distance to (px, py) is px dx + py dy + r. */
typedef struct {
    real x, y, r, alpha, dx, dy, dr, dalpha;
    real along, across, fixed; /* the nearest point of the axis is at u = q.D along + |q x D| across + fixed;
                                  of an edge, at u = qx along + qy across */
    real lead;                 /* |D|^2 - dr^2 */
    real reach;                /* greatest radius + 1/2 */
    real left, right, top, bottom, slope;
} Piece;

typedef struct {
    int pieces;
    real left, right, top, bottom; /* box of all pixels with coverage; empty if right < left */
    Piece *piece;
} Stroke;

/* What is known of each pixel of a span, for one stroke. */
typedef struct {
    real *alpha;   /* coverage times transparency */
    real *inside;  /* sweep: distance to the outline, positive inside; polygon: coverage */
    real *nearest; /* piece + u at which the disc comes nearest */
    real *last;    /* last piece that covers the pixel */
    real *until;   /* u at which that piece leaves the pixel */
    real *before;  /* canvas before this stroke, one row per channel (backward only) */
    long first, count;
} Span;

enum { FIELDS = 5 }; /* of a span, besides `before` */

/* Place a span of pixels [first, end) in memory. */
static void place_span(Span *span, real *memory, long first, long end) {
    span->first = first, span->count = end > first ? end - first : 0;
    real **field[] = {&span->alpha, &span->inside, &span->nearest, &span->last, &span->until, &span->before};
    for (int i = 0; i <= FIELDS; i++) *field[i] = memory + i * span->count;
}

static void join_sweep(const real *node, long nodes, Stroke *stroke) {
    int pieces = nodes > 1 ? (int)nodes - 1 : 1;
    stroke->pieces = pieces;
    for (int i = 0; i < pieces; i++) {
        const real *a = node + 4 * i, *b = nodes > 1 ? a + 4 : a;
        Piece p = {.x = a[0], .y = a[1], .r = a[2], .alpha = a[3]};
        p.dx = b[0] - a[0], p.dy = b[1] - a[1], p.dr = b[2] - a[2], p.dalpha = b[3] - a[3];
        real length2 = p.dx * p.dx + p.dy * p.dy;
        p.lead = length2 - p.dr * p.dr;
        if (p.lead > (real)1e-6) {
            p.along = 1 / length2;
            p.across = p.dr / square_root(p.lead) / length2;
            p.fixed = 0;
        } else { /* one disc holds the other */
            p.along = p.across = 0;
            p.fixed = p.dr > 0;
        }
        p.reach = max(a[2], b[2]) + HALF;
        p.left = min(a[0], b[0]) - p.reach, p.right = max(a[0], b[0]) + p.reach;
        p.top = min(a[1], b[1]) - p.reach, p.bottom = max(a[1], b[1]) + p.reach;
        p.slope = absolute(p.dy) > (real)1e-3 ? 1 / p.dy : 0;
        stroke->piece[i] = p;
        stroke->left = i ? min(stroke->left, p.left) : p.left;
        stroke->right = i ? max(stroke->right, p.right) : p.right;
        stroke->top = i ? min(stroke->top, p.top) : p.top;
        stroke->bottom = i ? max(stroke->bottom, p.bottom) : p.bottom;
    }
}

static void join_polygon(const real *node, long nodes, Stroke *stroke) {
    real area = 0;
    stroke->left = stroke->top = (real)1e30, stroke->right = stroke->bottom = (real)-1e30;
    for (long i = 0; i < nodes; i++) {
        const real *a = node + 4 * i, *b = node + 4 * ((i + 1) % nodes);
        area += (a[0] - node[0]) * (b[1] - node[1]) - (b[0] - node[0]) * (a[1] - node[1]);
        stroke->left = min(stroke->left, a[0] - HALF), stroke->right = max(stroke->right, a[0] + HALF);
        stroke->top = min(stroke->top, a[1] - HALF), stroke->bottom = max(stroke->bottom, a[1] + HALF);
    }
    stroke->pieces = (int)nodes;
    if (absolute(area) < (real)1e-6) stroke->right = stroke->left - 1; /* no area, no pixels */
    real turn = area > 0 ? 1 : -1;
    for (long i = 0; i < nodes; i++) {
        const real *a = node + 4 * i, *b = node + 4 * ((i + 1) % nodes);
        real dx = b[0] - a[0], dy = b[1] - a[1], length = square_root(dx * dx + dy * dy);
        Piece p = {.x = a[0], .y = a[1], .alpha = node[3]};
        if (length > (real)1e-6) {
            p.dx = -turn * dy / length, p.dy = turn * dx / length;
            p.r = -(p.dx * a[0] + p.dy * a[1]);
            p.along = dx / (length * length), p.across = dy / (length * length);
        } else {
            p.r = 2; /* a repeated corner: no edge, everything is inside it */
        }
        stroke->piece[i] = p;
    }
}

/* Pixels of a row that one piece of a sweep can reach: [*first, *end). */
static inline int reach_of(const Piece *p, real y, long width, long *first, long *end) {
    if (y < p->top || y > p->bottom) return 0;
    real left = p->left, right = p->right;
    if (p->slope != 0) { /* only the part of the axis within reach of the row */
        real u0 = clamp((y - p->reach - p->y) * p->slope, 0, 1), u1 = clamp((y + p->reach - p->y) * p->slope, 0, 1);
        real x0 = p->x + u0 * p->dx, x1 = p->x + u1 * p->dx;
        left = min(x0, x1) - p->reach, right = max(x0, x1) + p->reach;
    }
    *first = (long)clamp(left, 0, (real)width);
    *end = (long)clamp(right + 1, 0, (real)width);
    return *first < *end;
}

static void cover_sweep(const Stroke *stroke, real y, long width, const real *centres, real *memory, Span *span) {
    long low = width, high = 0, first, end;
    for (int i = 0; i < stroke->pieces; i++)
        if (reach_of(&stroke->piece[i], y, width, &first, &end)) {
            if (first < low) low = first;
            if (end > high) high = end;
        }
    place_span(span, memory, low, high);
    if (!span->count) return;
    const real *restrict centre = centres + low;
    real *restrict inside = span->inside, *restrict nearest = span->nearest, *restrict last = span->last;
    real *restrict until = span->until, *restrict alpha = span->alpha;
    for (long x = 0; x < span->count; x++) inside[x] = -1, nearest[x] = 0, last[x] = 0;
    for (int i = 0; i < stroke->pieces; i++) {
        const Piece p = stroke->piece[i];
        if (!reach_of(&p, y, width, &first, &end)) continue;
        real qy = y - p.y, index = (real)i;
        for (long x = first - low; x < end - low; x++) {
            real qx = centre[x] - p.x;
            real u = (qx * p.dx + qy * p.dy) * p.along + absolute(qx * p.dy - qy * p.dx) * p.across + p.fixed;
            u = clamp(u, 0, 1);
            real vx = qx - u * p.dx, vy = qy - u * p.dy;
            real depth = p.r + u * p.dr - square_root(vx * vx + vy * vy);
            nearest[x] = depth > inside[x] ? index + u : nearest[x];
            inside[x] = max(depth, inside[x]);
            last[x] = depth > -HALF ? index : last[x];
        }
    }
    for (long x = 0; x < span->count;) { /* runs of pixels that the same piece covers last */
        long stop = x + 1;
        while (stop < span->count && last[stop] == last[x]) stop++;
        const Piece p = stroke->piece[(int)last[x]];
        if (p.dalpha == 0) {
            for (; x < stop; x++) until[x] = 0, alpha[x] = clamp(inside[x] + HALF, 0, 1) * p.alpha;
            continue;
        }
        real r = p.r + HALF, qy = y - p.y, ey = qy - p.dy, end_r = r + p.dr;
        real b_row = qy * p.dy + r * p.dr, c_row = qy * qy - r * r, e_row = ey * ey - end_r * end_r;
        real lead = p.lead > TINY ? p.lead : TINY;
        for (; x < stop; x++) { /* the greatest u with |q - uD| = r + u dr */
            real qx = centre[x] - p.x, ex = qx - p.dx;
            real b = qx * p.dx + b_row, c = qx * qx + c_row;
            real s = square_root(max(b * b - p.lead * c, 0));
            real u = b > 0 ? (b + s) / lead : c / (b - s - TINY);
            u = ex * ex + e_row <= 0 ? 1 : clamp(u, 0, 1);
            until[x] = u;
            alpha[x] = clamp(inside[x] + HALF, 0, 1) * (p.alpha + u * p.dalpha);
        }
    }
}

static void cover_polygon(const Stroke *stroke, real y, long width, const real *centres, real *memory, Span *span) {
    real left = max(stroke->left, 0), right = min(stroke->right + 1, (real)width);
    for (int i = 0; i < stroke->pieces; i++) { /* inside of an edge: x dx > -1/2 - r - y dy */
        const Piece *p = &stroke->piece[i];
        real bound = -HALF - p->r - y * p->dy;
        if (p->dx > (real)1e-6) left = max(left, bound / p->dx - 1);
        if (p->dx < (real)-1e-6) right = min(right, bound / p->dx + 1);
    }
    long low = (long)clamp(left, 0, (real)width);
    place_span(span, memory, low, (long)clamp(right, 0, (real)width));
    const real *restrict centre = centres + low;
    real *restrict inside = span->inside, *restrict alpha = span->alpha;
    for (long x = 0; x < span->count; x++) inside[x] = 1;
    for (int i = 0; i < stroke->pieces; i++) {
        const Piece p = stroke->piece[i];
        real row = p.r + y * p.dy - HALF;
        for (long x = 0; x < span->count; x++) inside[x] += clamp(centre[x] * p.dx + row, -1, 0);
    }
    real opacity = stroke->piece[0].alpha;
    for (long x = 0; x < span->count; x++) inside[x] = max(inside[x], 0), alpha[x] = inside[x] * opacity;
}

/* Coverage of a stroke in the row whose centre is at y; 0 if it has none. `memory` takes FIELDS rows, or more. */
static int cover(const Stroke *stroke, const Shape *shape, real y, const real *centres, real *memory, Span *span) {
    span->count = 0;
    if (y < stroke->top || y > stroke->bottom || stroke->right < 0 || stroke->left > (real)shape->width) return 0;
    if (stroke->right < stroke->left) return 0;
    (shape->polygon ? cover_polygon : cover_sweep)(stroke, y, shape->width, centres, memory, span);
    return span->count > 0;
}

/* Working memory of one thread: the joined strokes of one image, and rows. */
typedef struct {
    long image; /* whose strokes are joined; -1: none yet */
    Stroke *strokes;
    Piece *pieces;
    real *centres, *rows;
} Work;

static int open_work(const Shape *shape, long rows, Work *work) {
    work->image = -1;
    work->strokes = malloc(sizeof(Stroke) * (size_t)shape->strokes);
    work->pieces = malloc(sizeof(Piece) * (size_t)(shape->strokes * shape->nodes));
    work->centres = malloc(sizeof(real) * (size_t)shape->width);
    work->rows = malloc(sizeof(real) * (size_t)(shape->width * rows));
    if (!work->strokes || !work->pieces || !work->centres || !work->rows) return 0;
    for (long k = 0; k < shape->strokes; k++) work->strokes[k].piece = work->pieces + k * shape->nodes;
    for (long x = 0; x < shape->width; x++) work->centres[x] = (real)x + HALF;
    return 1;
}

static void close_work(Work *work) {
    free(work->strokes), free(work->pieces), free(work->centres), free(work->rows);
}

static void join(const Shape *shape, const real *nodes, long image, Work *work) {
    if (work->image == image) return;
    work->image = image;
    const real *node = nodes + 4 * shape->nodes * shape->strokes * image;
    for (long k = 0; k < shape->strokes; k++, node += 4 * shape->nodes)
        (shape->polygon ? join_polygon : join_sweep)(node, shape->nodes, &work->strokes[k]);
}

/* Paint rows [first, end) of the images laid under each other, 0 to B H. Returns 0, or 1 if out of memory. */
int paint(const real *canvas, const real *nodes, const real *colours, real *out, Shape shape, long first, long end) {
    Work work;
    if (!open_work(&shape, FIELDS, &work)) return close_work(&work), 1;
    long plane = shape.height * shape.width;
    Span span;
    for (long row = first; row < end; row++) {
        long image = row / shape.height, y = row % shape.height;
        long at = image * shape.channels * plane + y * shape.width;
        join(&shape, nodes, image, &work);
        for (long c = 0; c < shape.channels; c++)
            memcpy(out + at + c * plane, canvas + at + c * plane, sizeof(real) * (size_t)shape.width);
        for (long k = 0; k < shape.strokes; k++) {
            if (!cover(&work.strokes[k], &shape, (real)y + HALF, work.centres, work.rows, &span)) continue;
            const real *restrict alpha = span.alpha;
            for (long c = 0; c < shape.channels; c++) {
                real colour = colours[(image * shape.strokes + k) * shape.channels + c];
                real *restrict pixel = out + at + c * plane + span.first;
                for (long x = 0; x < span.count; x++) pixel[x] += alpha[x] * (colour - pixel[x]);
            }
        }
    }
    close_work(&work);
    return 0;
}

/* Adds to the nodes of one stroke the gradient of a span, given the gradient of each pixel's alpha. */
static void uncover_sweep(const Stroke *stroke, long nodes, real y, const real *centres, const Span *span,
                          const real *restrict grad, real *grad_nodes) {
    const real *restrict centre = centres + span->first, *restrict until = span->until, *restrict inside = span->inside;
    for (long x = 0; x < span->count; x++) { /* the rim: a pixel's coverage follows its distance to the outline */
        if (!(inside[x] > -HALF && inside[x] < HALF) || grad[x] == 0) continue;
        const Piece *cover = &stroke->piece[(int)span->last[x]];
        int i = (int)span->nearest[x];
        real u = span->nearest[x] - (real)i;
        if (i == stroke->pieces) i--, u = 1;
        const Piece *p = &stroke->piece[i];
        real vx = centre[x] - p->x - u * p->dx, vy = y - p->y - u * p->dy, d = square_root(vx * vx + vy * vy);
        real g = grad[x] * (cover->alpha + until[x] * cover->dalpha), n = d > TINY ? g / d : 0;
        real *a = grad_nodes + 4 * i, *b = nodes > 1 ? a + 4 : a;
        a[0] += n * vx * (1 - u), a[1] += n * vy * (1 - u), a[2] += g * (1 - u);
        b[0] += n * vx * u, b[1] += n * vy * u, b[2] += g * u;
    }
    for (long x = 0; x < span->count;) { /* the alpha at u, and how u moves: (r + u dr) d(r + u dr) + v.dX over s */
        long stop = x + 1;
        while (stop < span->count && span->last[stop] == span->last[x]) stop++;
        int i = (int)span->last[x];
        const Piece p = stroke->piece[i];
        real *a = grad_nodes + 4 * i, *b = nodes > 1 ? a + 4 : a;
        real qy = y - p.y, r = p.r + HALF;
        real scale = p.dx * p.dx + p.dy * p.dy + p.dr * p.dr, soft = (real)1e-8 * scale * scale + TINY;
        real a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
        for (; x < stop; x++) {
            real g = grad[x] * clamp(inside[x] + HALF, 0, 1), u = until[x];
            a3 += g * (1 - u), b3 += g * u;
            real qx = centre[x] - p.x, vx = qx - u * p.dx, vy = qy - u * p.dy, radius = r + u * p.dr;
            real bb = qx * p.dx + qy * p.dy + r * p.dr, s2 = max(bb * bb - p.lead * (qx * qx + qy * qy - r * r), 0);
            real moves = u > 0 && u < 1 ? g * p.dalpha * square_root(s2 / (s2 * s2 + soft)) : 0;
            a0 += moves * vx * (1 - u), a1 += moves * vy * (1 - u), a2 += moves * radius * (1 - u);
            b0 += moves * vx * u, b1 += moves * vy * u, b2 += moves * radius * u;
        }
        a[0] += a0, a[1] += a1, a[2] += a2, a[3] += a3, b[0] += b0, b[1] += b1, b[2] += b2, b[3] += b3;
    }
}

static void uncover_polygon(const Stroke *stroke, long nodes, real y, const real *centres, const Span *span,
                            const real *restrict grad, real *grad_nodes) {
    const real *restrict centre = centres + span->first, *restrict inside = span->inside;
    real opacity = stroke->piece[0].alpha, sum = 0;
    for (long x = 0; x < span->count; x++) sum += grad[x] * inside[x];
    grad_nodes[3] += sum;
    for (int i = 0; i < stroke->pieces; i++) {
        const Piece p = stroke->piece[i];
        real row = p.r + y * p.dy, u_row = (y - p.y) * p.across, towards_a = 0, towards_b = 0;
        for (long x = 0; x < span->count; x++) { /* the rim of this edge */
            real d = centre[x] * p.dx + row, u = (centre[x] - p.x) * p.along + u_row;
            real g = inside[x] > 0 && d > -HALF && d < HALF ? grad[x] * opacity : 0;
            towards_a += g * (1 - u), towards_b += g * u;
        }
        real *a = grad_nodes + 4 * i, *b = grad_nodes + 4 * ((i + 1) % nodes);
        a[0] -= towards_a * p.dx, a[1] -= towards_a * p.dy;
        b[0] -= towards_b * p.dx, b[1] -= towards_b * p.dy;
    }
}

/* Memory for the spans of one row, in blocks that never move. */
typedef struct {
    real **block;
    long blocks, block_size, full, used; /* blocks before `full` are in use, and `used` of block `full` */
} Arena;

/* Room for `size` numbers, or null if out of memory. */
static real *arena_alloc(Arena *arena, long size) {
    if (arena->used + size > arena->block_size) arena->full++, arena->used = 0;
    if (arena->full >= arena->blocks) {
        real **block = realloc(arena->block, sizeof(real *) * (size_t)(arena->blocks + 1));
        if (!block) return 0;
        arena->block = block;
        block[arena->blocks] = malloc(sizeof(real) * (size_t)arena->block_size);
        if (!block[arena->blocks]) return 0;
        arena->blocks++;
    }
    return arena->block[arena->full] + arena->used;
}

typedef struct {
    const real *colours; /* of this image, (K, C) */
    real *nodes, *own;   /* where gradients are added up: (K, M, 4), (K, C) */
} Grads;

/* Paint a row again, keeping what each stroke saw. `pixels` (C, W) holds the canvas. Returns 0 if out of memory. */
static int repaint(const Shape *shape, const Work *work, real y, const real *colours, real *pixels, Arena *arena,
                   Span *spans) {
    long channels = shape->channels, span_size = (FIELDS + channels) * shape->width;
    arena->full = arena->used = 0;
    for (long k = 0; k < shape->strokes; k++) {
        real *memory = arena_alloc(arena, span_size);
        if (!memory) return 0;
        if (!cover(&work->strokes[k], shape, y, work->centres, memory, &spans[k])) continue;
        const Span span = spans[k];
        arena->used += (FIELDS + channels) * span.count;
        const real *restrict alpha = span.alpha;
        for (long c = 0; c < channels; c++) {
            real colour = colours[k * channels + c];
            real *restrict pixel = pixels + c * shape->width + span.first, *restrict before = span.before + c * span.count;
            for (long x = 0; x < span.count; x++) before[x] = pixel[x], pixel[x] += alpha[x] * (colour - pixel[x]);
        }
    }
    return 1;
}

/* Go back through the strokes of a row. `grads` (C, W) holds the gradient after the last stroke, then before the first. */
static void unpaint(const Shape *shape, const Work *work, real y, const Span *spans, real *grads, real *grad_alpha,
                    const Grads *out) {
    long channels = shape->channels;
    for (long k = shape->strokes - 1; k >= 0; k--) {
        const Span *span = &spans[k];
        if (!span->count) continue;
        const real *restrict alpha = span->alpha;
        real *restrict slope = grad_alpha;
        for (long x = 0; x < span->count; x++) slope[x] = 0;
        for (long c = 0; c < channels; c++) {
            real colour = out->colours[k * channels + c], sum = 0;
            real *restrict grad = grads + c * shape->width + span->first;
            const real *restrict before = span->before + c * span->count;
            for (long x = 0; x < span->count; x++) {
                slope[x] += grad[x] * (colour - before[x]);
                sum += grad[x] * alpha[x];
                grad[x] -= grad[x] * alpha[x];
            }
            out->own[k * channels + c] += sum;
        }
        (shape->polygon ? uncover_polygon : uncover_sweep)(&work->strokes[k], shape->nodes, y, work->centres, span,
                                                           slope, out->nodes + 4 * shape->nodes * k);
    }
}

/* Gradient of paint. Each image is cut into `bands` bands of rows; a band adds up the gradients of nodes and colours in
 * a place of its own, grad_nodes (B, bands, K, M, 4) and grad_colours (B, bands, K, C), both zero at the start, so
 * that the sums do not depend on how bands are spread over threads. grad_canvas may be null. Returns as paint does. */
int paint_backward(const real *canvas, const real *nodes, const real *colours, const real *grad_out, real *grad_canvas,
                   real *grad_nodes, real *grad_colours, Shape shape, long bands, long first_band, long end_band) {
    long channels = shape.channels, width = shape.width, plane = shape.height * width;
    Work work;
    Arena arena = {.block_size = 64 * (FIELDS + channels) * width};
    Span *spans = malloc(sizeof(Span) * (size_t)shape.strokes);
    int ok = open_work(&shape, 2 * channels + 1, &work) && spans;
    real *pixels = work.rows, *grads = pixels + channels * width, *grad_alpha = grads + channels * width;
    size_t row_bytes = sizeof(real) * (size_t)width;
    for (long band = first_band; ok && band < end_band; band++) {
        long image = band / bands, top = shape.height * (band % bands) / bands;
        long bottom = shape.height * (band % bands + 1) / bands;
        Grads out = {.colours = colours + image * shape.strokes * channels,
                     .nodes = grad_nodes + band * shape.strokes * shape.nodes * 4,
                     .own = grad_colours + band * shape.strokes * channels};
        join(&shape, nodes, image, &work);
        for (long y = top; ok && y < bottom; y++) {
            long at = image * channels * plane + y * width;
            for (long c = 0; c < channels; c++) {
                memcpy(pixels + c * width, canvas + at + c * plane, row_bytes);
                memcpy(grads + c * width, grad_out + at + c * plane, row_bytes);
            }
            ok = repaint(&shape, &work, (real)y + HALF, out.colours, pixels, &arena, spans);
            if (!ok) break;
            unpaint(&shape, &work, (real)y + HALF, spans, grads, grad_alpha, &out);
            for (long c = 0; c < channels && grad_canvas; c++)
                memcpy(grad_canvas + at + c * plane, grads + c * width, row_bytes);
        }
    }
    for (long i = 0; i < arena.blocks; i++) free(arena.block[i]);
    free(arena.block), free(spans), close_work(&work);
    return !ok;
}
