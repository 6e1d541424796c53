#include "api/near.h"

#include "api/json_put.h"
#include "api/kind_put.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1 << 16, FILL_ENCODE_MAX = 64, FILL_EVERY_S = 5, TEXT_BYTES = 8 << 20 };

/* A kind's vector. */
struct near_row {
    uint64_t id;
    float scale;
};

struct near {
    struct near_row *row; /* [NEAR_MAX] */
    int8_t *step;         /* [NEAR_MAX][dim] */
    uint32_t *slot;       /* [SLOTS] row + 1 by id */
    uint32_t n, filled_s, dim;
    uint64_t version;
};

struct near *near_open(void) {
    struct near *n = must_calloc(1, sizeof *n);
    n->row = must_calloc(NEAR_MAX, sizeof *n->row);
    n->slot = must_calloc(SLOTS, sizeof *n->slot);
    return n;
}

void near_close(struct near *n) {
    if (!n) return;
    free(n->row);
    free(n->step);
    free(n->slot);
    free(n);
}

/* ---- filling ---- */

static uint32_t *near_slot(struct near *n, uint64_t id) {
    uint32_t at = (uint32_t)(id >> 16) % SLOTS;
    while (n->slot[at] && n->row[n->slot[at] - 1].id != id) at = (at + 1) % SLOTS;
    return &n->slot[at];
}

/* Kinds that have no vector yet, out of the table's locks. */
struct near_wanted {
    struct near *near;
    struct buf text;
    uint32_t n, at[NEAR_MAX];
    uint16_t len[NEAR_MAX];
    uint64_t id[NEAR_MAX];
};

static void want_vector(void *self, struct kind_view *v) {
    struct near_wanted *w = self;
    if (*near_slot(w->near, v->id) || w->near->n + w->n >= NEAR_MAX || w->text.failed) return;
    w->at[w->n] = (uint32_t)w->text.n;
    w->len[w->n] = (uint16_t)v->text.n;
    w->id[w->n++] = v->id;
    buf_put(&w->text, v->text.p, v->text.n);
}

static void near_forget(struct near *n, uint64_t version, unsigned dim) {
    if (n->dim != dim) {
        free(n->step);
        n->step = must_calloc(NEAR_MAX, dim);
        n->dim = dim;
    }
    memset(n->slot, 0, SLOTS * sizeof *n->slot);
    n->n = n->filled_s = 0;
    n->version = version;
}

/* Vectors that are kept come all at once, a few others are encoded each time. */
static void near_fill(struct near *n, struct book *b, struct trial *t) {
    if (!n->step || n->version != trial_version(t) || n->n >= NEAR_MAX) near_forget(n, trial_version(t), trial_dim(t));
    if (n->filled_s && kinds_now(b->kinds) - n->filled_s < FILL_EVERY_S) return;
    struct near_wanted *w = calloc(1, sizeof *w);
    unsigned encoded = 0;
    if (!w) return;
    w->near = n;
    buf_init(&w->text, TEXT_BYTES);
    kinds_each(b->kinds, want_vector, w);
    for (uint32_t i = 0; i < w->n && !w->text.failed; i++) {
        struct span text = span_sub(buf_span(&w->text), w->at[i], (size_t)w->at[i] + w->len[i]);
        struct near_row *r = &n->row[n->n];
        int8_t *step = n->step + (size_t)n->n * n->dim;
        bool kept = trial_vector(t, text, false, step, &r->scale);
        if (!kept && (encoded >= FILL_ENCODE_MAX || !trial_vector(t, text, true, step, &r->scale))) continue;
        encoded += !kept;
        r->id = w->id[i];
        *near_slot(n, r->id) = ++n->n;
    }
    n->filled_s = kinds_now(b->kinds);
    buf_release(&w->text);
    free(w);
}

/* ---- finding ---- */

static double near_cosine(const int8_t *a, const int8_t *b, unsigned dim) {
    int32_t sum = 0;
    for (unsigned i = 0; i < dim; i++) sum += a[i] * b[i];
    return sum;
}

static void near_take(struct near_hit *hit, unsigned *n, unsigned max, struct near_hit h) {
    unsigned at = *n < max ? (*n)++ : max;
    if (at == max && (at = max - 1, hit[at].similarity >= h.similarity)) return;
    for (; at > 0 && hit[at - 1].similarity < h.similarity; at--) hit[at] = hit[at - 1];
    hit[at] = h;
}

unsigned near_find(struct near *n, struct book *b, struct trial *t, const struct near_to *to, struct near_hit *hit) {
    int8_t step[TRIAL_DIM_MAX];
    float scale;
    unsigned found = 0;
    if (!t || trial_dim(t) == 0) return 0;
    near_fill(n, b, t);
    if (!trial_vector(t, to->template, true, step, &scale)) return 0;
    for (uint32_t i = 0; i < n->n; i++) {
        double s =
            near_cosine(step, n->step + (size_t)i * n->dim, trial_dim(t)) * (double)scale * (double)n->row[i].scale;
        if (n->row[i].id != to->id && s >= to->min) near_take(hit, &found, to->max, (struct near_hit){n->row[i].id, s});
    }
    return found;
}

unsigned near_alike(struct api *a, const struct kind_view *v, struct trial *t, struct near_hit *hit) {
    struct near_to to = {v->id, v->text, NEAR_ALIKE, NEAR_HITS_MAX};
    unsigned n = near_find(a->near, a->book, t, &to, hit), same = 0;
    char text[KINDS_TEXT_MAX];
    for (unsigned i = 0; i < n; i++) {
        struct kind_view other;
        if (!kinds_find(a->book->kinds, hit[i].id, &other, text) || other.best != v->best || other.stage != v->stage)
            continue;
        hit[same++] = hit[i];
    }
    return same;
}

void near_put(struct buf *out, struct api *a, const struct words *w, const struct kind_view *v, struct trial *t,
              unsigned max) {
    struct near_hit hit[32];
    struct near_to to = {v->id, v->text, 0, sizeof hit / sizeof hit[0]};
    unsigned n = near_find(a->near, a->book, t, &to, hit), put = 0;
    char text[KINDS_TEXT_MAX];
    for (unsigned i = 0; i < n && put < max; i++) {
        struct kind_view other;
        if (!kinds_find(a->book->kinds, hit[i].id, &other, text)) continue;
        struct kind_decision d = kind_decide(a->book->kinds, w, &other);
        if (d.property & KINDS_UNDECIDED) continue;
        buf_puts(out, put++ ? ",{\"id\":" : "{\"id\":");
        kind_put_id(out, other.id);
        json_put_member(out, "template", span_sub(other.text, 0, KIND_PUT_TEXT_MAX));
        json_put_member(out, "label_id", span_of(d.label));
        buf_printf(out, ",\"similarity\":%.4f,\"corrected_by\":", hit[i].similarity);
        if (d.word)
            json_put_text(out, d.word->by);
        else
            buf_puts(out, "null");
        buf_putc(out, '}');
    }
}
