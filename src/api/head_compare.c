#include "api/head_compare.h"

#include "api/json_put.h"
#include "api/kind_put.h"
#include "base/must.h"
#include "encoder/vector8.h"
#include "pipeline/trial.h"
#include "text/mask.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    COMPARE_KINDS = 10000, /* those with most lines */
    COMPARE_ENCODED = 100, /* without a kept vector; 0.2 to 1 s */
    COMPARE_SHOWN = 200,
};

struct compare_kind {
    uint64_t id;
    uint32_t lines;
};

struct comparing {
    struct api *api;
    struct head *was, *is;
    struct trial *trial;
    const struct engine *eng;
    struct words *words;
    float *vector;             /* [dim] */
    int8_t *step;              /* [dim] */
    struct compare_kind *kind; /* [n] */
    size_t n, cap;
    unsigned encoded, compared, skipped, shown;
};

/* ---- which kinds ---- */

static void compare_take(void *self, struct kind_view *v) {
    struct comparing *c = self;
    if (v->by_rule || v->lines_24h == 0) return;
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 1024;
        struct compare_kind *more = realloc(c->kind, c->cap * sizeof *more);
        MUST_MEMORY(more);
        c->kind = more;
    }
    c->kind[c->n++] = (struct compare_kind){v->id, v->lines_24h};
}

static int by_compared_lines(const void *a, const void *b) {
    const struct compare_kind *x = a, *y = b;
    return (y->lines > x->lines) - (y->lines < x->lines);
}

/* ---- the vector ---- */

static bool find_vector(struct comparing *c, struct span text) {
    float scale;
    bool kept = trial_vector(c->trial, text, false, c->step, &scale);
    if (!kept && (c->encoded == COMPARE_ENCODED || !trial_vector(c->trial, text, true, c->step, &scale))) return false;
    c->encoded += !kept;
    vector8_unpack(c->step, scale, encoder_dim(c->eng->encoder), c->vector);
    return true;
}

/* ---- both answers ---- */

static struct head_decision compare_ask(const struct comparing *c, const struct head *h) {
    float probability[LABEL_MAX];
    head_run(h, c->vector, probability);
    return head_decide(probability, &c->eng->labels, c->eng->threshold);
}

static void put_differing(struct comparing *c, struct buf *out, const struct kind_view *v, struct head_decision was,
                          struct head_decision is) {
    const struct label_set *labels = &c->eng->labels;
    buf_puts(out, c->shown++ ? ",{\"id\":" : "{\"id\":");
    kind_put_id(out, v->id);
    json_put_member(out, "template", span_sub(v->text, 0, KIND_PUT_TEXT_MAX));
    json_put_member(out, "was", span_of(labels->label[was.answer].id));
    json_put_member(out, "is", span_of(labels->label[is.answer].id));
    buf_printf(out, ",\"was_p\":%.4f,\"is_p\":%.4f,\"lines_24h\":%u,\"rev\":%u}", was.confidence, is.confidence,
               v->lines_24h, words_about(c->words, v->id, v->family).rev);
}

static void compare_one(struct comparing *c, struct buf *out, uint64_t id) {
    struct kind_view v;
    char text[KINDS_TEXT_MAX];
    if (!kinds_find(c->api->book->kinds, id, &v, text) || words_about(c->words, v.id, v.family).label) return;
    if (v.redacted || !find_vector(c, v.text)) {
        c->skipped++;
        return;
    }
    struct head_decision was = compare_ask(c, c->was), is = compare_ask(c, c->is);
    c->compared++;
    if (was.answer != is.answer && c->shown < COMPARE_SHOWN) put_differing(c, out, &v, was, is);
}

static void compare_kinds(struct comparing *c, struct buf *out) {
    struct book *b = c->api->book;
    if (b && b->kinds) kinds_each(b->kinds, compare_take, c);
    if (c->n) qsort(c->kind, c->n, sizeof c->kind[0], by_compared_lines);
    buf_puts(out, ",\"differs\":[");
    for (size_t i = 0; i < c->n && i < COMPARE_KINDS; i++) compare_one(c, out, c->kind[i].id);
    buf_printf(out, "],\"compared\":%u,\"skipped\":%u", c->compared, c->skipped);
}

static bool compare_open_head(struct head **h, const char *path, const struct engine *eng, struct err *e) {
    *h = head_open(path, e);
    return *h &&
           (head_check(*h, &eng->labels, encoder_hash(eng->encoder), MASK_VERSION, e) || err_prefix(e, "%s", path));
}

bool head_compare_put(struct exchange *x, const char *was, const char *is, struct err *e) {
    struct comparing c = {.api = api_of(x)};
    c.trial = trial_open(c.api->pipeline, e);
    if (!c.trial) return false;
    c.eng = trial_engine(c.trial);
    bool ok =
        c.eng->encoder != NULL || err_set(e, ERR_MODEL, "there is no encoder in this process to compare heads by");
    ok = ok && compare_open_head(&c.was, was, c.eng, e) && compare_open_head(&c.is, is, c.eng, e);
    if (ok) {
        c.words = c.api->book ? book_words(c.api->book) : NULL;
        c.vector = must_calloc(encoder_dim(c.eng->encoder), sizeof *c.vector);
        c.step = must_calloc(encoder_dim(c.eng->encoder), sizeof *c.step);
        compare_kinds(&c, &x->out);
    }
    words_unref(c.words);
    head_close(c.was), head_close(c.is);
    trial_close(c.trial);
    free(c.vector), free(c.step), free(c.kind);
    return ok;
}
