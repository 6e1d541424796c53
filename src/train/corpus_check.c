#include "train/corpus_check.h"

#include "base/file.h"
#include "base/must.h"
#include "base/parallel_for.h"
#include "train/wording.h"

#include <stdlib.h>
#include <xxhash.h>

#define OTHER_BYTES_MAX ((size_t)1 << 30)
enum { OTHER_LINES_MAX = 1000 * 1000, NEAR_WORDS_MIN = 4 };
static const double NEAR = 0.9;

/* A template by the hash of its text with case and white space evened out, for sorting. */
struct entry {
    uint64_t hash;
    uint32_t index;
};

static const struct corpus_system *system_of(const struct corpus *c, const struct corpus_template *t) {
    return &c->system[t->system];
}

static void put_place(struct buf *out, const struct corpus *c, size_t i, const char *kind) {
    buf_printf(out, "%s.log:%u: %s: ", system_of(c, &c->template[i])->id, c->template[i].line, kind);
}

static int corpus_check_by_hash(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Judges a template that repeats an earlier one. */
static void evaluate_repeat(const struct corpus *c, size_t i, size_t first, struct corpus_check_result *r,
                            struct buf *out) {
    const struct corpus_template *t = &c->template[i], *f = &c->template[first];
    if (t->label != f->label) {
        r->contradictions++;
        put_place(out, c, i, "error");
        buf_printf(out, "%s here, but %s in %s.log:%u\n", c->labels->label[t->label].id, c->labels->label[f->label].id,
                   system_of(c, f)->id, f->line);
    } else if (t->system == f->system) {
        r->duplicates++;
        put_place(out, c, i, "error");
        buf_printf(out, "the same as line %u\n", f->line);
    } else {
        r->repeats++;
    }
}

static void find_repeats(const struct corpus *c, struct corpus_check_result *r, struct buf *out) {
    struct entry *entry = must_calloc(c->n, sizeof *entry);
    for (uint32_t i = 0; i < c->n; i++) {
        struct span text = span_trim(c->template[i].text);
        entry[i] = (struct entry){XXH3_64bits(text.p, text.n), i};
    }
    qsort(entry, c->n, sizeof *entry, corpus_check_by_hash);
    for (size_t i = 0, first = 0; i < c->n; i++) {
        if (i > 0 && entry[i].hash == entry[first].hash) {
            evaluate_repeat(c, entry[i].index, entry[first].index, r, out);
        } else {
            first = i;
            r->distinct++;
        }
    }
    free(entry);
}

static void corpus_check_put_labels(const struct corpus *c, struct corpus_check_result *r, struct buf *out) {
    size_t rows[LABEL_MAX] = {0};
    unsigned systems[LABEL_MAX] = {0};
    uint32_t last[LABEL_MAX] = {0}; /* system + 1: templates come system by system */
    for (size_t i = 0; i < c->n; i++) {
        const struct corpus_template *t = &c->template[i];
        rows[t->label]++;
        if (last[t->label] != t->system + 1u) systems[t->label]++, last[t->label] = t->system + 1u;
    }
    for (unsigned l = 0; l < c->labels->n; l++) {
        if (systems[l] >= CORPUS_CHECK_SYSTEMS_MIN) continue;
        r->thin_labels++;
        buf_printf(out, "warning: %s is learnt from %u systems, %d or more are better\n", c->labels->label[l].id,
                   systems[l], CORPUS_CHECK_SYSTEMS_MIN);
    }
    buf_printf(out, "%-22s %9s %8s %7s\n", "label", "templates", "systems", "share");
    for (unsigned l = 0; l < c->labels->n; l++)
        buf_printf(out, "%-22s %9zu %8u %6.1f%%\n", c->labels->label[l].id, rows[l], systems[l],
                   c->n ? 100.0 * (double)rows[l] / (double)c->n : 0);
    buf_printf(out, "%-22s %9zu %8u\n", "all", c->n, c->systems);
}

void corpus_check_run(const struct corpus *c, struct corpus_check_result *r, struct buf *out) {
    *r = (struct corpus_check_result){0};
    find_repeats(c, r, out);
    corpus_check_put_labels(c, r, out);
    buf_printf(out,
               "%zu distinct templates, %zu repeated in other systems; errors: %zu duplicates, %zu contradictions\n",
               r->distinct, r->repeats, r->duplicates, r->contradictions);
}

enum likeness { DIFFERENT, NEARLY, EQUAL };

struct comparison {
    const struct corpus *c;
    const struct wording *other; /* [others] */
    size_t others;
    uint8_t *like; /* [c->n]: enum likeness */
};

static void corpus_check_compare(void *self, size_t i, unsigned thread) {
    struct comparison *k = self;
    struct wording s;
    (void)thread;
    wording_of(k->c->template[i].text, true, &s);
    for (size_t o = 0; o < k->others && k->like[i] != EQUAL; o++) {
        const struct wording *other = &k->other[o];
        if (wording_matches(&s, other))
            k->like[i] = EQUAL;
        else if (s.distinct >= NEAR_WORDS_MIN && other->distinct >= NEAR_WORDS_MIN &&
                 wording_overlap(&s, other) >= NEAR)
            k->like[i] = NEARLY;
    }
}

/* The wording of the rows of a labelled file, or of plain lines when its name says so. */
static bool read_others(const char *path, struct wording **other, size_t *n, struct err *e) {
    struct dataset d;
    struct label_set any = {0};
    dataset_init(&d);
    bool ok = dataset_read(&d, path, &any, true, e);
    *n = ok ? d.n : 0;
    *other = must_calloc(*n ? *n : 1, sizeof **other);
    for (size_t i = 0; i < *n; i++) wording_of(d.row[i].message, false, &(*other)[i]);
    dataset_release(&d);
    return ok;
}

static bool read_other_lines(const char *path, struct wording **other, size_t *n, struct err *e) {
    struct span file;
    *n = 0;
    *other = NULL;
    if (!file_read(path, OTHER_BYTES_MAX, &file, e)) return false;
    size_t lines = 1;
    for (size_t i = 0; i < file.n && lines < OTHER_LINES_MAX; i++) lines += file.p[i] == '\n';
    *other = must_calloc(lines, sizeof **other);
    for (struct span rest = file; rest.n > 0 && *n < lines;)
        wording_of(span_take_line(&rest), false, &(*other)[(*n)++]);
    file_free(&file);
    return true;
}

static bool is_plain(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot && (strcmp(dot, ".log") == 0 || strcmp(dot, ".txt") == 0);
}

bool corpus_check_against(const struct corpus *c, const char *path, struct corpus_check_result *r, struct buf *out,
                          struct err *e) {
    static const char *const SAYS[] = {
        [NEARLY] = "nearly the wording of a row of the file that must stay unseen",
        [EQUAL] = "the wording of a row of the file that must stay unseen",
    };
    struct wording *other;
    size_t others;
    bool ok = is_plain(path) ? read_other_lines(path, &other, &others, e) : read_others(path, &other, &others, e);
    struct comparison k = {c, other, others, must_calloc(c->n, 1)};
    if (ok) parallel_for(c->n, 0, corpus_check_compare, &k);
    for (size_t i = 0; i < c->n; i++) {
        if (k.like[i] == DIFFERENT) continue;
        r->leaks++;
        put_place(out, c, i, "error");
        buf_printf(out, "%s\n", SAYS[k.like[i]]);
    }
    if (ok) buf_printf(out, "%zu templates share their wording with one of %zu unseen rows\n", r->leaks, others);
    free(other);
    free(k.like);
    return ok;
}
