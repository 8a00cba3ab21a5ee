/* Nodes of strokes, strokes painted on canvases, and the gradients of both: the kernel of the analytic renderer.
 *
 * Mathematics: coverage.py, which states the same in PyTorch; tests compare the two.
 *
 * The canvas is walked in bands of 4 rows, and a band in blocks of 4 x 4 pixels. In a band, each stroke touches only
 * the blocks that it can reach, so the cost is that of the painted area, not of strokes x canvas. What is done to the
 * 16 pixels of a block is a loop of fixed length, of which the compiler makes vector instructions; blocks are square,
 * so that few of their pixels are wasted on thin strokes. Everything is in pixels; the centre of pixel i is at i + 1/2.
 *
 * Compiled once with REAL=float and once with REAL=double (build.py). Memory layout, all contiguous:
 * canvas, out, grad_out, grad_canvas (B, C, H, W); nodes (B, K, M, 4) = x, y, radius, alpha; colours (B, K, C).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef REAL real;
#define INLINE static inline __attribute__((always_inline))

#ifdef LEVELS /* each function once for each level of processors; gcc chooses when the library is loaded */
#define KERNEL __attribute__((flatten, target_clones(LEVELS)))
#else
#define KERNEL
#endif

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

/* Sizes, the range of alphas, and the places in a stroke vector of the numbers that nodes are made of (StrokeLayout in
 * strokes.py). */
typedef struct {
    long numbers, nodes, colours, height, width;
    double low, high;
    int first[4], last[4], middle[2], polygon; /* of x, y, radius, alpha; -1 for no middle */
} StrokeLayout;

static inline int corner(const StrokeLayout *layout, int column, long node) {
    return node == 0 ? layout->first[column] : node == 1 ? layout->middle[column] : layout->last[column];
}

/* A number of one node at s in [0, 1]: `column` of x, y, radius, alpha as they are in the vector. */
static inline real interpolate(const StrokeLayout *layout, const real *stroke, int column, long node, real s) {
    if (layout->polygon && column < 2) return stroke[corner(layout, column, node)];
    real start = stroke[layout->first[column]], end = stroke[layout->last[column]];
    if (column >= 2 || layout->middle[column] < 0) return start + s * (end - start);
    real middle = start + stroke[layout->middle[column]] * (end - start);
    real first = start + s * (middle - start), second = middle + s * (end - middle); /* de Casteljau */
    return first + s * (second - first);
}

/* Gradient of `interpolate`: adds `grad` to the gradient of the numbers that it read. */
static inline void interpolate_backward(const StrokeLayout *layout, const real *stroke, int column, long node, real s,
                                        real grad, real *grad_stroke) {
    if (layout->polygon && column < 2) {
        grad_stroke[corner(layout, column, node)] += grad;
        return;
    }
    long start = layout->first[column], end = layout->last[column];
    real grad_start = grad * (1 - s), grad_end = grad * s;
    if (column < 2 && layout->middle[column] >= 0) {
        long middle = layout->middle[column];
        real grad_middle = 2 * grad_start * s, relative = stroke[middle];
        grad_stroke[middle] += grad_middle * (stroke[end] - stroke[start]);
        grad_start = grad_start * (1 - s) + grad_middle * (1 - relative);
        grad_end = grad_end * s + grad_middle * relative;
    }
    grad_stroke[start] += grad_start;
    grad_stroke[end] += grad_end;
}

static inline real curve_parameter(const StrokeLayout *layout, long node) {
    return layout->nodes > 1 ? (real)node / (real)(layout->nodes - 1) : 0;
}

/* Radius in pixels of a thickness in [0, 1], see strokes.py; with the canvas's shorter side. */
static inline real pixel_radius(real thickness, real shorter) { return (thickness / 4 + (real)(1.0 / 256)) * shorter; }

/* Nodes (N, M, 4) in pixels and colours (N, C) of strokes [first, end). Returns 0. */
KERNEL int nodes(const real *strokes, real *out, real *colours, StrokeLayout layout, long first, long end) {
    const real shorter = (real)(layout.height < layout.width ? layout.height : layout.width);
    const real low = (real)layout.low, range = (real)(layout.high - layout.low);
    for (long k = first; k < end; k++) {
        const real *stroke = strokes + k * layout.numbers;
        for (long c = 0; c < layout.colours; c++)
            colours[k * layout.colours + c] = stroke[layout.numbers - layout.colours + c];
        for (long m = 0; m < layout.nodes; m++) {
            real *node = out + 4 * (k * layout.nodes + m), s = curve_parameter(&layout, m);
            node[0] = interpolate(&layout, stroke, 0, m, s) * (real)layout.width;
            node[1] = interpolate(&layout, stroke, 1, m, s) * (real)layout.height;
            node[2] = 0;
            node[3] = clamp(interpolate(&layout, stroke, 3, m, s) * range + low, 0, 1);
            if (layout.polygon) continue;
            real radius = pixel_radius(interpolate(&layout, stroke, 2, m, s), shorter);
            node[2] = max(radius, HALF);
            node[3] *= min(2 * radius, 1); /* thinner than a pixel: a pixel wide, and as much fainter */
        }
    }
    return 0;
}

