#include "encoder/round.h"

#include "base/must.h"
#include "base/parallel_for.h"
#include "kern/pack.h"

#include <math.h>
#include <string.h>

static const float DAMP = 0.01f; /* of the mean square of the inputs, added to each */

enum { LANES = 4, TOGETHER = 4 /* rows of inputs that are added at once */ };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

/* to[n] += a · x[n] */
static void add_times(float *to, const float *x, float a, unsigned n) {
    unsigned i = 0;
    for (; i + LANES <= n; i += LANES) *(lanes *)(to + i) += a * *(const lanes *)(x + i);
    for (; i < n; i++) to[i] += a * x[i];
}

static float dot_of(const float *a, const float *b, unsigned n) {
    lanes sum = {0};
    unsigned i = 0;
    for (; i + LANES <= n; i += LANES) sum += *(const lanes *)(a + i) * *(const lanes *)(b + i);
    float all = sum[0] + sum[1] + sum[2] + sum[3];
    for (; i < n; i++) all += a[i] * b[i];
    return all;
}

/* ---- how inputs move together ---- */

/* Σ x·xᵀ over the sample for every block of every matrix, above the diagonal and on it. A block is as many whole slices
 * as fit in KERN_SLICE_MAX inputs: what one slice loses the next ones make good. */
struct round_sight {
    struct forward_watch watch;
    struct model *m;
    float **together; /* [layers * TENSORS_MATRICES]: [blocks][n][n] of a block's n inputs, block_square apart */
    float row[TOGETHER][KERN_SLICE_MAX];
};

static struct linear *matrix_at(const struct model *m, unsigned i) {
    return tensors_matrix(&m->layer[i / TENSORS_MATRICES], i % TENSORS_MATRICES);
}

static unsigned block_in(const struct linear *l) {
    return KERN_SLICE_MAX / l->slice_in * l->slice_in;
}

static size_t block_square(const struct linear *l) {
    return (size_t)block_in(l) * block_in(l);
}

static size_t blocks_of(const struct linear *l) {
    return (l->in + block_in(l) - 1) / block_in(l);
}

/* Inputs of the block that begins at `from`. */
static unsigned block_width(const struct linear *l, unsigned from) {
    return l->in - from < block_in(l) ? l->in - from : block_in(l);
}

/* to[n) += Σ x[k][i] · x[k][j] over the rows k, j being from i on */
static void add_products(float *to, float x[TOGETHER][KERN_SLICE_MAX], unsigned i, unsigned n) {
    float a[TOGETHER];
    for (unsigned k = 0; k < TOGETHER; k++) a[k] = x[k][i];
    unsigned j = i;
    for (; j + LANES <= n; j += LANES)
        *(lanes *)(to + j) += a[0] * *(const lanes *)(x[0] + j) + a[1] * *(const lanes *)(x[1] + j) +
                              a[2] * *(const lanes *)(x[2] + j) + a[3] * *(const lanes *)(x[3] + j);
    for (; j < n; j++)
        for (unsigned k = 0; k < TOGETHER; k++) to[j] += a[k] * x[k][j];
}

/* Rows x[0, rows), no more than TOGETHER. */
static void add_rows(struct round_sight *s, const struct linear *l, float *together, const float *x, size_t rows) {
    for (unsigned from = 0; from < l->in; from += block_in(l), together += block_square(l)) {
        unsigned n = block_width(l, from);
        memset(s->row, 0, sizeof s->row);
        for (size_t r = 0; r < rows; r++)
            for (unsigned i = 0; i < n; i++) s->row[r][i] = x[r * l->in + from + i] * l->factor[from + i];
        for (unsigned i = 0; i < n; i++) add_products(together + (size_t)i * n, s->row, i, n);
    }
}

static void round_see(struct forward_watch *w, const struct linear *l, const float *x, size_t rows) {
    struct round_sight *s = (struct round_sight *)w;
    for (unsigned i = 0; i < s->m->shape.layers * TENSORS_MATRICES; i++)
        for (size_t r = 0; l == matrix_at(s->m, i) && r < rows; r += TOGETHER)
            add_rows(s, l, s->together[i], x + r * l->in, rows - r < TOGETHER ? rows - r : TOGETHER);
}

/* R, upper, with H = R · Rᵀ, in place of the symmetric H: column by column from the last. */
static void upper_root(float *h, unsigned n) {
    for (unsigned j = n; j-- > 0;) {
        const float *b = h + (size_t)j * n;
        float square = b[j] - dot_of(b + j + 1, b + j + 1, n - j - 1), root = sqrtf(fmaxf(square, 1e-20f));
        for (unsigned i = 0; i < j; i++) {
            float *a = h + (size_t)i * n;
            a[j] = (a[j] - dot_of(a + j + 1, b + j + 1, n - j - 1)) / root;
        }
        h[(size_t)j * n + j] = root;
    }
}

