#include "encoder/round.h"

#include "base/must.h"
#include "base/parallel_for.h"
#include "kern/pack.h"

#include <math.h>
#include <string.h>

static const float DAMP = 0.01f; /* of the mean square of the inputs, added to each */

enum { LANES = 4 };
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

/* Σ x·xᵀ over the sample for every slice of every matrix, above the diagonal and on it. */
struct round_sight {
    struct forward_watch watch;
    struct model *m;
    float **together; /* [layers * TENSORS_MATRICES]: [slices][n][n] of a slice's n inputs, slice_in² apart */
    float row[MODEL_SLICE];
};

static struct linear *matrix_at(const struct model *m, unsigned i) {
    return tensors_matrix(&m->layer[i / TENSORS_MATRICES], i % TENSORS_MATRICES);
}

static size_t slice_square(const struct linear *l) {
    return (size_t)l->slice_in * l->slice_in;
}

static void add_row(struct round_sight *s, const struct linear *l, float *together, const float *x) {
    for (unsigned k = 0; k < l->slices; k++, together += slice_square(l)) {
        unsigned n = l->slice[k].in, from = k * l->slice_in;
        for (unsigned i = 0; i < n; i++) s->row[i] = x[from + i] * l->factor[from + i];
        for (unsigned i = 0; i < n; i++) add_times(together + (size_t)i * n + i, s->row + i, s->row[i], n - i);
    }
}

static void round_see(struct forward_watch *w, const struct linear *l, const float *x, size_t rows) {
    struct round_sight *s = (struct round_sight *)w;
    for (unsigned i = 0; i < s->m->shape.layers * TENSORS_MATRICES; i++)
        if (l == matrix_at(s->m, i))
            for (size_t r = 0; r < rows; r++) add_row(s, l, s->together[i], x + r * l->in);
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
    float row[MODEL_SLICE];
    for (unsigned i = n; i-- > 0;) {
        float *a = r + (size_t)i * n, inverse = 1 / a[i];
        memset(row, 0, sizeof row);
        for (unsigned k = i + 1; k < n; k++) add_times(row + k, r + (size_t)k * n + k, -a[k], n - k);
        for (unsigned j = i + 1; j < n; j++) a[j] = row[j] * inverse;
        a[i] = inverse;
    }
}

/* ---- rounding ---- */

struct round_slice {
    const struct kern *kern;
    const float *factor, *upper;
    unsigned n; /* inputs */
};

/* v = w / factor, as packing scales it; returns where the largest is. */
static unsigned scale_weights(const float *w, const float *factor, unsigned n, float *v) {
    unsigned largest = 0;
    for (unsigned i = 0; i < n; i++) {
        v[i] = w[i] / factor[i];
        if (fabsf(v[i]) > fabsf(v[largest])) largest = i;
    }
    return largest;
}

/* One output's weights on a slice. The largest stays as it is, and with it the scale: its group has room for it first.
 */
static void round_output(const struct round_slice *s, float *w) {
    float v[MODEL_SLICE];
    unsigned largest = scale_weights(w, s->factor, s->n, v);
    int most = (int)s->kern->weight_max, kept = v[largest] > 0 ? most : -most;
    int all = s->kern->group_max ? (int)s->kern->group_max : INT16_MAX;
    float top = fabsf(v[largest]), scale = top / (float)most;
    struct pack_room room[2] = {{0, 0}, {0, 0}};
    if (!(top > KERN_SCALE_MIN)) return;
    for (unsigned i = 0; i < s->n; i++) {
        const float *u = s->upper + (size_t)i * s->n;
        if (i % 8 == 0) room[0] = room[1] = (struct pack_room){all, all};
        if (i % 8 == 0 && largest / 8 == i / 8) pack_into_group(&room[pack_group_of(largest)], kept);
        int q = (int)fminf(fmaxf(rintf(v[i] / scale), (float)-most), (float)most);
        q = i == largest ? kept : pack_into_group(&room[pack_group_of(i)], q);
        add_times(v + i + 1, u + i + 1, ((float)q * scale - v[i]) / u[i], s->n - i - 1);
        w[i] = (float)q * scale * s->factor[i];
    }
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
    for (unsigned k = 0; k < l->slices; k++, h += slice_square(l)) {
        unsigned n = l->slice[k].in, from = k * l->slice_in;
        float mean = 0;
        for (unsigned j = 0; j < n; j++) mean += h[(size_t)j * n + j] / (float)n;
        for (unsigned j = 0; j < n; j++) h[(size_t)j * n + j] += DAMP * mean + KERN_SCALE_MIN;
        upper_root(h, n);
        invert_upper(h, n);
        struct round_slice slice = {m->kern, l->factor + from, h, n};
        for (unsigned o = 0; o < l->out; o++) round_output(&slice, w + (size_t)o * l->in + from);
    }
}

void round_weights(struct model *m, const struct sample *sample, const struct tensors_kept *kept) {
    unsigned matrices = m->shape.layers * TENSORS_MATRICES;
    struct round_sight s = {.watch = {round_see}, .m = m, .together = must_calloc(matrices, sizeof *s.together)};
    for (unsigned i = 0; i < matrices; i++)
        s.together[i] = must_calloc(matrix_at(m, i)->slices * slice_square(matrix_at(m, i)), sizeof(float));
    sample_run(sample, SAMPLE_LINES, m, &s.watch);
    parallel_for(matrices, parallel_for_threads(0), round_matrix, &(struct round_job){&s, kept});
    for (unsigned i = 0; i < matrices; i++) free(s.together[i]);
    free(s.together);
}