/* Gradient of `nodes`: of the strokes (N, numbers), which is zero at the start. Returns 0. */
KERNEL int nodes_backward(const real *strokes, const real *grad_nodes, const real *grad_colours, real *grad_strokes,
                          StrokeLayout layout, long first, long end) {
    const real shorter = (real)(layout.height < layout.width ? layout.height : layout.width);
    const real low = (real)layout.low, range = (real)(layout.high - layout.low);
    for (long k = first; k < end; k++) {
        const real *stroke = strokes + k * layout.numbers;
        real *grad = grad_strokes + k * layout.numbers;
        for (long c = 0; c < layout.colours; c++)
            grad[layout.numbers - layout.colours + c] = grad_colours[k * layout.colours + c];
        for (long m = 0; m < layout.nodes; m++) {
            const real *grad_node = grad_nodes + 4 * (k * layout.nodes + m), s = curve_parameter(&layout, m);
            real mapped = interpolate(&layout, stroke, 3, m, s) * range + low, alpha = clamp(mapped, 0, 1);
            real grad_alpha = mapped == alpha ? grad_node[3] : 0; /* beyond [0, 1] it is clipped */
            if (!layout.polygon) {
                real radius = pixel_radius(interpolate(&layout, stroke, 2, m, s), shorter),
                     grad_radius = radius >= HALF ? grad_node[2] : 0;
                if (2 * radius <= 1) grad_radius += 2 * grad_node[3] * alpha, grad_alpha *= 2 * radius;
                interpolate_backward(&layout, stroke, 2, m, s, grad_radius * shorter / 4, grad);
            }
            interpolate_backward(&layout, stroke, 0, m, s, grad_node[0] * (real)layout.width, grad);
            interpolate_backward(&layout, stroke, 1, m, s, grad_node[1] * (real)layout.height, grad);
            interpolate_backward(&layout, stroke, 3, m, s, grad_alpha * range, grad);
        }
    }
    return 0;
}

/* A segment between two nodes. Sweep: a disc at x, y with radius r and alpha, which change by dx, dy, dr and dalpha.
 * Polygon: the edge through x, y with the unit inward normal dx, dy; (px, py) lies px dx + py dy + r inside of it. */
typedef struct {
    real x, y, r, alpha, dx, dy, dr, dalpha;
    real along, across, fixed; /* the nearest point of the axis is at u = q.D along + |q x D| across + fixed;
                                  of an edge, at u = qx along + qy across */
    real lead;                 /* |D|^2 - dr^2 */
    real outer;                /* greatest radius + 1/2 */
    real left, right, top, bottom, slope;
} Segment;

typedef struct {
    int segments;
    real left, right, top, bottom; /* box of all pixels with coverage; empty if right < left */
    Segment *segment;
} Stroke;

static void build_sweep_segments(const real *node, long nodes, Stroke *stroke) {
    int segments = nodes > 1 ? (int)nodes - 1 : 1;
    stroke->segments = segments;
    for (int i = 0; i < segments; i++) {
        const real *a = node + 4 * i, *b = nodes > 1 ? a + 4 : a;
        Segment p = {.x = a[0], .y = a[1], .r = a[2], .alpha = a[3]};
        p.dx = b[0] - a[0], p.dy = b[1] - a[1], p.dr = b[2] - a[2], p.dalpha = b[3] - a[3];
        real length2 = p.dx * p.dx + p.dy * p.dy;
        p.lead = length2 - p.dr * p.dr;
        if (p.lead > (real)1e-6) {
            p.along = 1 / length2;
            p.across = p.dr / square_root(p.lead) / length2;
            p.fixed = 0;
        } else { /* one disc contains the other */
            p.along = p.across = 0;
            p.fixed = p.dr > 0;
        }
        p.outer = max(a[2], b[2]) + HALF;
        p.left = min(a[0], b[0]) - p.outer, p.right = max(a[0], b[0]) + p.outer;
        p.top = min(a[1], b[1]) - p.outer, p.bottom = max(a[1], b[1]) + p.outer;
        p.slope = absolute(p.dy) > (real)1e-3 ? 1 / p.dy : 0;
        stroke->segment[i] = p;
        stroke->left = i ? min(stroke->left, p.left) : p.left;
        stroke->right = i ? max(stroke->right, p.right) : p.right;
        stroke->top = i ? min(stroke->top, p.top) : p.top;
        stroke->bottom = i ? max(stroke->bottom, p.bottom) : p.bottom;
    }
}

