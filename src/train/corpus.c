#include "train/corpus.h"

#include "base/file.h"
#include "base/must.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#define FILE_BYTES_MAX ((size_t)16 << 20)
enum { TEMPLATES_FIRST = 4096, MESSAGE_BYTES_MAX = 65536 };

struct reader {
    struct corpus *c;
    struct corpus_system *system;
    unsigned line;
    int label; /* of the open section; -1: none yet, we are in the head */
    struct buf *problems;
};

static bool complain(struct reader *r, const char *what) {
    buf_printf(r->problems, "%s.log:%u: %s\n", r->system->id, r->line, what);
    r->c->problems++;
    return false;
}

/* A pattern that VALUES expands, "%[1-9]" or "%d%d", and a template does not. */
static bool has_pattern(struct span s) {
    for (size_t i = 0; i + 3 < s.n; i++) {
        if (s.p[i] != '%') continue;
        if (s.p[i + 1] == '[' && isdigit((unsigned char)s.p[i + 2])) return true;
        if ((s.p[i + 1] == 'd' || s.p[i + 1] == 'x') && memcmp(s.p + i, s.p + i + 2, 2) == 0) return true;
    }
    return false;
}

static bool corpus_check_slots(struct reader *r, struct span text) {
    struct err e;
    if (has_pattern(text)) return complain(r, "'%d', '%x' and '%[1-9]' stand for values in VALUES only: use a slot");
    return values_check(&r->c->values, text, &e) || complain(r, e.msg);
}

/* "[LABEL]" and nothing else; label: its index, -1 for an unknown one. */
static bool is_section(const struct reader *r, struct span line, int *label) {
    if (line.n < 3 || line.p[0] != '[' || line.p[line.n - 1] != ']') return false;
    for (size_t i = 1; i + 1 < line.n; i++)
        if (!isupper((unsigned char)line.p[i]) && line.p[i] != '_') return false;
    *label = label_fold(r->c->labels, span_sub(line, 1, line.n - 1));
    return true;
}

static void read_sources(struct reader *r, struct span text) {
    for (bool more = true; more;) {
        const char *bar = memchr(text.p, '|', text.n);
        struct span one = span_trim(span_sub(text, 0, bar ? (size_t)(bar - text.p) : text.n));
        if (one.n == 0 || r->system->sources == CORPUS_SOURCES_MAX) {
            complain(r, one.n == 0 ? "an empty source" : "too many sources");
            return;
        }
        if (corpus_check_slots(r, one)) r->system->source[r->system->sources++] = one;
        more = bar != NULL;
        if (more) text = span_sub(text, (size_t)(bar - text.p) + 1, text.n);
    }
}

/* A line before the first section. */
static void read_head(struct reader *r, struct span line) {
    struct corpus_system *s = r->system;
    const char *colon = memchr(line.p, ':', line.n);
    struct span key = span_sub(line, 0, colon ? (size_t)(colon - line.p) : 0);
    struct span value = span_trim(span_sub(line, key.n + 1, line.n));
    if (span_eq(key, SPAN_LIT("system")) && s->name.n == 0) {
        s->name = value;
    } else if (span_eq(key, SPAN_LIT("source")) && s->sources == 0) {
        read_sources(r, value);
    } else if (span_eq(key, SPAN_LIT("prefix")) && s->prefixes < CORPUS_PREFIXES_MAX) {
        if (corpus_check_slots(r, value)) s->prefix[s->prefixes++] = value;
    } else {
        complain(r, "expected one 'system:', one 'source:', some 'prefix:' or a '[LABEL]'");
    }
}

static void add_template(struct reader *r, struct span text) {
    struct corpus *c = r->c;
    if (text.p[0] == '\\' && text.n > 1 && (text.p[1] == '#' || text.p[1] == '[')) text = span_sub(text, 1, text.n);
    if (!corpus_check_slots(r, text)) return;
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : TEMPLATES_FIRST;
        c->template = realloc(c->template, c->cap * sizeof *c->template);
        MUST_MEMORY(c->template);
    }
    r->system->templates++;
    c->template[c->n++] = (struct corpus_template){
        .text = text, .line = r->line, .system = (uint16_t)(r->system - c->system), .label = (uint8_t)r->label};
}

static void read_line(struct reader *r, struct span line) {
    while (line.n > 0 && isspace((unsigned char)line.p[line.n - 1])) line.n--;
    int label;
    if (line.n == 0 || line.p[0] == '#') return;
    if (is_section(r, line, &label)) {
        if (label < 0) complain(r, "a section of an unknown label");
        r->label = label < 0 ? (int)r->c->labels->unclassified : label;
    } else if (r->label < 0) {
        read_head(r, line);
    } else if (r->c->n == CORPUS_TEMPLATES_MAX) {
        complain(r, "too many templates");
    } else {
        add_template(r, line);
    }
}

