#include "train/feedback.h"

#include "base/log.h"
#include "base/must.h"
#include "review/corrections.h"
#include "train/labelled.h"
#include "llm/ensemble.h"
#include "llm/store.h"
#include "text/template.h"
#include "train/examples.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static const char BY_USER[] = "(users)", BY_LLM[] = "(LLM)";

uint64_t feedback_hash(const struct dataset_row *row) {
    return XXH3_64bits_withSeed(row->message.p, row->message.n, row->label);
}

/* ---- corrections ---- */

static struct index_key key_of_template(struct span template) {
    XXH128_hash_t h = XXH3_128bits(template.p, template.n);
    return (struct index_key){h.low64, h.high64};
}

/* The last word about a template counts. */
static bool add_correction(struct feedback *t, const struct dataset_row *row, struct err *e) {
    bool is_new;
    uint32_t at = index_find(&t->by_template, key_of_template(row->message), &is_new);
    if (is_new)
        return dataset_add(&t->rows, row, span_of(BY_USER), e); /* which refuses what the index has no room for */
    t->rows.row[at].label = row->label;
    return true;
}

/* Adds what a person said as the template that the head sees. */
static bool take_correction(struct feedback *t, struct dataset_row row, const struct head *base, struct err *e) {
    char text[TEMPLATE_MAX];
    row.message = (struct span){text, template_write(row.source, row.message, head_uses_source(base), text)};
    row.source = SPAN_LIT("");
    return add_correction(t, &row, e);
}

/* Adds the rows of a labelled file. */
static bool read_labelled(struct feedback *t, const char *path, const struct head *base, struct err *e) {
    struct dataset d;
    struct label_set labels = *head_labels(base);
    struct labelled_opts lo = {.copies = 1, .seed = 1};
    dataset_init(&d);
    bool ok = labelled_read(&d, path, &labels, &lo, e);
    for (size_t i = 0; ok && i < d.n; i++) ok = take_correction(t, d.row[i], base, e);
    dataset_release(&d);
    return ok;
}

/* Adds the words of the log that are in force, and about labels of this head. */
static bool read_corrections(struct feedback *t, const char *path, const struct head *base, struct err *e) {
    struct corrections c;
    bool ok = corrections_read(&c, path, e);
    for (size_t i = 0; ok && i < c.n; i++) {
        const struct correction *w = &c.row[i];
        int label = w->undone ? -1 : label_find(head_labels(base), span_of(w->label));
        struct dataset_row row = {.source = w->source, .message = w->message, .label = (uint8_t)label, .sure = true};
        if (label >= 0) ok = take_correction(t, row, base, e);
    }
    if (c.broken > 0) log_warn("corrections.broken", "%s: %u lines can't be read and are passed over", path, c.broken);
    corrections_release(&c);
    return ok;
}

/* ---- answers of the LLM ---- */

/* The stored answers, the newest about each template that nobody corrected. */
struct asked {
    const struct feedback *said; /* what users said */
    const struct label_set *labels;
    struct dataset rows;         /* message: the template */
    struct store_answer *answer; /* [rows.n] */
    size_t cap, left_out;
};

static bool feedback_take(void *self, const struct store_row *row, struct err *e) {
    struct asked *a = self;
    int label = label_find(a->labels, span_of(row->answer.label));
    struct dataset_row fresh = {.message = row->template, .label = (uint8_t)label};
    if (label < 0) {
        a->left_out++;
        return true;
    }
    if (index_get(&a->said->by_template, key_of_template(row->template)) != INDEX_FULL) return true;
    if (a->rows.n > 0 && span_eq(a->rows.row[a->rows.n - 1].message, row->template)) {
        a->rows.row[a->rows.n - 1].label = fresh.label;
        a->answer[a->rows.n - 1] = row->answer;
        return true;
    }
    if (a->rows.n == a->cap) {
        a->cap = a->cap ? 2 * a->cap : 256;
        struct store_answer *more = realloc(a->answer, a->cap * sizeof *more);
        if (!more) return err_set(e, ERR_MEMORY, "no memory for %zu answers", a->cap);
        a->answer = more;
    }
    a->answer[a->rows.n] = row->answer;
    return dataset_add(&a->rows, &fresh, span_of(BY_LLM), e);
}

static bool read_store(struct asked *a, const char *path, struct err *e) {
    if (!path[0] || access(path, F_OK) != 0) return true;
    struct store *s = store_open(&(struct store_opts){.path = path}, e);
    bool ok = s && store_each(s, feedback_take, a, e);
    store_close(s);
    return ok;
}

/* What the cascade says about answer i, with the base head. */
static double feedback_decide(const struct asked *a, size_t i, const struct head *base, const float *vector, double mix,
                              uint8_t *label) {
    const struct store_answer *s = &a->answer[i];
    double confidence = s->confidence;
    float prob[LABEL_MAX];
    *label = a->rows.row[i].label;
    if (mix > 0 && s->labels == a->labels->n) {
        head_run(base, vector, prob);
        *label = (uint8_t)ensemble_run(prob, s->likelihood, s->labels, mix, &confidence);
    }
    return confidence;
}

static bool add_answers(struct feedback *t, const struct asked *a, const struct examples *x, const struct head *base,
                        const struct feedback_opts *o, struct err *e) {
    bool ok = true;
    for (size_t i = 0; ok && i < a->rows.n; i++) {
        struct dataset_row row = a->rows.row[i];
        double confidence = feedback_decide(a, i, base, examples_vector(x, x->of_record[i]), o->mix, &row.label);
        if (confidence < o->confidence_min)
            t->left_out++;
        else
            ok = dataset_add(&t->rows, &row, span_of(BY_LLM), e);
    }
    t->by_llm = t->rows.n - t->by_user;
    return ok;
}

static bool read_answers(struct feedback *t, const struct feedback_opts *o, const struct head *base,
                         const struct encoder *enc, struct err *e) {
    struct asked a = {.said = t, .labels = head_labels(base)};
    struct examples x = {0};
    struct examples_embed_opts eo = {.threads = o->threads};
    dataset_init(&a.rows);
    bool ok = read_store(&a, o->store, e) && examples_make(&x, &a.rows, false, e) && examples_embed(&x, enc, &eo, e) &&
              add_answers(t, &a, &x, base, o, e);
    t->left_out += a.left_out;
    examples_release(&x);
    dataset_release(&a.rows);
    free(a.answer);
    return ok;
}

static bool read_users(struct feedback *t, const struct feedback_opts *o, const struct head *base, struct err *e) {
    *t = (struct feedback){0};
    dataset_init(&t->rows);
    index_init(&t->by_template, DATASET_ROWS_MAX);
    if (!read_corrections(t, o->corrections, base, e)) return false;
    for (int i = 0; i < o->files_n; i++)
        if (!read_labelled(t, o->files[i], base, e)) return false;
    t->by_user = t->rows.n;
    return true;
}

bool feedback_count(struct feedback *t, const struct feedback_opts *o, const struct head *base, struct err *e) {
    struct asked a = {.said = t, .labels = head_labels(base)};
    dataset_init(&a.rows);
    bool ok = read_users(t, o, base, e) && read_store(&a, o->store, e);
    t->by_llm = a.rows.n;
    dataset_release(&a.rows);
    free(a.answer);
    return ok;
}

bool feedback_read(struct feedback *t, const struct feedback_opts *o, const struct head *base,
                   const struct encoder *enc, struct err *e) {
    return read_users(t, o, base, e) && read_answers(t, o, base, enc, e);
}

void feedback_release(struct feedback *t) {
    dataset_release(&t->rows);
    index_release(&t->by_template);
}