static void build_polygon_segments(const real *node, long nodes, Stroke *stroke) {
    real area = 0;
    stroke->left = stroke->top = (real)1e30, stroke->right = stroke->bottom = (real)-1e30;
    for (long i = 0; i < nodes; i++) {
        const real *a = node + 4 * i, *b = node + 4 * ((i + 1) % nodes);
        area += (a[0] - node[0]) * (b[1] - node[1]) - (b[0] - node[0]) * (a[1] - node[1]);
        stroke->left = min(stroke->left, a[0] - HALF), stroke->right = max(stroke->right, a[0] + HALF);
        stroke->top = min(stroke->top, a[1] - HALF), stroke->bottom = max(stroke->bottom, a[1] + HALF);
    }
    stroke->segments = (int)nodes;
    if (absolute(area) < (real)1e-6) stroke->right = stroke->left - 1; /* no area, no pixels */
    real turn = area > 0 ? 1 : -1;
    for (long i = 0; i < nodes; i++) {
        const real *a = node + 4 * i, *b = node + 4 * ((i + 1) % nodes);
        real dx = b[0] - a[0], dy = b[1] - a[1], length = square_root(dx * dx + dy * dy);
        Segment p = {.x = a[0], .y = a[1], .alpha = node[3]};
        if (length > (real)1e-6) {
            p.dx = -turn * dy / length, p.dy = turn * dx / length;
            p.r = -(p.dx * a[0] + p.dy * a[1]);
            p.along = dx / (length * length), p.across = dy / (length * length);
        } else {
            p.r = 4; /* a repeated corner: no edge, everything is inside it */
        }
        stroke->segment[i] = p;
    }
}

enum { SIDE = 4, BLOCK_PIXELS = SIDE * SIDE };
typedef real Block[BLOCK_PIXELS]; /* a number for each pixel of a block, row by row */

/* A loop over the pixels of a block, as vector instructions; the second form reduces into `total`. */
#define PRAGMA(text) _Pragma(#text)
#define EACH_PIXEL _Pragma("omp simd") for (int l = 0; l < BLOCK_PIXELS; l++)
#define EACH_PIXEL_INTO(operator, total) PRAGMA(omp simd reduction(operator : total)) for (int l = 0; l < BLOCK_PIXELS; l++)

static inline real sum(const real *pixels) {
    real total = 0;
    EACH_PIXEL_INTO(+, total) total += pixels[l];
    return total;
}

/* The blocks [first, end) of a band that one segment can touch. */
typedef struct {
    int segment;
    long first, end;
    real *depth; /* by block: how deep in the segment its centre is */
} SegmentExtent;

/* The blocks [first, end) of a band that a stroke can touch, and the segments that do. */
typedef struct {
    SegmentExtent *extents;
    int count;
    long first, end;
} BlockRange;

/* Coverage of one stroke at the pixels of one block. */
typedef struct {
    unsigned covering_bits, nearest_bits; /* bit i % 32: segment i covers, or is nearest to a pixel of the soft rim */
    Block alpha;                          /* coverage times opacity */
    Block inside;                         /* sweep: distance to the outline, positive inside; polygon: coverage */
    Block opacity;                        /* sweep: alpha of the covering segment */
    Block nearest_segment, nearest_u;     /* segment, and u on it, whose disc comes nearest */
    Block covering_segment, covering_u;   /* last segment that covers the pixel, or -1, and u where its disc leaves it */
} BlockCoverage;

static inline unsigned segment_bit(int segment) { return 1u << (segment & 31); }

/* Circumradius of a block's pixel centres (1.5 root 2) and half a pixel of soft rim: a block whose centre is deeper
 * inside is covered wholly, one whose centre is farther outside not at all. */
#define BLOCK_RADIUS ((real)2.63)

/* Distance of (x, y) to the outline of a segment of a sweep, positive inside; the disc at u comes nearest. */
static inline real depth_at(const Segment *p, real x, real y, real *nearest) {
    real qx = x - p->x, qy = y - p->y;
    real u = (qx * p->dx + qy * p->dy) * p->along + absolute(qx * p->dy - qy * p->dx) * p->across + p->fixed;
    *nearest = u = clamp(u, 0, 1);
    real vx = qx - u * p->dx, vy = qy - u * p->dy;
    return p->r + u * p->dr - square_root(vx * vx + vy * vy);
}

/* Blocks of the band with first row `top` that a segment of a sweep can touch; false if there are none. */
static inline int segment_extent(const Segment *p, real top, long width, SegmentExtent *extent) {
    real high = top + HALF - p->outer, low = top + (SIDE - HALF) + p->outer; /* where its axis can be */
    if (top + (SIDE - HALF) < p->top || top + HALF > p->bottom) return 0;
    real left = p->left, right = p->right;
    if (p->slope != 0) {
        real u0 = clamp((high - p->y) * p->slope, 0, 1), u1 = clamp((low - p->y) * p->slope, 0, 1);
        real x0 = p->x + u0 * p->dx, x1 = p->x + u1 * p->dx;
        left = min(x0, x1) - p->outer, right = max(x0, x1) + p->outer;
    }
    if (right < HALF || left > (real)width - HALF) return 0;
    extent->first = (long)max(left - HALF, 0) / SIDE;
    extent->end = (long)min(right - HALF, (real)(width - 1)) / SIDE + 1;
    return 1;
}