static bool read_system(struct corpus *c, struct corpus_system *s, const char *path, struct buf *problems,
                        struct err *e) {
    if (!file_read(path, FILE_BYTES_MAX, &s->file, e)) return false;
    struct reader r = {.c = c, .system = s, .label = -1, .problems = problems};
    for (struct span rest = s->file; rest.n > 0;) {
        r.line++;
        read_line(&r, span_take_line(&rest));
    }
    if (s->name.n == 0) complain(&r, "no 'system:' line");
    if (s->sources == 0) complain(&r, "no 'source:' line");
    if (s->templates == 0) complain(&r, "no template");
    return true;
}

static int by_id(const void *a, const void *b) {
    return strcmp(((const struct corpus_system *)a)->id, ((const struct corpus_system *)b)->id);
}

/* The ids of DIR/<id>.log, in the order of bytes, so that every machine sees the same corpus. */
static bool list_systems(struct corpus *c, const char *dir, struct err *e) {
    DIR *d = opendir(dir);
    if (!d) return err_set(e, ERR_IO, "%s: %s", dir, strerror(errno));
    bool ok = true;
    for (struct dirent *f; ok && (f = readdir(d));) {
        size_t n = strlen(f->d_name);
        if (n <= 4 || strcmp(f->d_name + n - 4, ".log") != 0) continue;
        if (n - 4 >= CORPUS_ID_MAX)
            ok = err_set(e, ERR_LIMIT, "%s/%s: the name is too long", dir, f->d_name);
        else if (c->systems == CORPUS_SYSTEMS_MAX)
            ok = err_set(e, ERR_LIMIT, "%s: too many systems", dir);
        else
            memcpy(c->system[c->systems++].id, f->d_name, n - 4);
    }
    closedir(d);
    if (ok && c->systems == 0) ok = err_set(e, ERR_INPUT, "%s: no .log file in it; is it a corpus folder?", dir);
    qsort(c->system, c->systems, sizeof *c->system, by_id);
    return ok;
}

bool corpus_read(struct corpus *c, const char *dir, const struct label_set *labels, struct buf *problems,
                 struct err *e) {
    char path[PATH_MAX], name[CORPUS_ID_MAX + 4];
    *c = (struct corpus){.labels = labels};
    c->system = must_calloc(CORPUS_SYSTEMS_MAX, sizeof *c->system);
    if (!list_systems(c, dir, e)) return false;
    if (!file_join(path, sizeof path, dir, "VALUES")) return err_set(e, ERR_LIMIT, "%s: the path is too long", dir);
    if (!values_read(&c->values, path, e)) return false;
    for (unsigned i = 0; i < c->systems; i++) {
        snprintf(name, sizeof name, "%s.log", c->system[i].id);
        if (!file_join(path, sizeof path, dir, name)) return err_set(e, ERR_LIMIT, "%s: the path is too long", dir);
        if (!read_system(c, &c->system[i], path, problems, e)) return false;
    }
    return true;
}

void corpus_release(struct corpus *c) {
    for (unsigned i = 0; i < c->systems; i++) file_free(&c->system[i].file);
    values_release(&c->values);
    free(c->system);
    free(c->template);
    *c = (struct corpus){0};
}

/* Writes one message of t to text. */
static void make_message(const struct corpus *c, const struct corpus_template *t, bool prefixed, struct rng *rng,
                         struct buf *text) {
    const struct corpus_system *s = &c->system[t->system];
    if (prefixed && s->prefixes > 0) {
        values_expand(&c->values, s->prefix[rng_below(rng, s->prefixes)], rng, text);
        buf_putc(text, ' ');
    }
    values_expand(&c->values, t->text, rng, text);
}

bool corpus_generate(const struct corpus *c, unsigned copies, uint64_t seed, struct dataset *d, struct err *e) {
    struct buf text, source;
    buf_init(&text, MESSAGE_BYTES_MAX);
    buf_init(&source, MESSAGE_BYTES_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < c->n; i++) {
        const struct corpus_template *t = &c->template[i];
        const struct corpus_system *s = &c->system[t->system];
        uint64_t own = XXH3_64bits_withSeed(t->text.p, t->text.n, XXH3_64bits_withSeed(s->id, strlen(s->id), seed));
        for (unsigned k = 0; ok && k < copies; k++) {
            struct rng rng = {own + k};
            rng.state = rng_next(&rng); /* neighbouring seeds must not give neighbouring streams */
            buf_reset(&text), buf_reset(&source);
            make_message(c, t, (own + k) % 3 == 0, &rng, &text);
            if (k == 0 || own % 2 == 0)
                values_expand(&c->values, s->source[rng_below(&rng, s->sources)], &rng, &source);
            if (text.failed || source.failed) {
                ok = err_set(e, ERR_LIMIT, "%s.log:%u: a message longer than %d bytes", s->id, t->line,
                             MESSAGE_BYTES_MAX);
                break;
            }
            struct dataset_row row = {.source = buf_span(&source),
                                      .message = buf_span(&text),
                                      .line = t->line,
                                      .label = t->label,
                                      .sure = true};
            ok = dataset_add(d, &row, span_of(s->id), e);
        }
    }
    d->has_group = true;
    buf_release(&text), buf_release(&source);
    return ok;
}
