#include "stream/reader.h"

#include "base/must.h"
#include "stream/reader_csv.h"
#include "stream/reader_json.h"

struct reader {
    struct input *in;
    enum reader_format format;
    struct span source;
    char *carry; /* bytes read but not yet part of a chunk, READER_CHUNK_BYTES */
    size_t carry_n;
    bool ended;    /* the input is */
    bool skipping; /* inside the rest of a line that was cut */
    uint64_t odd;
    struct reader_json json;
    struct reader_csv *csv;
};

void chunk_init(struct chunk *c) {
    *c = (struct chunk){.text = must_calloc(1, READER_CHUNK_BYTES)};
    arena_init(&c->arena, 4 * (size_t)READER_CHUNK_BYTES);
    c->batch.rec = c->rec;
    c->batch.res = c->res;
}

void chunk_release(struct chunk *c) {
    free(c->text);
    arena_release(&c->arena);
    *c = (struct chunk){0};
}

static bool is_full(const struct chunk *c) {
    return c->batch.n == READER_CHUNK_LINES;
}

static void add_line(struct reader *r, struct chunk *c, struct span line) {
    struct record *rec = &c->rec[c->batch.n++];
    if (line.n > 0 && line.p[line.n - 1] == '\r') line.n--;
    *rec = (struct record){.source = r->source, .message = span_sub(line, 0, READER_LINE_MAX)};
    if (r->format == READER_JSONL && !reader_json_line(&r->json, &c->arena, line, rec)) r->odd++;
}

/* Makes records of the whole lines in c->text[*from..]; *from moves behind the last one taken. */
static void split(struct reader *r, struct chunk *c, size_t *from) {
    while (!is_full(c) && *from < c->text_n) {
        const char *start = c->text + *from, *nl = memchr(start, '\n', c->text_n - *from);
        if (!nl) return;
        *from = (size_t)(nl - c->text) + 1;
        if (r->skipping) {
            r->skipping = false;
        } else {
            add_line(r, c, (struct span){start, (size_t)(nl - start)});
        }
    }
}

/* A line fills the whole chunk: its first READER_LINE_MAX bytes are the record, the rest is passed over. */
static void cut_line(struct reader *r, struct chunk *c, size_t *from) {
    if (!r->skipping) add_line(r, c, (struct span){c->text, c->text_n});
    r->skipping = true;
    *from = c->text_n;
}

static bool next_lines(struct reader *r, struct chunk *c, struct err *e) {
    size_t from = 0, got;
    bool ok = true;
    memcpy(c->text, r->carry, r->carry_n);
    c->text_n = r->carry_n;
    r->carry_n = 0;
    for (;;) {
        split(r, c, &from);
        if (is_full(c) || r->ended || !ok) break;
        if (c->text_n == READER_CHUNK_BYTES) {
            if (from == 0) cut_line(r, c, &from);
            if (c->batch.n > 0) break;
            c->text_n = from = 0; /* all of it was the rest of a cut line */
        }
        if (c->batch.n > 0 && input_size(r->in) == 0) break; /* a pipe: hand on what is there */
        ok = input_read(r->in, c->text + c->text_n, READER_CHUNK_BYTES - c->text_n, &got, e);
        c->text_n += got;
        if (!ok || got == 0) r->ended = true;
    }
    if (r->ended && !is_full(c) && from < c->text_n && !r->skipping) { /* a last line without a newline */
        add_line(r, c, (struct span){c->text + from, c->text_n - from});
        from = c->text_n;
    }
    r->carry_n = c->text_n - from;
    memcpy(r->carry, c->text + from, r->carry_n);
    return ok;
}

bool reader_next(struct reader *r, struct chunk *c, struct err *e) {
    c->batch.n = 0;
    arena_reset(&c->arena);
    bool ok = r->format == READER_CSV ? reader_csv_next(r->csv, r->in, c, e) : next_lines(r, c, e);
    c->position = input_position(r->in);
    return ok;
}

/* Reads until the first line that is not blank is whole (or the buffer full) and gives it. */
static bool peek_line(struct reader *r, struct span *line, struct err *e) {
    for (;;) {
        struct span all = span_trim((struct span){r->carry, r->carry_n});
        const char *nl = all.n ? memchr(all.p, '\n', all.n) : NULL;
        *line = nl ? span_trim(span_sub(all, 0, (size_t)(nl - all.p))) : all;
        if (nl || r->ended || r->carry_n == READER_CHUNK_BYTES) return true;
        size_t got;
        if (!input_read(r->in, r->carry + r->carry_n, READER_CHUNK_BYTES - r->carry_n, &got, e)) return false;
        r->carry_n += got;
        r->ended = got == 0;
    }
}

static bool open_format(struct reader *r, const char *path, struct err *e) {
    struct span first = {0};
    if (r->format != READER_LINES && !peek_line(r, &first, e)) return false;
    if (r->format == READER_AUTO) {
        r->format = reader_json_is_object(&r->json, first) ? READER_JSONL
                    : reader_csv_is_header(first)          ? READER_CSV
                                                           : READER_LINES;
    }
    if (r->format != READER_CSV) return true;
    r->csv = reader_csv_open(path, (struct span){r->carry, r->carry_n}, e);
    return r->csv != NULL;
}

struct reader *reader_open(const char *path, const struct reader_opts *o, struct err *e) {
    struct input *in = input_open(path, e);
    if (!in) return NULL;
    struct reader *r = must_calloc(1, sizeof *r);
    r->in = in;
    r->format = o->format;
    r->source = o->source;
    r->carry = must_calloc(1, READER_CHUNK_BYTES);
    reader_json_init(&r->json);
    if (open_format(r, path, e)) return r;
    reader_close(r);
    return NULL;
}

void reader_close(struct reader *r) {
    if (!r) return;
    reader_csv_close(r->csv);
    reader_json_release(&r->json);
    input_close(r->in);
    free(r->carry);
    free(r);
}

enum reader_format reader_format(const struct reader *r) {
    return r->format;
}
const struct input *reader_input(const struct reader *r) {
    return r->in;
}
uint64_t reader_odd_lines(const struct reader *r) {
    return r->odd;
}

int reader_format_find(const char *name) {
    static const char *const NAME[READER_FORMAT_COUNT] = {"auto", "lines", "jsonl", "csv"};
    for (int i = 0; i < READER_FORMAT_COUNT; i++)
        if (strcmp(NAME[i], name) == 0) return i;
    return -1;
}