KERNEL static void sweep_blocks(const Stroke *stroke, real top, long width, BlockRange *range) {
    for (int i = 0; i < stroke->segments; i++) {
        SegmentExtent *extent = &range->extents[range->count];
        const Segment p = stroke->segment[i];
        if (!segment_extent(&p, top, width, extent)) continue;
        extent->segment = i;
        range->first = !range->count || extent->first < range->first ? extent->first : range->first;
        range->end = !range->count || extent->end > range->end ? extent->end : range->end;
        range->count++;
        for (long block = extent->first; block < extent->end; block += BLOCK_PIXELS) {
            real *depth = extent->depth + block, u;
            EACH_PIXEL depth[l] = depth_at(&p, (real)((block + l) * SIDE) + 2, top + 2, &u);
        }
    }
}

static void polygon_blocks(const Stroke *stroke, real top, long width, BlockRange *range) {
    real left = max(stroke->left, 0), right = min(stroke->right, (real)width);
    for (int i = 0; i < stroke->segments; i++) { /* inside of an edge: x dx > -1/2 - r - y dy, for one of the rows */
        const Segment *p = &stroke->segment[i];
        real bound = -HALF - p->r - max((top + HALF) * p->dy, (top + SIDE - HALF) * p->dy);
        if (p->dx > (real)1e-6) left = max(left, bound / p->dx - 1);
        if (p->dx < (real)-1e-6) right = min(right, bound / p->dx + 1);
    }
    if (!(left <= right)) return;
    range->first = (long)max(left - HALF, 0) / SIDE;
    range->end = (long)clamp(right - HALF, 0, (real)(width - 1)) / SIDE + 1;
}

/* The blocks that a stroke touches in the band whose first row is `top`; false if there are none. */
static int find_blocks(const Stroke *stroke, const Shape *shape, real top, BlockRange *range) {
    range->count = 0, range->first = range->end = 0;
    if (top + (SIDE - HALF) < stroke->top || top + HALF > stroke->bottom) return 0;
    if (stroke->right < 0 || stroke->left > (real)shape->width || stroke->right < stroke->left) return 0;
    (shape->polygon ? polygon_blocks : sweep_blocks)(stroke, top, shape->width, range);
    return range->first < range->end;
}

static inline void pixel_centres(long block, real top, real *x, real *y) {
    EACH_PIXEL x[l] = (real)(block * SIDE) + ((real)(l % SIDE) + HALF), y[l] = top + ((real)(l / SIDE) + HALF);
}

/* Coverage of a sweep at a block; `record` adds what only gradients need. */
INLINE void rasterize_sweep(const Stroke *stroke, const BlockRange *range, long block, real top, BlockCoverage *cover,
                            const int record) {
    Block x, y, inside, nearest_segment, nearest_u, covering_segment;
    pixel_centres(block, top, x, y);
    EACH_PIXEL inside[l] = -1, covering_segment[l] = -1;
    if (record) EACH_PIXEL nearest_segment[l] = nearest_u[l] = 0;
    int touched = 0;
    /* from the last: a segment that covers the whole block hides all before it */
    for (int j = range->count - 1; j >= 0; j--) {
        const SegmentExtent *extent = &range->extents[j];
        if (block < extent->first || block >= extent->end || extent->depth[block] < -BLOCK_RADIUS) continue;
        touched = 1;
        const real index = (real)extent->segment;
        if (extent->depth[block] > BLOCK_RADIUS) {
            EACH_PIXEL inside[l] = 1, covering_segment[l] = covering_segment[l] < 0 ? index : covering_segment[l];
            break;
        }
        const Segment p = stroke->segment[extent->segment];
        EACH_PIXEL {
            real u, depth = depth_at(&p, x[l], y[l], &u);
            if (record)
                nearest_segment[l] = depth >= inside[l] ? index : nearest_segment[l],
                nearest_u[l] = depth >= inside[l] ? u : nearest_u[l];
            inside[l] = max(depth, inside[l]);
            covering_segment[l] = (covering_segment[l] < 0) & (depth > -HALF) ? index : covering_segment[l];
        }
    }
    unsigned covering_bits = 0, nearest_bits = 0;
    cover->covering_bits = cover->nearest_bits = 0;
    if (!touched) return;
    EACH_PIXEL_INTO(|, covering_bits) covering_bits |= covering_segment[l] >= 0 ? 1u << ((int)covering_segment[l] & 31) : 0;
    if (!covering_bits) return;
    if (record) EACH_PIXEL_INTO(|, nearest_bits)
            nearest_bits |= (inside[l] > -HALF) & (inside[l] < HALF) ? 1u << ((int)nearest_segment[l] & 31) : 0;
    cover->covering_bits = covering_bits, cover->nearest_bits = nearest_bits;
    Block opacity, covering_u;
    EACH_PIXEL opacity[l] = covering_u[l] = 0;
    for (int j = 0; j < range->count; j++) {
        const SegmentExtent *extent = &range->extents[j];
        if (!(covering_bits & segment_bit(extent->segment))) continue;
        const Segment p = stroke->segment[extent->segment];
        const real index = (real)extent->segment;
        if (p.dalpha == 0 && !record) {
            EACH_PIXEL opacity[l] = covering_segment[l] == index ? p.alpha : opacity[l];
            continue;
        }
        const real r = p.r + HALF, end_r = r + p.dr, lead = 1 / (p.lead > TINY ? p.lead : TINY);
        EACH_PIXEL { /* the greatest u with |q - uD| = r + u dr */
            real qx = x[l] - p.x, qy = y[l] - p.y, ex = qx - p.dx, ey = qy - p.dy;
            real b = qx * p.dx + qy * p.dy + r * p.dr, c = qx * qx + qy * qy - r * r;
            real s = square_root(max(b * b - p.lead * c, 0));
            real u = b > 0 ? (b + s) * lead : c / (b - s - TINY);
            u = ex * ex + ey * ey <= end_r * end_r ? 1 : clamp(u, 0, 1);
            if (record) covering_u[l] = covering_segment[l] == index ? u : covering_u[l];
            opacity[l] = covering_segment[l] == index ? p.alpha + u * p.dalpha : opacity[l];
        }
    }
    EACH_PIXEL cover->alpha[l] = clamp(inside[l] + HALF, 0, 1) * opacity[l];
    if (!record) return;
    EACH_PIXEL cover->inside[l] = inside[l], cover->opacity[l] = opacity[l];
    EACH_PIXEL cover->nearest_segment[l] = nearest_segment[l], cover->nearest_u[l] = nearest_u[l],
        cover->covering_segment[l] = covering_segment[l], cover->covering_u[l] = covering_u[l];
}