/* The inverse of an upper matrix in its place, row by row from the last. With H = R · Rᵀ it is the U, upper, of
 * inverse(H) = Uᵀ · U. */
static void invert_upper(float *r, unsigned n) {
    float row[KERN_SLICE_MAX];
    for (unsigned i = n; i-- > 0;) {
        float *a = r + (size_t)i * n, inverse = 1 / a[i];
        memset(row, 0, sizeof row);
        for (unsigned k = i + 1; k < n; k++) add_times(row + k, r + (size_t)k * n + k, -a[k], n - k);
        for (unsigned j = i + 1; j < n; j++) a[j] = row[j] * inverse;
        a[i] = inverse;
    }
}

/* ---- rounding ---- */

struct round_block {
    const struct kern *kern;
    const float *factor, *upper;
    unsigned n, slice; /* inputs; of a slice */
};

static unsigned largest_of(const float *v, unsigned from, unsigned end) {
    unsigned largest = from;
    for (unsigned i = from; i < end; i++)
        if (fabsf(v[i]) > fabsf(v[largest])) largest = i;
    return largest;
}

/* The weights v[from, end) of a slice, to w. The largest stays as it is, and with it the scale: its group has room for
 * it first. What is lost moves to the weights behind, up to the block's end. */
static void round_slice(const struct round_block *b, unsigned from, unsigned end, float *v, float *w) {
    unsigned largest = largest_of(v, from, end);
    int most = (int)b->kern->weight_max, kept = v[largest] > 0 ? most : -most;
    int all = b->kern->group_max ? (int)b->kern->group_max : INT16_MAX;
    float top = fabsf(v[largest]), scale = top / (float)most;
    struct pack_room room[2] = {{0, 0}, {0, 0}};
    if (!(top > KERN_SCALE_MIN)) return;
    for (unsigned i = from; i < end; i++) {
        const float *u = b->upper + (size_t)i * b->n;
        if (i % 8 == 0) room[0] = room[1] = (struct pack_room){all, all};
        if (i % 8 == 0 && largest / 8 == i / 8) pack_into_group(&room[pack_group_of(largest)], kept);
        int q = (int)fminf(fmaxf(rintf(v[i] / scale), (float)-most), (float)most);
        q = i == largest ? kept : pack_into_group(&room[pack_group_of(i)], q);
        float is = i == largest ? copysignf(top, v[i]) : (float)q * scale;
        add_times(v + i + 1, u + i + 1, (is - v[i]) / u[i], b->n - i - 1);
        w[i] = is * b->factor[i];
    }
}

/* One output's weights on a block. */
static void round_output(const struct round_block *b, float *w) {
    float v[KERN_SLICE_MAX]; /* as packing scales them */
    for (unsigned i = 0; i < b->n; i++) v[i] = w[i] / b->factor[i];
    for (unsigned from = 0; from < b->n; from += b->slice)
        round_slice(b, from, b->n - from < b->slice ? b->n : from + b->slice, v, w);
}

struct round_job {
    const struct round_sight *sight;
    const struct tensors_kept *kept;
};

static void round_matrix(void *self, size_t i, unsigned thread) {
    (void)thread;
    const struct round_job *job = self;
    const struct model *m = job->sight->m;
    const struct linear *l = matrix_at(m, (unsigned)i);
    float *w = job->kept[i / TENSORS_MATRICES].w[i % TENSORS_MATRICES], *h = job->sight->together[i];
    for (unsigned from = 0; from < l->in; from += block_in(l), h += block_square(l)) {
        unsigned n = block_width(l, from);
        float mean = 0;
        for (unsigned j = 0; j < n; j++) mean += h[(size_t)j * n + j] / (float)n;
        for (unsigned j = 0; j < n; j++) h[(size_t)j * n + j] += DAMP * mean + KERN_SCALE_MIN;
        upper_root(h, n);
        invert_upper(h, n);
        struct round_block block = {m->kern, l->factor + from, h, n, l->slice_in};
        for (unsigned o = 0; o < l->out; o++) round_output(&block, w + (size_t)o * l->in + from);
    }
}

void round_weights(struct model *m, const struct sample *sample, const struct tensors_kept *kept) {
    unsigned matrices = m->shape.layers * TENSORS_MATRICES;
    struct round_sight s = {.watch = {round_see}, .m = m, .together = must_calloc(matrices, sizeof *s.together)};
    for (unsigned i = 0; i < matrices; i++)
        s.together[i] = must_calloc(blocks_of(matrix_at(m, i)) * block_square(matrix_at(m, i)), sizeof(float));
    sample_run(sample, SAMPLE_LINES, m, &s.watch);
    parallel_for(matrices, parallel_for_threads(0), round_matrix, &(struct round_job){&s, kept});
    for (unsigned i = 0; i < matrices; i++) free(s.together[i]);
    free(s.together);
}
