/* Outlines of strokes, strokes painted on canvases, and the gradients of both: the kernel of the analytic renderer.
 *
 * coverage.py states the same coverage in PyTorch and explains it; tests hold the two together.
 * The canvas is walked in strips of 4 rows, and a strip in blocks of 4 x 4 pixels. In a strip, each stroke touches only
 * the blocks that it can reach, so the cost is that of the painted area, not of strokes x canvas. What is done to the 16
 * pixels of a block is a loop of fixed length, of which the compiler makes vector instructions; blocks are square, so that
 * few of their pixels are wasted on thin strokes. Everything is in pixels; the centre of pixel i is at i + 1/2.
 *
 * Compiled once with REAL=float and once with REAL=double (build.py). Memory layout, all contiguous:
 * canvas, out, grad_out, grad_canvas (B, C, H, W); nodes (B, K, M, 4) = x, y, radius, alpha; colours (B, K, C).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef REAL
#define REAL float
#endif
typedef REAL real;

#ifdef KEY
const char key[] = KEY; /* of what this was compiled from, see build.py */
#endif

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

/* What outlines are made of: sizes, what alphas are mapped to, and where in a vector the numbers are (layout.py). */
typedef struct {
    long numbers, nodes, colours, height, width;
    double low, high;
    int first[4], last[4], middle[2], step; /* x, y, radius, alpha; a step, if it is a polygon */
} Form;

/* A number of one node at s in [0, 1]: `column` of x, y, radius, alpha as they are in the vector. */
static inline real between(const Form *form, const real *stroke, int column, long node, real s) {
    long shift = column < 2 ? form->step * node : 0;
    real start = stroke[form->first[column] + shift], end = stroke[form->last[column] + shift];
    if (column >= 2 || form->middle[column] < 0) return start + s * (end - start);
    real middle = start + stroke[form->middle[column]] * (end - start);
    real first = start + s * (middle - start), second = middle + s * (end - middle); /* de Casteljau */
    return first + s * (second - first);
}

/* What `between` makes of the vector, backwards: `grad` is added to the numbers that it read. */
static inline void between_backward(const Form *form, const real *stroke, int column, long node, real s, real grad,
                                    real *grad_stroke) {
    long shift = column < 2 ? form->step * node : 0;
    long start = form->first[column] + shift, end = form->last[column] + shift;
    real at_start = grad * (1 - s), at_end = grad * s;
    if (column < 2 && form->middle[column] >= 0) {
        long middle = form->middle[column];
        real at_middle = 2 * at_start * s, relative = stroke[middle];
        grad_stroke[middle] += at_middle * (stroke[end] - stroke[start]);
        at_start = at_start * (1 - s) + at_middle * (1 - relative);
        at_end = at_end * s + at_middle * relative;
    }
    grad_stroke[start] += at_start;
    grad_stroke[end] += at_end;
}

static inline real s_of(const Form *form, long node) { return form->nodes > 1 ? (real)node / (real)(form->nodes - 1) : 0; }

/* Radius in pixels of a thickness in [0, 1], see strokes.py; with the canvas's shorter side. */
static inline real radius_of(real thickness, real shorter) { return (thickness / 4 + (real)(1.0 / 256)) * shorter; }

/* Nodes (N, M, 4) in pixels and colours (N, C) of strokes [first, end). Returns 0. */
int outline(const real *strokes, real *nodes, real *colours, Form form, long first, long end) {
    const real shorter = (real)(form.height < form.width ? form.height : form.width);
    const real low = (real)form.low, range = (real)(form.high - form.low);
    for (long k = first; k < end; k++) {
        const real *stroke = strokes + k * form.numbers;
        for (long c = 0; c < form.colours; c++) colours[k * form.colours + c] = stroke[form.numbers - form.colours + c];
        for (long m = 0; m < form.nodes; m++) {
            real *node = nodes + 4 * (k * form.nodes + m), s = s_of(&form, m);
            node[0] = between(&form, stroke, 0, m, s) * (real)form.width;
            node[1] = between(&form, stroke, 1, m, s) * (real)form.height;
            node[2] = 0;
            node[3] = clamp(between(&form, stroke, 3, m, s) * range + low, 0, 1);
            if (form.step) continue;
            real radius = radius_of(between(&form, stroke, 2, m, s), shorter);
            node[2] = max(radius, HALF);
            node[3] *= min(2 * radius, 1); /* thinner than a pixel: a pixel wide, and as much fainter */
        }
    }
    return 0;
}

