#include "stream/reader.h"

#include "base/must.h"
#include "stream/reader_csv.h"
#include "stream/reader_json.h"

struct reader {
    struct input *in;
    const char *path;
    enum reader_format format;
    bool format_is_known;
    struct span source;
    char *carry; /* bytes read but not yet part of a chunk, CHUNK_BYTES */
    size_t carry_n;
    bool ended; /* the input is */
    bool origins;
    bool skipping; /* inside the rest of a line that was cut */
    uint64_t odd;
    struct reader_json json;
    struct reader_csv csv;
};

static bool is_full(const struct chunk *c) {
    return c->batch.n == CHUNK_RECORDS;
}

static void reader_add_line(struct reader *r, struct chunk *c, struct span line) {
    struct record *rec = &c->rec[c->batch.n++];
    if (line.n > 0 && line.p[line.n - 1] == '\r') line.n--;
    *rec = (struct record){.source = r->source, .message = span_sub(line, 0, CHUNK_LINE_MAX)};
    if (r->format == READER_JSONL && !reader_json_line(&r->json, &c->arena, line, rec)) r->odd++;
    if (c->origin && r->format == READER_JSONL) c->origin[c->batch.n - 1].raw = line;
}

/* Makes records of the whole lines in c->text[*from..]; *from moves behind the last one taken. */
static void split_lines(struct reader *r, struct chunk *c, size_t *from) {
    while (!is_full(c) && *from < c->text_n) {
        const char *start = c->text + *from, *nl = memchr(start, '\n', c->text_n - *from);
        if (!nl) return;
        *from = (size_t)(nl - c->text) + 1;
        if (r->skipping) {
            r->skipping = false;
        } else {
            reader_add_line(r, c, (struct span){start, (size_t)(nl - start)});
        }
    }
    if (r->skipping) *from = c->text_n;
}

static bool reader_split(struct reader *r, struct chunk *c, size_t *from, struct err *e) {
    if (r->format == READER_CSV) return reader_csv_split(&r->csv, c, from, r->ended, e);
    split_lines(r, c, from);
    if (r->ended && !is_full(c) && *from < c->text_n && !r->skipping) { /* a last line without a newline */
        reader_add_line(r, c, (struct span){c->text + *from, c->text_n - *from});
        *from = c->text_n;
    }
    return true;
}

/* A record fills the whole chunk. Of a line, the first CHUNK_LINE_MAX bytes count, the rest is passed over. */
static bool cut_record(struct reader *r, struct chunk *c, size_t *from, struct err *e) {
    if (r->format == READER_CSV)
        return err_set(e, ERR_LIMIT, "%s:%llu: a CSV row of more than %d bytes; is a quote not closed?", r->csv.path,
                       (unsigned long long)r->csv.line, CHUNK_BYTES);
    if (!r->skipping) reader_add_line(r, c, (struct span){c->text, c->text_n});
    r->skipping = true;
    *from = c->text_n;
    return true;
}

/* Reads more behind what c holds; makes room first when all of it was the rest of a cut line. *got 0: there is nothing
 * now, or never again (r->ended). */
static bool read_more(struct reader *r, struct chunk *c, size_t *from, int wait_ms, size_t *got, struct err *e) {
    if (*from == c->text_n && c->batch.n == 0) c->text_n = *from = 0;
    bool ok = input_read(r->in, c->text + c->text_n, CHUNK_BYTES - c->text_n, wait_ms, got, e);
    c->text_n += *got;
    r->ended = !ok || input_is_ended(r->in);
    return ok;
}

