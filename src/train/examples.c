#include "train/examples.h"

#include "base/index.h"
#include "base/must.h"
#include "base/parallel_for.h"
#include "encoder/vector8.h"
#include "text/template.h"
#include "train/vectors.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

enum { EMBED_ROWS = 64 }; /* texts a thread takes at a time */

static size_t write_text(const struct dataset_row *row, unsigned kind, char *out) {
    bool source = kind & EXAMPLES_SOURCE;
    if (!(kind & EXAMPLES_RAW)) return template_write(row->source, row->message, source, out);
    struct span s = span_sub(row->source, 0, TEMPLATE_SOURCE_MAX), m = span_sub(row->message, 0, MASK_INPUT_MAX);
    if (!source || s.n == 0) return (size_t)snprintf(out, TEMPLATE_MAX, "%.*s", (int)m.n, m.p);
    return (size_t)snprintf(out, TEMPLATE_MAX, "%.*s: %.*s", (int)s.n, s.p, (int)m.n, m.p);
}

static bool add_record(struct examples *x, const struct dataset *d, size_t i, unsigned kind, struct index seen[2],
                       struct err *e) {
    char text[TEMPLATE_MAX];
    const struct dataset_row *from = &d->row[i];
    struct span template = {text, write_text(from, kind, text)};
    XXH128_hash_t h = XXH3_128bits(template.p, template.n);
    uint64_t key[4] = {h.low64, h.high64, from->label, from->group};
    bool new_text, new_row;
    uint32_t text_index = index_find(&seen[0], (struct index_key){h.low64, h.high64}, &new_text);
    XXH128_hash_t of_row = XXH3_128bits(key, sizeof key);
    uint32_t row_index = index_find(&seen[1], (struct index_key){of_row.low64, of_row.high64}, &new_row);
    if (new_row) {
        struct dataset_row row = *from;
        row.message = template;
        row.source = SPAN_LIT("");
        if (!dataset_add(&x->rows, &row, d->group[from->group], e)) return false;
        x->text[row_index] = text_index;
    }
    if (new_text) x->texts[x->n_texts++] = x->rows.row[row_index].message;
    x->weight[row_index] += 1;
    x->of_record[i] = row_index;
    return true;
}

bool examples_make(struct examples *x, const struct dataset *d, unsigned text, struct err *e) {
    struct index seen[2]; /* texts; rows */
    size_t n = d->n ? d->n : 1;
    *x = (struct examples){0};
    dataset_init(&x->rows);
    x->rows.has_group = d->has_group;
    x->weight = must_calloc(n, sizeof *x->weight);
    x->text = must_calloc(n, sizeof *x->text);
    x->of_record = must_calloc(n, sizeof *x->of_record);
    x->texts = must_calloc(n, sizeof *x->texts);
    for (unsigned k = 0; k < 2; k++) index_init(&seen[k], n);
    bool ok = true;
    for (size_t i = 0; ok && i < d->n; i++) ok = add_record(x, d, i, text, seen, e);
    for (unsigned k = 0; k < 2; k++) index_release(&seen[k]);
    return ok;
}

void examples_release(struct examples *x) {
    dataset_release(&x->rows);
    free(x->weight), free(x->text), free(x->of_record), free(x->texts), free(x->vector);
    *x = (struct examples){0};
}

struct embedding {
    const struct encoder *enc;
    const struct examples_embed_opts *o;
    struct encoder_scratch *scratch[PARALLEL_FOR_THREADS_MAX];
    struct span *text; /* [n]: to embed */
    float *vector;     /* [n][dim] */
    size_t n;
    atomic_size_t done;
};

static void embed_piece(void *self, size_t piece, unsigned thread) {
    struct embedding *m = self;
    size_t from = piece * EMBED_ROWS, n = m->n - from;
    if (n > EMBED_ROWS) n = EMBED_ROWS;
    size_t dim = encoder_dim(m->enc);
    float *vector = m->vector + from * dim;
    encoder_embed(m->enc, m->scratch[thread], m->text + from, n, vector);
    for (size_t i = 0; i < n; i++) vector8_round(vector + i * dim, dim); /* as the cascade does */
    size_t done = atomic_fetch_add(&m->done, n) + n;
    if (thread == 0 && m->o->progress) m->o->progress(m->o->self, done, m->n);
}

static void examples_embed_all(struct embedding *m) {
    unsigned threads = parallel_for_threads(m->o->threads);
    for (unsigned t = 0; t < threads; t++) m->scratch[t] = encoder_scratch_open(m->enc);
    parallel_for((m->n + EMBED_ROWS - 1) / EMBED_ROWS, threads, embed_piece, m);
    for (unsigned t = 0; t < threads; t++) encoder_scratch_close(m->scratch[t]);
}

/* Embeds the texts that `known` lacks and puts both kinds in their places. */
static void embed_missing(struct examples *x, const struct vectors *known, struct embedding *m) {
    size_t bytes = x->dim * sizeof(float);
    m->text = must_calloc(x->n_texts + 1, sizeof *m->text);
    m->vector = must_calloc(x->n_texts * x->dim + 1, sizeof *m->vector);
    for (size_t i = 0; i < x->n_texts; i++)
        if (!vectors_find(known, x->texts[i])) m->text[m->n++] = x->texts[i];
    examples_embed_all(m);
    for (size_t i = 0, next = 0; i < x->n_texts; i++) {
        const float *v = vectors_find(known, x->texts[i]);
        memcpy(x->vector + i * x->dim, v ? v : m->vector + next++ * x->dim, bytes);
    }
    free(m->text), free(m->vector);
}

bool examples_embed(struct examples *x, const struct encoder *enc, const struct examples_embed_opts *o, struct err *e) {
    struct embedding m = {.enc = enc, .o = o};
    struct vectors known = {0};
    uint64_t owner = vectors_owner(encoder_hash(enc), encoder_kernel_name(enc));
    x->dim = encoder_dim(enc);
    free(x->vector);
    x->vector = must_calloc(x->n_texts * x->dim + 1, sizeof *x->vector);
    bool ok = !o->vectors || vectors_read(&known, o->vectors, owner, x->dim, e);
    if (ok) embed_missing(x, &known, &m);
    if (ok && o->vectors && m.n > 0) ok = vectors_write(&known, o->vectors, x->texts, x->vector, x->n_texts, e);
    vectors_release(&known);
    return ok;
}