/* Gradient of outline: of the strokes (N, numbers), which is zero at the start. Returns 0. */
int outline_backward(const real *strokes, const real *grad_nodes, const real *grad_colours, real *grad_strokes, Form form,
                     long first, long end) {
    const real shorter = (real)(form.height < form.width ? form.height : form.width);
    const real low = (real)form.low, range = (real)(form.high - form.low);
    for (long k = first; k < end; k++) {
        const real *stroke = strokes + k * form.numbers;
        real *grad = grad_strokes + k * form.numbers;
        for (long c = 0; c < form.colours; c++) grad[form.numbers - form.colours + c] = grad_colours[k * form.colours + c];
        for (long m = 0; m < form.nodes; m++) {
            const real *own = grad_nodes + 4 * (k * form.nodes + m), s = s_of(&form, m);
            real given = between(&form, stroke, 3, m, s) * range + low, alpha = clamp(given, 0, 1);
            real of_alpha = given == alpha ? own[3] : 0; /* beyond [0, 1] it is clipped */
            if (!form.step) {
                real radius = radius_of(between(&form, stroke, 2, m, s), shorter), of_radius = radius >= HALF ? own[2] : 0;
                if (2 * radius <= 1) of_radius += 2 * own[3] * alpha, of_alpha *= 2 * radius;
                between_backward(&form, stroke, 2, m, s, of_radius * shorter / 4, grad);
            }
            between_backward(&form, stroke, 0, m, s, own[0] * (real)form.width, grad);
            between_backward(&form, stroke, 1, m, s, own[1] * (real)form.height, grad);
            between_backward(&form, stroke, 3, m, s, of_alpha * range, grad);
        }
    }
    return 0;
}

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
            p.r = 4; /* a repeated corner: no edge, everything is inside it */
        }
        stroke->piece[i] = p;
    }
}

enum { SIDE = 4, LANES = SIDE * SIDE };
typedef real Lanes[LANES]; /* a number for each pixel of a block, row by row */

/* A loop over the pixels of a block, as vector instructions; the second form adds up, by an operator, what is named. */
#define PRAGMA(text) _Pragma(#text)
#define EACH_LANE _Pragma("omp simd") for (int l = 0; l < LANES; l++)
#define EACH_LANE_INTO(operator, total) PRAGMA(omp simd reduction(operator : total)) for (int l = 0; l < LANES; l++)

static inline real sum(const real *lanes) {
    real total = 0;
    EACH_LANE_INTO(+, total) total += lanes[l];
    return total;
}

/* The blocks [first, end) of a strip that one piece can touch. */
typedef struct {
    int piece;
    long first, end;
    real *depth; /* by block: how deep in the piece its centre is */
} Reach;

/* The blocks [first, end) of a strip that a stroke can touch, and the pieces that do. */
typedef struct {
    Reach *reach;
    int reaches;
    long first, end;
} Span;

/* What a stroke is at the pixels of one block. */
typedef struct {
    unsigned covers, rims; /* bit i % 32: piece i is in `last`, or in `rim` of a pixel on the outline */
    Lanes alpha;           /* coverage times opacity */
    Lanes inside;          /* sweep: distance to the outline, positive inside; polygon: coverage */
    Lanes opacity;         /* of a sweep, of what covers the pixel last */
    Lanes rim, rim_u;      /* piece, and u, at which the disc comes nearest */
    Lanes last, last_u;    /* last piece that covers the pixel, or -1, and u at which it leaves the pixel */
} Seen;

static inline unsigned bit_of(int piece) { return 1u << (piece & 31); }

/* A block whose centre is so deep is covered wholly: its outermost pixels are 1.5 root 2 from there, and half a pixel more
 * is the soft edge. One whose centre is so far outside is not covered at all. */
#define CLEAR ((real)2.63)