INLINE void rasterize_polygon(const Stroke *stroke, long block, real top, BlockCoverage *cover) {
    real deepest = (real)1e30, centre = (real)(block * SIDE) + 2;
    for (int i = 0; i < stroke->segments; i++) {
        const Segment *p = &stroke->segment[i];
        deepest = min(deepest, centre * p->dx + (top + 2) * p->dy + p->r);
    }
    cover->covering_bits = deepest > -BLOCK_RADIUS, cover->nearest_bits = deepest < BLOCK_RADIUS;
    if (!cover->covering_bits) return;
    Block x, y, inside;
    EACH_PIXEL inside[l] = 1;
    if (cover->nearest_bits) {
        pixel_centres(block, top, x, y);
        for (int i = 0; i < stroke->segments; i++) {
            const Segment p = stroke->segment[i];
            EACH_PIXEL inside[l] += clamp(x[l] * p.dx + y[l] * p.dy + (p.r - HALF), -1, 0);
        }
    }
    const real opacity = stroke->segment[0].alpha;
    EACH_PIXEL inside[l] = max(inside[l], 0), cover->inside[l] = inside[l], cover->alpha[l] = inside[l] * opacity;
}

INLINE void rasterize_block(const Shape *shape, const Stroke *stroke, const BlockRange *range, long block, real top,
                            BlockCoverage *cover, const int record) {
    if (shape->polygon)
        rasterize_polygon(stroke, block, top, cover);
    else
        rasterize_sweep(stroke, range, block, top, cover, record);
}

static long block_count(const Shape *shape) { return (shape->width + SIDE - 1) / SIDE; }

/* Bands of a picture of so many rows. */
long band_count(long height) { return (height + SIDE - 1) / SIDE; }

/* A band of a picture (C, H, W) into `pixels` (C, blocks), or, with `back`, from there. What is beyond the picture
 * stays as it is. */
INLINE void copy_band(const Shape *shape, real *picture, long band, Block *pixels, const int back) {
    const long blocks = block_count(shape), whole = shape->width / SIDE, rest = shape->width % SIDE;
    const long top = band * SIDE, rows = shape->height - top < SIDE ? shape->height - top : SIDE;
    for (long c = 0; c < shape->channels; c++)
        for (long y = 0; y < rows; y++) {
            real *row = picture + (c * shape->height + top + y) * shape->width;
            real *pixel = pixels[c * blocks] + y * SIDE;
            for (long block = 0; block < whole; block++, row += SIDE, pixel += BLOCK_PIXELS)
                memcpy(back ? row : pixel, back ? pixel : row, sizeof(real) * SIDE);
            for (long x = 0; x < rest; x++) *(back ? row + x : pixel + x) = *(back ? pixel + x : row + x);
        }
}

static void read_band(const Shape *shape, const real *picture, long band, Block *pixels) {
    copy_band(shape, (real *)picture, band, pixels, 0);
}

static void write_band(const Shape *shape, Block *pixels, long band, real *picture) {
    copy_band(shape, picture, band, pixels, 1);
}

/* Working memory of one thread: the segments of one image's strokes, and bands of pixels. */
typedef struct {
    long image; /* whose segments are built; -1: none yet */
    Stroke *strokes;
    Segment *segments;
    SegmentExtent *extents;
    real *depths;
    Block *bands;
} Workspace;

