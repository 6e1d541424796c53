#include "train/feedback.h"

#include "base/must.h"
#include "base/json_out.h"
#include "train/labelled.h"
#include "llm/ensemble.h"
#include "llm/store.h"
#include "text/template.h"
#include "text/utf8.h"
#include "train/examples.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { LINE_BYTES_MAX = 1 << 19, FILE_BYTES_MAX = 64 << 20 };

static const char BY_USER[] = "(users)", BY_LLM[] = "(LLM)";

uint64_t feedback_hash(const struct dataset_row *row) {
    return XXH3_64bits_withSeed(row->message.p, row->message.n, row->label);
}

/* ---- corrections ---- */

/* The last word about a template counts. */
static bool add_correction(struct feedback *t, const struct dataset_row *row, struct err *e) {
    for (size_t i = 0; i < t->rows.n; i++) {
        if (!span_eq(t->rows.row[i].message, row->message)) continue;
        t->rows.row[i].label = row->label;
        return true;
    }
    return dataset_add(&t->rows, row, span_of(BY_USER), e);
}

/* Adds the rows of a labelled file as templates; ours: feedback_correct has written it. */
static bool read_corrections(struct feedback *t, const char *path, bool ours, const struct head *base, struct err *e) {
    struct dataset d;
    struct label_set labels = *head_labels(base);
    struct labelled_opts lo = {.copies = 1, .seed = 1};
    char text[TEMPLATE_MAX];
    dataset_init(&d);
    bool ok = ours ? dataset_read_whole_lines(&d, path, &labels, e) : labelled_read(&d, path, &labels, &lo, e);
    for (size_t i = 0; ok && i < d.n; i++) {
        struct dataset_row row = d.row[i];
        row.message = (struct span){text, template_write(row.source, row.message, head_uses_source(base), text)};
        row.source = SPAN_LIT("");
        ok = add_correction(t, &row, e);
    }
    dataset_release(&d);
    return ok;
}

static void put_text(struct buf *b, struct span text) {
    char *whole = must_calloc(3, text.n + 1);
    json_out_string(b, (struct span){whole, utf8_repair(text, whole)});
    free(whole);
}

/* Was the last line cut off, by a kill or a full disk? Then what comes begins a line of its own. */
static bool is_torn(int fd, const struct stat *st) {
    char last = '\n';
    return st->st_size > 0 && pread(fd, &last, 1, st->st_size - 1) == 1 && last != '\n';
}

static bool append(int fd, struct span text) {
    return write(fd, text.p, text.n) == (ssize_t)text.n;
}

bool feedback_correct(const char *path, const struct label *label, struct span source, struct span line,
                      struct err *e) {
    struct buf b;
    struct stat st;
    buf_init(&b, LINE_BYTES_MAX);
    buf_printf(&b, "\n{\"label\":\"%s\",\"source\":", label->id);
    put_text(&b, source);
    buf_puts(&b, ",\"log_message\":");
    put_text(&b, line);
    buf_puts(&b, "}\n");
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600); /* holds lines as they came */
    bool ok = fd >= 0 && fstat(fd, &st) == 0;
    if (b.failed || (ok && (size_t)st.st_size + b.n > FILE_BYTES_MAX))
        ok = err_set(e, ERR_LIMIT, "%s: a correction has at most %d bytes, all of them %d", path, LINE_BYTES_MAX,
                     FILE_BYTES_MAX);
    else if (!ok || !append(fd, span_sub(buf_span(&b), is_torn(fd, &st) ? 0 : 1, b.n)) || fsync(fd) != 0)
        ok = err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    buf_release(&b);
    return ok;
}

/* ---- answers of the LLM ---- */

/* The stored answers, the newest about each template. */
struct asked {
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

static bool is_corrected(const struct feedback *t, struct span template) {
    for (size_t i = 0; i < t->by_user; i++)
        if (span_eq(t->rows.row[i].message, template)) return true;
    return false;
}

static bool add_answers(struct feedback *t, const struct asked *a, const struct examples *x, const struct head *base,
                        const struct feedback_opts *o, struct err *e) {
    bool ok = true;
    for (size_t i = 0; ok && i < a->rows.n; i++) {
        struct dataset_row row = a->rows.row[i];
        if (is_corrected(t, row.message)) continue;
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
    struct asked a = {.labels = head_labels(base)};
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

bool feedback_read(struct feedback *t, const struct feedback_opts *o, const struct head *base,
                   const struct encoder *enc, struct err *e) {
    *t = (struct feedback){0};
    dataset_init(&t->rows);
    if (access(o->corrections, R_OK) == 0 && !read_corrections(t, o->corrections, true, base, e)) return false;
    for (int i = 0; i < o->files_n; i++)
        if (!read_corrections(t, o->files[i], false, base, e)) return false;
    t->by_user = t->rows.n;
    return read_answers(t, o, base, enc, e);
}

void feedback_release(struct feedback *t) {
    dataset_release(&t->rows);
}