/* Distance of (x, y) to the outline of a piece of a sweep, positive inside; the disc at u comes nearest. */
static inline real depth_at(const Piece *p, real x, real y, real *nearest) {
    real qx = x - p->x, qy = y - p->y;
    real u = (qx * p->dx + qy * p->dy) * p->along + absolute(qx * p->dy - qy * p->dx) * p->across + p->fixed;
    *nearest = u = clamp(u, 0, 1);
    real vx = qx - u * p->dx, vy = qy - u * p->dy;
    return p->r + u * p->dr - square_root(vx * vx + vy * vy);
}

/* Reach of one piece of a sweep in the strip whose first row is `top`; false if it has none. */
static inline int reach_of(const Piece *p, real top, long width, Reach *reach) {
    real high = top + HALF - p->reach, low = top + (SIDE - HALF) + p->reach; /* where its axis can be */
    if (top + (SIDE - HALF) < p->top || top + HALF > p->bottom) return 0;
    real left = p->left, right = p->right;
    if (p->slope != 0) {
        real u0 = clamp((high - p->y) * p->slope, 0, 1), u1 = clamp((low - p->y) * p->slope, 0, 1);
        real x0 = p->x + u0 * p->dx, x1 = p->x + u1 * p->dx;
        left = min(x0, x1) - p->reach, right = max(x0, x1) + p->reach;
    }
    if (right < HALF || left > (real)width - HALF) return 0;
    reach->first = (long)max(left - HALF, 0) / SIDE;
    reach->end = (long)min(right - HALF, (real)(width - 1)) / SIDE + 1;
    return 1;
}

static void span_sweep(const Stroke *stroke, real top, long width, Span *span) {
    for (int i = 0; i < stroke->pieces; i++) {
        Reach *reach = &span->reach[span->reaches];
        const Piece p = stroke->piece[i];
        if (!reach_of(&p, top, width, reach)) continue;
        reach->piece = i;
        span->first = !span->reaches || reach->first < span->first ? reach->first : span->first;
        span->end = !span->reaches || reach->end > span->end ? reach->end : span->end;
        span->reaches++;
        for (long block = reach->first; block < reach->end; block += LANES) {
            real *depth = reach->depth + block, u;
            EACH_LANE depth[l] = depth_at(&p, (real)((block + l) * SIDE) + 2, top + 2, &u);
        }
    }
}

static void span_polygon(const Stroke *stroke, real top, long width, Span *span) {
    real left = max(stroke->left, 0), right = min(stroke->right, (real)width);
    for (int i = 0; i < stroke->pieces; i++) { /* inside of an edge: x dx > -1/2 - r - y dy, for one of the rows */
        const Piece *p = &stroke->piece[i];
        real bound = -HALF - p->r - max((top + HALF) * p->dy, (top + SIDE - HALF) * p->dy);
        if (p->dx > (real)1e-6) left = max(left, bound / p->dx - 1);
        if (p->dx < (real)-1e-6) right = min(right, bound / p->dx + 1);
    }
    if (!(left <= right)) return;
    span->first = (long)max(left - HALF, 0) / SIDE;
    span->end = (long)clamp(right - HALF, 0, (real)(width - 1)) / SIDE + 1;
}

/* The blocks that a stroke touches in the strip whose first row is `top`; false if there are none. */
static int find_span(const Stroke *stroke, const Shape *shape, real top, Span *span) {
    span->reaches = 0, span->first = span->end = 0;
    if (top + (SIDE - HALF) < stroke->top || top + HALF > stroke->bottom) return 0;
    if (stroke->right < 0 || stroke->left > (real)shape->width || stroke->right < stroke->left) return 0;
    (shape->polygon ? span_polygon : span_sweep)(stroke, top, shape->width, span);
    return span->first < span->end;
}

static inline void place_lanes(long block, real top, real *x, real *y) {
    EACH_LANE x[l] = (real)(block * SIDE) + ((real)(l % SIDE) + HALF), y[l] = top + ((real)(l / SIDE) + HALF);
}