static int open_workspace(const Shape *shape, long bands, Workspace *workspace) {
    workspace->image = -1;
    workspace->strokes = malloc(sizeof(Stroke) * (size_t)shape->strokes);
    workspace->segments = malloc(sizeof(Segment) * (size_t)(shape->strokes * shape->nodes));
    workspace->extents = malloc(sizeof(SegmentExtent) * (size_t)shape->nodes);
    long stride = block_count(shape) + BLOCK_PIXELS;
    workspace->depths = malloc(sizeof(real) * (size_t)(shape->nodes * stride));
    workspace->bands = calloc((size_t)(block_count(shape) * bands), sizeof(Block));
    if (!workspace->strokes || !workspace->segments || !workspace->extents || !workspace->depths || !workspace->bands)
        return 0;
    for (long i = 0; i < shape->nodes; i++) workspace->extents[i].depth = workspace->depths + i * stride;
    for (long k = 0; k < shape->strokes; k++) workspace->strokes[k].segment = workspace->segments + k * shape->nodes;
    return 1;
}

static void close_workspace(Workspace *workspace) {
    free(workspace->strokes), free(workspace->segments), free(workspace->extents);
    free(workspace->depths), free(workspace->bands);
}

static void build_segments(const Shape *shape, const real *nodes, long image, Workspace *workspace) {
    if (workspace->image == image) return;
    workspace->image = image;
    const real *node = nodes + 4 * shape->nodes * shape->strokes * image;
    for (long k = 0; k < shape->strokes; k++, node += 4 * shape->nodes)
        (shape->polygon ? build_polygon_segments : build_sweep_segments)(node, shape->nodes, &workspace->strokes[k]);
}

/* Paint bands [first, end) of the images laid under each other. Returns 0, or 1 if out of memory. */
KERNEL int paint(const real *canvas, const real *nodes, const real *colours, real *out, Shape shape, long first, long end) {
    Workspace workspace;
    if (!shape.width) return 0;
    if (!open_workspace(&shape, shape.channels, &workspace)) return close_workspace(&workspace), 1;
    long channels = shape.channels, picture = channels * shape.height * shape.width, blocks = block_count(&shape);
    BlockRange range = {.extents = workspace.extents};
    BlockCoverage cover;
    for (long i = first; i < end; i++) {
        long image = i / band_count(shape.height), band = i % band_count(shape.height);
        real top = (real)(band * SIDE);
        build_segments(&shape, nodes, image, &workspace);
        read_band(&shape, canvas + image * picture, band, workspace.bands);
        for (long k = 0; k < shape.strokes; k++) {
            const Stroke *stroke = &workspace.strokes[k];
            if (!find_blocks(stroke, &shape, top, &range)) continue;
            const real *colour = colours + (image * shape.strokes + k) * channels;
            for (long block = range.first; block < range.end; block++) {
                rasterize_block(&shape, stroke, &range, block, top, &cover, 0);
                if (!cover.covering_bits) continue;
                for (long c = 0; c < channels; c++) {
                    real *pixel = workspace.bands[c * blocks + block], paint_colour = colour[c];
                    EACH_PIXEL pixel[l] += cover.alpha[l] * (paint_colour - pixel[l]);
                }
            }
        }
        write_band(&shape, workspace.bands, band, out + image * picture);
    }
    close_workspace(&workspace);
    return 0;
}