/* Fills c from *from on: until it is full, the input has ended, or a pipe has nothing more for now. */
static bool reader_fill(struct reader *r, struct chunk *c, size_t *from, int wait_ms, struct err *e) {
    bool ok;
    for (size_t got = 1; (ok = reader_split(r, c, from, e)) && !is_full(c) && !r->ended && got > 0;) {
        if (c->text_n == CHUNK_BYTES && *from == 0 && !cut_record(r, c, from, e)) return false;
        if (c->text_n == CHUNK_BYTES && c->batch.n > 0) return true;
        if (c->batch.n > 0 && input_size(r->in) == 0) return true;
        if (!read_more(r, c, from, wait_ms, &got, e)) {
            struct err ignored = {0};
            reader_split(r, c, from, &ignored); /* what came before the trouble is still good */
            return false;
        }
    }
    return ok;
}

/* Reads into carry until the first line that is not blank is whole, or as much of it as there will be. Its end may be
 * all that follows it: only its front is trimmed while it is looked for. False: it is not there yet. */
static bool peek_line(struct reader *r, struct span *line, int wait_ms, struct err *e) {
    for (;;) {
        struct span all = {r->carry, r->carry_n};
        while (all.n > 0 && span_trim(span_sub(all, 0, 1)).n == 0) all = span_sub(all, 1, all.n);
        const char *nl = all.n ? memchr(all.p, '\n', all.n) : NULL;
        *line = nl ? span_trim(span_sub(all, 0, (size_t)(nl - all.p))) : span_trim(all);
        if (nl || r->ended || r->carry_n == CHUNK_BYTES) return true;
        size_t got;
        bool ok = input_read(r->in, r->carry + r->carry_n, CHUNK_BYTES - r->carry_n, wait_ms, &got, e);
        r->carry_n += got;
        r->ended = !ok || input_is_ended(r->in);
        if (!ok || (got == 0 && !r->ended)) return false;
    }
}

static bool open_csv(struct reader *r, struct err *e) {
    size_t used;
    if (!reader_csv_open(&r->csv, r->path, r->carry, r->carry_n, &used, e)) {
        r->ended = true;
        r->carry_n = 0;
        return false;
    }
    r->carry_n -= used;
    memmove(r->carry, r->carry + used, r->carry_n);
    return true;
}

/* Settles the format once the first line is there. False: the input is broken, or, *e left as it was, it is not there
 * yet. */
static bool find_format(struct reader *r, int wait_ms, struct err *e) {
    struct span first = {0};
    if (r->format != READER_LINES && !peek_line(r, &first, wait_ms, e)) return false;
    if (r->format == READER_AUTO) {
        r->format = reader_json_is_object(&r->json, first) ? READER_JSONL
                    : reader_csv_is_header(first)          ? READER_CSV
                                                           : READER_LINES;
    }
    if (r->format == READER_CSV && !open_csv(r, e)) return false;
    r->format_is_known = true;
    return true;
}

bool reader_next(struct reader *r, struct chunk *c, int wait_ms, struct err *e) {
    size_t from = 0;
    chunk_reset(c);
    if (r->origins) chunk_want_origins(c);
    struct err why = {0};
    if (!r->format_is_known && !find_format(r, wait_ms, &why)) {
        if (why.code != ERR_OK) *e = why;
        return why.code == ERR_OK;
    }
    memcpy(c->text, r->carry, r->carry_n);
    c->text_n = r->carry_n;
    bool ok = reader_fill(r, c, &from, wait_ms, e);
    r->carry_n = ok ? c->text_n - from : 0;
    memcpy(r->carry, c->text + from, r->carry_n);
    return ok;
}

bool reader_is_ended(const struct reader *r) {
    return r->ended && r->carry_n == 0;
}

struct reader *reader_open(const char *path, const struct reader_opts *o, struct err *e) {
    struct input *in = input_open(path, e);
    if (!in) return NULL;
    struct reader *r = must_calloc(1, sizeof *r);
    r->in = in;
    r->path = path;
    r->format = o->format;
    r->source = o->source;
    r->origins = o->origins;
    r->carry = must_calloc(1, CHUNK_BYTES);
    reader_json_init(&r->json);
    return r;
}

void reader_close(struct reader *r) {
    if (!r) return;
    reader_json_release(&r->json);
    input_close(r->in);
    free(r->carry);
    free(r);
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