/* What a sweep is at a block; what only gradients need is left out unless `keep`. */
static inline __attribute__((always_inline)) void see_sweep(const Stroke *stroke, const Span *span, long block, real top,
                                                            Seen *seen, const int keep) {
    Lanes x, y, inside, rim, rim_u, last;
    place_lanes(block, top, x, y);
    EACH_LANE inside[l] = -1, last[l] = -1;
    if (keep) EACH_LANE rim[l] = rim_u[l] = 0;
    int near = 0;
    for (int j = span->reaches - 1; j >= 0; j--) { /* the last first: none matters before one that covers the whole block */
        const Reach *reach = &span->reach[j];
        if (block < reach->first || block >= reach->end || reach->depth[block] < -CLEAR) continue;
        near = 1;
        const real index = (real)reach->piece;
        if (reach->depth[block] > CLEAR) {
            EACH_LANE inside[l] = 1, last[l] = last[l] < 0 ? index : last[l];
            break;
        }
        const Piece p = stroke->piece[reach->piece];
        EACH_LANE {
            real u, depth = depth_at(&p, x[l], y[l], &u);
            if (keep) rim[l] = depth >= inside[l] ? index : rim[l], rim_u[l] = depth >= inside[l] ? u : rim_u[l];
            inside[l] = max(depth, inside[l]);
            last[l] = (last[l] < 0) & (depth > -HALF) ? index : last[l];
        }
    }
    unsigned covers = 0, rims = 0;
    seen->covers = seen->rims = 0;
    if (!near) return;
    EACH_LANE_INTO(|, covers) covers |= last[l] >= 0 ? 1u << ((int)last[l] & 31) : 0;
    if (!covers) return;
    if (keep) EACH_LANE_INTO(|, rims) rims |= (inside[l] > -HALF) & (inside[l] < HALF) ? 1u << ((int)rim[l] & 31) : 0;
    seen->covers = covers, seen->rims = rims;
    Lanes opacity, last_u;
    EACH_LANE opacity[l] = last_u[l] = 0;
    for (int j = 0; j < span->reaches; j++) {
        const Reach *reach = &span->reach[j];
        if (!(covers & bit_of(reach->piece))) continue;
        const Piece p = stroke->piece[reach->piece];
        const real index = (real)reach->piece;
        if (p.dalpha == 0 && !keep) {
            EACH_LANE opacity[l] = last[l] == index ? p.alpha : opacity[l];
            continue;
        }
        const real r = p.r + HALF, end_r = r + p.dr, lead = 1 / (p.lead > TINY ? p.lead : TINY);
        EACH_LANE { /* the greatest u with |q - uD| = r + u dr */
            real qx = x[l] - p.x, qy = y[l] - p.y, ex = qx - p.dx, ey = qy - p.dy;
            real b = qx * p.dx + qy * p.dy + r * p.dr, c = qx * qx + qy * qy - r * r;
            real s = square_root(max(b * b - p.lead * c, 0));
            real u = b > 0 ? (b + s) * lead : c / (b - s - TINY);
            u = ex * ex + ey * ey <= end_r * end_r ? 1 : clamp(u, 0, 1);
            if (keep) last_u[l] = last[l] == index ? u : last_u[l];
            opacity[l] = last[l] == index ? p.alpha + u * p.dalpha : opacity[l];
        }
    }
    EACH_LANE seen->alpha[l] = clamp(inside[l] + HALF, 0, 1) * opacity[l];
    if (!keep) return;
    EACH_LANE seen->inside[l] = inside[l], seen->opacity[l] = opacity[l];
    EACH_LANE seen->rim[l] = rim[l], seen->rim_u[l] = rim_u[l], seen->last[l] = last[l], seen->last_u[l] = last_u[l];
}

static inline __attribute__((always_inline)) void see_polygon(const Stroke *stroke, long block, real top, Seen *seen) {
    real deepest = (real)1e30, centre = (real)(block * SIDE) + 2;
    for (int i = 0; i < stroke->pieces; i++) {
        const Piece *p = &stroke->piece[i];
        deepest = min(deepest, centre * p->dx + (top + 2) * p->dy + p->r);
    }
    seen->covers = deepest > -CLEAR, seen->rims = deepest < CLEAR;
    if (!seen->covers) return;
    Lanes x, y, inside;
    EACH_LANE inside[l] = 1;
    if (seen->rims) {
        place_lanes(block, top, x, y);
        for (int i = 0; i < stroke->pieces; i++) {
            const Piece p = stroke->piece[i];
            EACH_LANE inside[l] += clamp(x[l] * p.dx + y[l] * p.dy + (p.r - HALF), -1, 0);
        }
    }
    const real opacity = stroke->piece[0].alpha;
    EACH_LANE inside[l] = max(inside[l], 0), seen->inside[l] = inside[l], seen->alpha[l] = inside[l] * opacity;
}