/* Adds to the nodes of one stroke the gradient of a band, given `slope`, the gradient of the alphas, by block. */
KERNEL static void sweep_backward(const Stroke *stroke, long nodes, real top, const BlockRange *range,
                                  const BlockCoverage *cover, Block *slope, real *grad_nodes) {
    for (int j = 0; j < range->count; j++) {
        const int i = range->extents[j].segment;
        const Segment p = stroke->segment[i];
        const real index = (real)i, r = p.r + HALF;
        const real scale = p.dx * p.dx + p.dy * p.dy + p.dr * p.dr, soft = (real)1e-8 * scale * scale + TINY;
        Block a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0};
        for (long block = range->extents[j].first; block < range->extents[j].end; block++) {
            const BlockCoverage *at = &cover[block - range->first];
            const real *grad = slope[block];
            int is_nearest = (at->nearest_bits & segment_bit(i)) != 0,
                is_covering = (at->covering_bits & segment_bit(i)) != 0;
            if (!is_nearest && !is_covering) continue;
            Block x, y;
            pixel_centres(block, top, x, y);
            if (is_nearest) EACH_PIXEL { /* a pixel's coverage follows its distance to the outline */
                    int on_rim = at->nearest_segment[l] == index && at->inside[l] > -HALF && at->inside[l] < HALF;
                    real u = at->nearest_u[l], vx = x[l] - p.x - u * p.dx, vy = y[l] - p.y - u * p.dy;
                    real d = square_root(vx * vx + vy * vy), g = on_rim ? grad[l] * at->opacity[l] : 0,
                         n = d > TINY ? g / d : 0;
                    a0[l] += n * vx * (1 - u), a1[l] += n * vy * (1 - u), a2[l] += g * (1 - u);
                    b0[l] += n * vx * u, b1[l] += n * vy * u, b2[l] += g * u;
                }
            if (is_covering) EACH_PIXEL { /* the alpha at u, and how u moves: (r + u dr) d(r + u dr) + v.dX over s */
                    real g = at->covering_segment[l] == index ? grad[l] * clamp(at->inside[l] + HALF, 0, 1) : 0,
                         u = at->covering_u[l];
                    a3[l] += g * (1 - u), b3[l] += g * u;
                    real qx = x[l] - p.x, qy = y[l] - p.y, vx = qx - u * p.dx, vy = qy - u * p.dy, radius = r + u * p.dr;
                    real bb = qx * p.dx + qy * p.dy + r * p.dr, s2 = max(bb * bb - p.lead * (qx * qx + qy * qy - r * r), 0);
                    real motion = u > 0 && u < 1 ? g * p.dalpha * square_root(s2 / (s2 * s2 + soft)) : 0;
                    a0[l] += motion * vx * (1 - u), a1[l] += motion * vy * (1 - u), a2[l] += motion * radius * (1 - u);
                    b0[l] += motion * vx * u, b1[l] += motion * vy * u, b2[l] += motion * radius * u;
                }
        }
        real *a = grad_nodes + 4 * i, *b = nodes > 1 ? a + 4 : a;
        a[0] += sum(a0), a[1] += sum(a1), a[2] += sum(a2), a[3] += sum(a3);
        b[0] += sum(b0), b[1] += sum(b1), b[2] += sum(b2), b[3] += sum(b3);
    }
}