static inline __attribute__((always_inline)) void see(const Shape *shape, const Stroke *stroke, const Span *span, long block,
                                                      real top, Seen *seen, const int keep) {
    if (shape->polygon)
        see_polygon(stroke, block, top, seen);
    else
        see_sweep(stroke, span, block, top, seen, keep);
}

static long blocks_of(const Shape *shape) { return (shape->width + SIDE - 1) / SIDE; }

/* Strips of a picture of so many rows. */
long strips_of(long height) { return (height + SIDE - 1) / SIDE; }

/* A strip of a picture (C, H, W) into `lanes` (C, blocks), or, with `back`, from there. What is beyond the picture stays as
 * it is. */
static inline __attribute__((always_inline)) void copy_strip(const Shape *shape, real *picture, long strip, Lanes *lanes,
                                                             const int back) {
    const long blocks = blocks_of(shape), whole = shape->width / SIDE, rest = shape->width % SIDE;
    const long top = strip * SIDE, rows = shape->height - top < SIDE ? shape->height - top : SIDE;
    for (long c = 0; c < shape->channels; c++)
        for (long y = 0; y < rows; y++) {
            real *row = picture + (c * shape->height + top + y) * shape->width;
            real *lane = lanes[c * blocks] + y * SIDE;
            for (long block = 0; block < whole; block++, row += SIDE, lane += LANES)
                memcpy(back ? row : lane, back ? lane : row, sizeof(real) * SIDE);
            for (long x = 0; x < rest; x++) *(back ? row + x : lane + x) = *(back ? lane + x : row + x);
        }
}

static void read_strip(const Shape *shape, const real *picture, long strip, Lanes *lanes) {
    copy_strip(shape, (real *)picture, strip, lanes, 0);
}

static void write_strip(const Shape *shape, Lanes *lanes, long strip, real *picture) {
    copy_strip(shape, picture, strip, lanes, 1);
}

/* Working memory of one thread: the joined strokes of one image, and strips. */
typedef struct {
    long image; /* whose strokes are joined; -1: none yet */
    Stroke *strokes;
    Piece *pieces;
    Reach *reach;
    real *depths;
    Lanes *strips;
} Work;

static int open_work(const Shape *shape, long strips, Work *work) {
    work->image = -1;
    work->strokes = malloc(sizeof(Stroke) * (size_t)shape->strokes);
    work->pieces = malloc(sizeof(Piece) * (size_t)(shape->strokes * shape->nodes));
    work->reach = malloc(sizeof(Reach) * (size_t)shape->nodes);
    long stride = blocks_of(shape) + LANES;
    work->depths = malloc(sizeof(real) * (size_t)(shape->nodes * stride));
    work->strips = calloc((size_t)(blocks_of(shape) * strips), sizeof(Lanes));
    if (!work->strokes || !work->pieces || !work->reach || !work->depths || !work->strips) return 0;
    for (long i = 0; i < shape->nodes; i++) work->reach[i].depth = work->depths + i * stride;
    for (long k = 0; k < shape->strokes; k++) work->strokes[k].piece = work->pieces + k * shape->nodes;
    return 1;
}

static void close_work(Work *work) {
    free(work->strokes), free(work->pieces), free(work->reach), free(work->depths), free(work->strips);
}

static void join(const Shape *shape, const real *nodes, long image, Work *work) {
    if (work->image == image) return;
    work->image = image;
    const real *node = nodes + 4 * shape->nodes * shape->strokes * image;
    for (long k = 0; k < shape->strokes; k++, node += 4 * shape->nodes)
        (shape->polygon ? join_polygon : join_sweep)(node, shape->nodes, &work->strokes[k]);
}

/* Paint strips [first, end) of the images laid under each other. Returns 0, or 1 if out of memory. */
int paint(const real *canvas, const real *nodes, const real *colours, real *out, Shape shape, long first, long end) {
    Work work;
    if (!shape.width) return 0;
    if (!open_work(&shape, shape.channels, &work)) return close_work(&work), 1;
    long channels = shape.channels, picture = channels * shape.height * shape.width, blocks = blocks_of(&shape);
    Span span = {.reach = work.reach};
    Seen seen;
    for (long i = first; i < end; i++) {
        long image = i / strips_of(shape.height), strip = i % strips_of(shape.height);
        real top = (real)(strip * SIDE);
        join(&shape, nodes, image, &work);
        read_strip(&shape, canvas + image * picture, strip, work.strips);
        for (long k = 0; k < shape.strokes; k++) {
            const Stroke *stroke = &work.strokes[k];
            if (!find_span(stroke, &shape, top, &span)) continue;
            const real *colour = colours + (image * shape.strokes + k) * channels;
            for (long block = span.first; block < span.end; block++) {
                see(&shape, stroke, &span, block, top, &seen, 0);
                if (!seen.covers) continue;
                for (long c = 0; c < channels; c++) {
                    real *pixel = work.strips[c * blocks + block], own = colour[c];
                    EACH_LANE pixel[l] += seen.alpha[l] * (own - pixel[l]);
                }
            }
        }
        write_strip(&shape, work.strips, strip, out + image * picture);
    }
    close_work(&work);
    return 0;
}

/* Adds to the nodes of one stroke the gradient of a strip, given `slope`, the gradient of the alphas, by block. */
static void uncover_sweep(const Stroke *stroke, long nodes, real top, const Span *span, const Seen *seen, Lanes *slope,
                          real *grad_nodes) {
    for (int j = 0; j < span->reaches; j++) {
        const int i = span->reach[j].piece;
        const Piece p = stroke->piece[i];
        const real index = (real)i, r = p.r + HALF;
        const real scale = p.dx * p.dx + p.dy * p.dy + p.dr * p.dr, soft = (real)1e-8 * scale * scale + TINY;
        Lanes a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0};
        for (long block = span->reach[j].first; block < span->reach[j].end; block++) {
            const Seen *at = &seen[block - span->first];
            const real *grad = slope[block];
            int rim = (at->rims & bit_of(i)) != 0, last = (at->covers & bit_of(i)) != 0;
            if (!rim && !last) continue;
            Lanes x, y;
            place_lanes(block, top, x, y);
            if (rim) EACH_LANE { /* a pixel's coverage follows its distance to the outline */
                int here = at->rim[l] == index && at->inside[l] > -HALF && at->inside[l] < HALF;
                real u = at->rim_u[l], vx = x[l] - p.x - u * p.dx, vy = y[l] - p.y - u * p.dy;
                real d = square_root(vx * vx + vy * vy), g = here ? grad[l] * at->opacity[l] : 0, n = d > TINY ? g / d : 0;
                a0[l] += n * vx * (1 - u), a1[l] += n * vy * (1 - u), a2[l] += g * (1 - u);
                b0[l] += n * vx * u, b1[l] += n * vy * u, b2[l] += g * u;
            }
            if (last) EACH_LANE { /* the alpha at u, and how u moves: (r + u dr) d(r + u dr) + v.dX over s */
                real g = at->last[l] == index ? grad[l] * clamp(at->inside[l] + HALF, 0, 1) : 0, u = at->last_u[l];
                a3[l] += g * (1 - u), b3[l] += g * u;
                real qx = x[l] - p.x, qy = y[l] - p.y, vx = qx - u * p.dx, vy = qy - u * p.dy, radius = r + u * p.dr;
                real bb = qx * p.dx + qy * p.dy + r * p.dr, s2 = max(bb * bb - p.lead * (qx * qx + qy * qy - r * r), 0);
                real moves = u > 0 && u < 1 ? g * p.dalpha * square_root(s2 / (s2 * s2 + soft)) : 0;
                a0[l] += moves * vx * (1 - u), a1[l] += moves * vy * (1 - u), a2[l] += moves * radius * (1 - u);
                b0[l] += moves * vx * u, b1[l] += moves * vy * u, b2[l] += moves * radius * u;
            }
        }
        real *a = grad_nodes + 4 * i, *b = nodes > 1 ? a + 4 : a;
        a[0] += sum(a0), a[1] += sum(a1), a[2] += sum(a2), a[3] += sum(a3);
        b[0] += sum(b0), b[1] += sum(b1), b[2] += sum(b2), b[3] += sum(b3);
    }
}