KERNEL static void polygon_backward(const Stroke *stroke, long nodes, real top, const BlockRange *range,
                                    const BlockCoverage *cover, Block *slope, real *grad_nodes) {
    const real opacity = stroke->segment[0].alpha;
    Block grad_alpha = {0};
    for (long block = range->first; block < range->end; block++)
        if (cover[block - range->first].covering_bits) EACH_PIXEL
                grad_alpha[l] += slope[block][l] * cover[block - range->first].inside[l];
    grad_nodes[3] += sum(grad_alpha);
    for (int i = 0; i < stroke->segments; i++) {
        const Segment p = stroke->segment[i];
        Block x, y, towards_a = {0}, towards_b = {0};
        for (long block = range->first; block < range->end; block++) { /* the soft rim of this edge */
            const real *inside = cover[block - range->first].inside, *grad = slope[block];
            if (!(cover[block - range->first].covering_bits && cover[block - range->first].nearest_bits)) continue;
            pixel_centres(block, top, x, y);
            EACH_PIXEL {
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

/* Coverage by the strokes of one image in one band, in their order. */
typedef struct {
    BlockRange *ranges; /* (K,); their extents lie in `extents` (K, M) */
    long *start;        /* (K,), index of each range's first block in the two below */
    SegmentExtent *extents;
    BlockCoverage *coverage; /* one for each block of a range */
    Block *before;           /* the canvas before the stroke, (C,) for each block */
    long size, used;
} Tape;

static int open_tape(const Shape *shape, const Workspace *workspace, Tape *tape) {
    *tape = (Tape){.ranges = malloc(sizeof(BlockRange) * (size_t)shape->strokes),
                   .start = malloc(sizeof(long) * (size_t)shape->strokes),
                   .extents = malloc(sizeof(SegmentExtent) * (size_t)(shape->strokes * shape->nodes))};
    if (!tape->ranges || !tape->start || !tape->extents) return 0;
    for (long k = 0; k < shape->strokes; k++) {
        tape->ranges[k].extents = tape->extents + k * shape->nodes;
        for (long i = 0; i < shape->nodes; i++) tape->ranges[k].extents[i].depth = workspace->extents[i].depth;
    }
    return 1;
}

static void close_tape(Tape *tape) {
    free(tape->ranges), free(tape->start), free(tape->extents), free(tape->coverage), free(tape->before);
}

/* Room for more blocks at the end. Returns 0 if out of memory. */
static int grow_tape(Tape *tape, long blocks, long channels) {
    if (tape->used + blocks <= tape->size) return 1;
    long size = 2 * (tape->used + blocks);
    BlockCoverage *cover = realloc(tape->coverage, sizeof(BlockCoverage) * (size_t)size);
    if (cover) tape->coverage = cover;
    Block *before = realloc(tape->before, sizeof(Block) * (size_t)(size * channels));
    if (before) tape->before = before;
    if (!cover || !before) return 0;
    tape->size = size;
    return 1;
}

typedef struct {
    const real *colours;             /* of this image, (K, C) */
    real *grad_nodes, *grad_colours; /* added to, (K, M, 4) and (K, C) */
} Grads;

/* Paint a band again and record the coverage of each stroke. `pixels` (C, blocks) holds the canvas. Returns 0 if out of
 * memory. */
static int repaint_band(const Shape *shape, const Stroke *strokes, real top, const real *colours, Block *pixels,
                        Tape *tape) {
    long channels = shape->channels, blocks = block_count(shape);
    tape->used = 0;
    for (long k = 0; k < shape->strokes; k++) {
        BlockRange *range = &tape->ranges[k];
        if (!find_blocks(&strokes[k], shape, top, range)) continue;
        if (!grow_tape(tape, range->end - range->first, channels)) return 0;
        tape->start[k] = tape->used;
        for (long block = range->first; block < range->end; block++) {
            BlockCoverage *cover = &tape->coverage[tape->used];
            Block *before = &tape->before[channels * tape->used++];
            rasterize_block(shape, &strokes[k], range, block, top, cover, 1);
            if (!cover->covering_bits) continue;
            for (long c = 0; c < channels; c++) {
                real *pixel = pixels[c * blocks + block], colour = colours[k * channels + c];
                EACH_PIXEL before[c][l] = pixel[l], pixel[l] += cover->alpha[l] * (colour - pixel[l]);
            }
        }
    }
    return 1;
}

/* Go back through the strokes of a band. `grads` (C, blocks) holds the gradient after the last stroke, then before the
 * first; `slope` (blocks,) is working memory. */
static void paint_band_backward(const Shape *shape, const Stroke *strokes, real top, const Tape *tape, Block *grads,
                                Block *slope, const Grads *out) {
    long channels = shape->channels, blocks = block_count(shape);
    for (long k = shape->strokes - 1; k >= 0; k--) {
        const BlockRange *range = &tape->ranges[k];
        if (range->first == range->end) continue;
        const BlockCoverage *cover = &tape->coverage[tape->start[k]];
        const Block *before = &tape->before[channels * tape->start[k]];
        for (long block = range->first; block < range->end; block++) EACH_PIXEL slope[block][l] = 0;
        for (long c = 0; c < channels; c++) {
            real colour = out->colours[k * channels + c];
            Block grad_colour = {0};
            for (long block = range->first; block < range->end; block++) {
                long i = block - range->first;
                if (!cover[i].covering_bits) continue;
                real *grad = grads[c * blocks + block];
                const real *alpha = cover[i].alpha, *pixel = before[i * channels + c];
                EACH_PIXEL {
                    slope[block][l] += grad[l] * (colour - pixel[l]);
                    grad_colour[l] += grad[l] * alpha[l];
                    grad[l] -= grad[l] * alpha[l];
                }
            }
            out->grad_colours[k * channels + c] += sum(grad_colour);
        }
        (shape->polygon ? polygon_backward : sweep_backward)(&strokes[k], shape->nodes, top, range, cover, slope,
                                                             out->grad_nodes + 4 * shape->nodes * k);
    }
}

/* Gradient of paint. The bands of each image are cut into `groups`; a group adds up the gradients of nodes and colours
 * in its own memory, grad_nodes (B, groups, K, M, 4) and grad_colours (B, groups, K, C), both zero at the start, so
 * that the sums do not depend on how groups are spread over threads. grad_canvas may be null. Returns as paint does. */
KERNEL int paint_backward(const real *canvas, const real *nodes, const real *colours, const real *grad_out,
                          real *grad_canvas, real *grad_nodes, real *grad_colours, Shape shape, long groups,
                          long first_group, long end_group) {
    if (!shape.width) return 0;
    long channels = shape.channels, blocks = block_count(&shape), picture = channels * shape.height * shape.width;
    Workspace workspace;
    Tape tape = {0};
    int ok = open_workspace(&shape, 2 * channels + 1, &workspace) && open_tape(&shape, &workspace, &tape);
    Block *pixels = workspace.bands, *grads = pixels + channels * blocks, *slope = grads + channels * blocks;
    for (long group = first_group; ok && group < end_group; group++) {
        long image = group / groups, first = band_count(shape.height) * (group % groups) / groups;
        long end = band_count(shape.height) * (group % groups + 1) / groups;
        Grads out = {.colours = colours + image * shape.strokes * channels,
                     .grad_nodes = grad_nodes + group * shape.strokes * shape.nodes * 4,
                     .grad_colours = grad_colours + group * shape.strokes * channels};
        build_segments(&shape, nodes, image, &workspace);
        for (long band = first; ok && band < end; band++) {
            real top = (real)(band * SIDE);
            memset(grads, 0, sizeof(Block) * (size_t)(channels * blocks)); /* pixels beyond the picture count for nothing */
            read_band(&shape, canvas + image * picture, band, pixels);
            read_band(&shape, grad_out + image * picture, band, grads);
            ok = repaint_band(&shape, workspace.strokes, top, out.colours, pixels, &tape);
            if (!ok) break;
            paint_band_backward(&shape, workspace.strokes, top, &tape, grads, slope, &out);
            if (grad_canvas) write_band(&shape, grads, band, grad_canvas + image * picture);
        }
    }
    close_tape(&tape), close_workspace(&workspace);
    return !ok;
}