static void uncover_polygon(const Stroke *stroke, long nodes, real top, const Span *span, const Seen *seen, Lanes *slope,
                            real *grad_nodes) {
    const real opacity = stroke->piece[0].alpha;
    Lanes own = {0};
    for (long block = span->first; block < span->end; block++)
        if (seen[block - span->first].covers) EACH_LANE own[l] += slope[block][l] * seen[block - span->first].inside[l];
    grad_nodes[3] += sum(own);
    for (int i = 0; i < stroke->pieces; i++) {
        const Piece p = stroke->piece[i];
        Lanes x, y, towards_a = {0}, towards_b = {0};
        for (long block = span->first; block < span->end; block++) { /* the rim of this edge */
            const real *inside = seen[block - span->first].inside, *grad = slope[block];
            if (!(seen[block - span->first].covers && seen[block - span->first].rims)) continue;
            place_lanes(block, top, x, y);
            EACH_LANE {
                real d = x[l] * p.dx + y[l] * p.dy + p.r, u = (x[l] - p.x) * p.along + (y[l] - p.y) * p.across;
                real g = inside[l] > 0 && d > -HALF && d < HALF ? grad[l] * opacity : 0;
                towards_a[l] += g * (1 - u), towards_b[l] += g * u;
            }
        }
        real *a = grad_nodes + 4 * i, *b = grad_nodes + 4 * ((i + 1) % nodes), to_a = sum(towards_a), to_b = sum(towards_b);
        a[0] -= to_a * p.dx, a[1] -= to_a * p.dy;
        b[0] -= to_b * p.dx, b[1] -= to_b * p.dy;
    }
}

/* What the strokes of one image saw in one strip, in their order. */
typedef struct {
    Span *spans;   /* (K); their reaches lie in `reach` (K, M) */
    long *start;   /* (K), of each span in the two below */
    Reach *reach;
    Seen *seen;    /* one for each block of a span */
    Lanes *before; /* the canvas before the stroke, (C,) for each block */
    long size, used;
} Tape;

static int open_tape(const Shape *shape, const Work *work, Tape *tape) {
    *tape = (Tape){.spans = malloc(sizeof(Span) * (size_t)shape->strokes),
                   .start = malloc(sizeof(long) * (size_t)shape->strokes),
                   .reach = malloc(sizeof(Reach) * (size_t)(shape->strokes * shape->nodes))};
    if (!tape->spans || !tape->start || !tape->reach) return 0;
    for (long k = 0; k < shape->strokes; k++) {
        tape->spans[k].reach = tape->reach + k * shape->nodes;
        for (long i = 0; i < shape->nodes; i++) tape->spans[k].reach[i].depth = work->reach[i].depth;
    }
    return 1;
}

static void close_tape(Tape *tape) {
    free(tape->spans), free(tape->start), free(tape->reach), free(tape->seen), free(tape->before);
}

/* Room for more blocks at the end. Returns 0 if out of memory. */
static int grow_tape(Tape *tape, long blocks, long channels) {
    if (tape->used + blocks <= tape->size) return 1;
    long size = 2 * (tape->used + blocks);
    Seen *seen = realloc(tape->seen, sizeof(Seen) * (size_t)size);
    if (seen) tape->seen = seen;
    Lanes *before = realloc(tape->before, sizeof(Lanes) * (size_t)(size * channels));
    if (before) tape->before = before;
    if (!seen || !before) return 0;
    tape->size = size;
    return 1;
}

typedef struct {
    const real *colours; /* of this image, (K, C) */
    real *nodes, *own;   /* where gradients are added up: (K, M, 4), (K, C) */
} Grads;

/* Paint a strip again, keeping what each stroke saw. `pixels` (C, blocks) holds the canvas. Returns 0 if out of memory. */
static int repaint(const Shape *shape, const Stroke *strokes, real top, const real *colours, Lanes *pixels, Tape *tape) {
    long channels = shape->channels, blocks = blocks_of(shape);
    tape->used = 0;
    for (long k = 0; k < shape->strokes; k++) {
        Span *span = &tape->spans[k];
        if (!find_span(&strokes[k], shape, top, span)) continue;
        if (!grow_tape(tape, span->end - span->first, channels)) return 0;
        tape->start[k] = tape->used;
        for (long block = span->first; block < span->end; block++) {
            Seen *seen = &tape->seen[tape->used];
            Lanes *before = &tape->before[channels * tape->used++];
            see(shape, &strokes[k], span, block, top, seen, 1);
            if (!seen->covers) continue;
            for (long c = 0; c < channels; c++) {
                real *pixel = pixels[c * blocks + block], colour = colours[k * channels + c];
                EACH_LANE before[c][l] = pixel[l], pixel[l] += seen->alpha[l] * (colour - pixel[l]);
            }
        }
    }
    return 1;
}

/* Go back through the strokes of a strip. `grads` (C, blocks) holds the gradient after the last stroke, then before the
 * first; `slope` (blocks,) is working memory. */
static void unpaint(const Shape *shape, const Stroke *strokes, real top, const Tape *tape, Lanes *grads, Lanes *slope,
                    const Grads *out) {
    long channels = shape->channels, blocks = blocks_of(shape);
    for (long k = shape->strokes - 1; k >= 0; k--) {
        const Span *span = &tape->spans[k];
        if (span->first == span->end) continue;
        const Seen *seen = &tape->seen[tape->start[k]];
        const Lanes *before = &tape->before[channels * tape->start[k]];
        for (long block = span->first; block < span->end; block++) EACH_LANE slope[block][l] = 0;
        for (long c = 0; c < channels; c++) {
            real colour = out->colours[k * channels + c];
            Lanes own = {0};
            for (long block = span->first; block < span->end; block++) {
                long i = block - span->first;
                if (!seen[i].covers) continue;
                real *grad = grads[c * blocks + block];
                const real *alpha = seen[i].alpha, *pixel = before[i * channels + c];
                EACH_LANE {
                    slope[block][l] += grad[l] * (colour - pixel[l]);
                    own[l] += grad[l] * alpha[l];
                    grad[l] -= grad[l] * alpha[l];
                }
            }
            out->own[k * channels + c] += sum(own);
        }
        (shape->polygon ? uncover_polygon : uncover_sweep)(&strokes[k], shape->nodes, top, span, seen, slope,
                                                           out->nodes + 4 * shape->nodes * k);
    }
}

/* Gradient of paint. The strips of each image are cut into `bands`; a band adds up the gradients of nodes and colours in
 * a place of its own, grad_nodes (B, bands, K, M, 4) and grad_colours (B, bands, K, C), both zero at the start, so
 * that the sums do not depend on how bands are spread over threads. grad_canvas may be null. Returns as paint does. */
int paint_backward(const real *canvas, const real *nodes, const real *colours, const real *grad_out, real *grad_canvas,
                   real *grad_nodes, real *grad_colours, Shape shape, long bands, long first_band, long end_band) {
    if (!shape.width) return 0;
    long channels = shape.channels, blocks = blocks_of(&shape), picture = channels * shape.height * shape.width;
    Work work;
    Tape tape = {0};
    int ok = open_work(&shape, 2 * channels + 1, &work) && open_tape(&shape, &work, &tape);
    Lanes *pixels = work.strips, *grads = pixels + channels * blocks, *slope = grads + channels * blocks;
    for (long band = first_band; ok && band < end_band; band++) {
        long image = band / bands, first = strips_of(shape.height) * (band % bands) / bands;
        long end = strips_of(shape.height) * (band % bands + 1) / bands;
        Grads out = {.colours = colours + image * shape.strokes * channels,
                     .nodes = grad_nodes + band * shape.strokes * shape.nodes * 4,
                     .own = grad_colours + band * shape.strokes * channels};
        join(&shape, nodes, image, &work);
        for (long strip = first; ok && strip < end; strip++) {
            real top = (real)(strip * SIDE);
            memset(grads, 0, sizeof(Lanes) * (size_t)(channels * blocks)); /* pixels beyond the picture count for nothing */
            read_strip(&shape, canvas + image * picture, strip, pixels);
            read_strip(&shape, grad_out + image * picture, strip, grads);
            ok = repaint(&shape, work.strokes, top, out.colours, pixels, &tape);
            if (!ok) break;
            unpaint(&shape, work.strokes, top, &tape, grads, slope, &out);
            if (grad_canvas) write_strip(&shape, grads, strip, grad_canvas + image * picture);
        }
    }
    close_tape(&tape), close_work(&work);
    return !ok;
}
