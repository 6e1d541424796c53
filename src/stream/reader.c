#include "stream/reader.h"

#include "base/buf.h"
#include "base/must.h"
#include "stream/reader_csv.h"
#include "stream/reader_join.h"
#include "stream/reader_json.h"

struct reader {
    struct input *in;
    const char *path;
    enum reader_format format;
    bool format_is_known;
    struct span source;
    char *carry; /* bytes read but not yet part of a chunk, CHUNK_BYTES */
    size_t carry_n;
    bool ended;                  /* the input is */
    struct err trouble;          /* why; told with the last records that came before it */
    bool origins;                /* tell where each record is from */
    bool skipping;               /* inside the rest of a line that was cut */
    uint64_t odd, line, records; /* so far */
    uint32_t chunk_max;          /* records of the chunk that is being filled */
    bool join, in_traceback;
    const char *open_from; /* where the last line of the last record ends */
    struct buf partial;    /* the halves of a line that a container runtime cut */
    struct reader_json json;
    struct reader_csv csv;
};

enum { FIRST_RECORDS = 16 };

/* The first chunks are small, so that the first answers come soon; then each is a quarter of what there was. */
static uint32_t reader_chunk_max(const struct reader *r) {
    uint64_t n = r->records / 4;
    return n < FIRST_RECORDS ? FIRST_RECORDS : n > CHUNK_RECORDS ? CHUNK_RECORDS : (uint32_t)n;
}

static bool is_full(const struct reader *r, const struct chunk *c) {
    return c->batch.n >= r->chunk_max;
}

static void reader_add_line(struct reader *r, struct chunk *c, struct span line) {
    struct place *at = &c->place[c->batch.n];
    *at = (struct place){.raw = line, .file = r->path, .line = r->line, .severity = SEVERITY_NONE};
    struct record *rec = &c->rec[c->batch.n++];
    if (line.n > 0 && line.p[line.n - 1] == '\r') line.n--;
    *rec = (struct record){.source = r->source, .message = span_sub(line, 0, CHUNK_LINE_MAX)};
    if (r->format == READER_JSONL && !reader_json_line(&r->json, &c->arena, line, rec, at)) r->odd++;
    if (c->origin && r->format == READER_JSONL) c->origin[c->batch.n - 1].raw = line;
}

/* A line of a container runtime's file: the runtime's part is taken off, the halves of a long line are put together.
 * True: it was one. */
static bool add_cri(struct reader *r, struct chunk *c, struct span line) {
    struct reader_join_cri cri;
    if (r->format != READER_LINES || !reader_join_is_cri(line, &cri)) return false;
    if (cri.partial || r->partial.n > 0) buf_put(&r->partial, cri.text.p, cri.text.n);
    if (cri.partial && r->partial.n < CHUNK_LINE_MAX) return true;
    struct span whole = r->partial.n > 0 ? arena_copy(&c->arena, buf_span(&r->partial)) : cri.text;
    buf_reset(&r->partial);
    reader_add_line(r, c, line);
    c->rec[c->batch.n - 1].message = span_sub(whole.p ? whole : cri.text, 0, CHUNK_LINE_MAX);
    return true;
}

static void reader_take_line(struct reader *r, struct chunk *c, struct span line) {
    r->line++;
    if (r->join && r->format == READER_LINES && c->batch.n > 0 && r->open_from == line.p - 1 &&
        reader_join_goes_on(line, &r->in_traceback)) {
        struct record *rec = &c->rec[c->batch.n - 1]; /* it ends where this line begins: one span holds both */
        size_t n = (size_t)(line.p + line.n - rec->message.p);
        rec->message.n = n < CHUNK_LINE_MAX ? n : CHUNK_LINE_MAX;
    } else if (add_cri(r, c, line)) {
        r->open_from = NULL; /* its text may lie elsewhere */
        return;
    } else {
        r->in_traceback = false;
        reader_join_goes_on(line, &r->in_traceback);
        reader_add_line(r, c, line);
    }
    r->open_from = line.p + line.n;
}

/* Is there room for the line at c->text + from: for a record of its own, or none needed as it goes on the last? */
static bool has_room_for(struct reader *r, const struct chunk *c, size_t from) {
    if (!is_full(r, c)) return true;
    if (!r->join || r->format != READER_LINES || c->batch.n >= CHUNK_RECORDS) return false;
    const char *nl = memchr(c->text + from, '\n', c->text_n - from);
    bool in = r->in_traceback;
    return nl && reader_join_goes_on((struct span){c->text + from, (size_t)(nl - c->text) - from}, &in);
}

/* Makes records of the whole lines in c->text[*from..]; *from moves behind the last one taken. */
static void split_lines(struct reader *r, struct chunk *c, size_t *from) {
    while (*from < c->text_n && has_room_for(r, c, *from)) {
        const char *start = c->text + *from, *nl = memchr(start, '\n', c->text_n - *from);
        if (!nl) return;
        *from = (size_t)(nl - c->text) + 1;
        if (!r->skipping) reader_take_line(r, c, (struct span){start, (size_t)(nl - start)});
        r->skipping = false;
    }
    if (r->skipping) *from = c->text_n;
}

static bool reader_split(struct reader *r, struct chunk *c, size_t *from, struct err *e) {
    if (r->format == READER_CSV)
        return reader_csv_split(&r->csv, c, from, &(struct reader_csv_end){r->chunk_max, r->ended}, e);
    split_lines(r, c, from);
    if (r->ended && !is_full(r, c) && *from < c->text_n && !r->skipping) { /* a last line without a newline */
        reader_take_line(r, c, (struct span){c->text + *from, c->text_n - *from});
        *from = c->text_n;
    }
    return true;
}

/* A record fills the whole chunk. Of a line, the first CHUNK_LINE_MAX bytes count, the rest is passed over. */
static bool cut_record(struct reader *r, struct chunk *c, size_t *from, struct err *e) {
    if (r->format == READER_CSV)
        return err_set(e, ERR_LIMIT, "%s:%llu: a CSV row of more than %d bytes; is a quote not closed?", r->csv.path,
                       (unsigned long long)r->csv.line, CHUNK_BYTES);
    if (!r->skipping) reader_take_line(r, c, (struct span){c->text, c->text_n});
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
    for (size_t got = 1; (ok = reader_split(r, c, from, e)) && !is_full(r, c) && !r->ended && got > 0;) {
        if (c->text_n == CHUNK_BYTES && *from == 0 && !cut_record(r, c, from, e)) return false;
        if (c->text_n == CHUNK_BYTES && c->batch.n > 0) return true;
        if (c->batch.n > 0 && input_size(r->in) == 0) return true;
        if (!read_more(r, c, from, wait_ms, &got, &r->trouble)) got = 1; /* what came before it is still good */
    }
    return ok;
}

/* Reads into carry until the first line that is not blank is whole, or as much of it as there will be. Its end may be
 * all that follows it: only its front is trimmed while it is looked for. False: it is not there yet. */
static bool peek_line(struct reader *r, struct span *line, int wait_ms) {
    for (;;) {
        struct span all = {r->carry, r->carry_n};
        while (all.n > 0 && span_trim(span_sub(all, 0, 1)).n == 0) all = span_sub(all, 1, all.n);
        const char *nl = all.n ? memchr(all.p, '\n', all.n) : NULL;
        *line = nl ? span_trim(span_sub(all, 0, (size_t)(nl - all.p))) : span_trim(all);
        if (nl || r->ended || r->carry_n == CHUNK_BYTES) return true;
        size_t got;
        bool ok = input_read(r->in, r->carry + r->carry_n, CHUNK_BYTES - r->carry_n, wait_ms, &got, &r->trouble);
        r->carry_n += got;
        r->ended = !ok || input_is_ended(r->in);
        if (got == 0 && !r->ended) return false;
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

/* The body of a request: an array over one line or many, which is one line's worth of nonsense here. */
static bool is_json_array(struct span first) {
    struct span rest =
        first.n > 0 && first.p[0] == '[' ? span_trim(span_sub(first, 1, first.n)) : (struct span){"x", 1};
    return rest.n == 0 || rest.p[0] == '{';
}

/* A file of objects whose first line was cut off by a rotation: the second, where it has come already, tells. */
static bool second_is_object(struct reader *r, struct span first) {
    struct span rest = {r->carry, r->carry_n};
    if (first.n == 0) return false;
    rest = span_sub(rest, (size_t)(first.p - r->carry) + first.n, rest.n);
    span_take_line(&rest);
    const char *nl = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
    return nl && reader_json_is_object(&r->json, span_sub(rest, 0, (size_t)(nl - rest.p)));
}

/* Settles the format once the first line is there. False: the input is broken, or, *e left as it was, it is not there
 * yet. */
static bool find_format(struct reader *r, int wait_ms, struct err *e) {
    struct span first = {0};
    if (r->format != READER_LINES && !peek_line(r, &first, wait_ms)) return false;
    if (r->format == READER_AUTO && is_json_array(first)) {
        r->ended = true;
        r->carry_n = 0;
        return err_set(e, ERR_INPUT, "%s: a JSON array; one object a line is read: jq -c '.[]' %s| logclass classify",
                       strcmp(r->path, "-") == 0 ? "stdin" : r->path, strcmp(r->path, "-") == 0 ? "" : r->path);
    }
    if (r->format == READER_AUTO) {
        r->format = reader_json_is_object(&r->json, first) || second_is_object(r, first) ? READER_JSONL
                    : reader_csv_is_header(first, r->json.message_key)                   ? READER_CSV
                                                                                         : READER_LINES;
    }
    if (r->format == READER_CSV && !open_csv(r, e)) return false;
    r->format_is_known = true;
    return true;
}

bool reader_next(struct reader *r, struct chunk *c, int wait_ms, struct err *e) {
    size_t from = 0;
    chunk_reset(c);
    r->chunk_max = reader_chunk_max(r);
    if (r->origins) chunk_want_origins(c);
    struct err why = {0};
    if (!r->format_is_known && !find_format(r, wait_ms, &why)) {
        if (why.code == ERR_OK) return true;
        *e = why;
        return false;
    }
    memcpy(c->text, r->carry, r->carry_n);
    c->text_n = r->carry_n;
    bool ok = reader_fill(r, c, &from, wait_ms, e);
    r->records += c->batch.n;
    r->open_from = NULL;
    r->carry_n = ok ? c->text_n - from : 0;
    memcpy(r->carry, c->text + from, r->carry_n);
    if (r->trouble.code == ERR_OK || (ok && r->carry_n > 0)) return ok;
    *e = r->trouble;
    return false;
}

bool reader_is_ended(const struct reader *r) {
    return r->ended && r->carry_n == 0;
}

struct reader *reader_open(const char *path, const struct reader_opts *o, struct err *e) {
    struct input *in = input_open(path, e);
    if (!in) return NULL;
    struct reader *r = must_calloc(1, sizeof *r);
    r->in = in;
    r->join = o->join;
    buf_init(&r->partial, 2 * CHUNK_LINE_MAX);
    if (o->binary) input_take_any(in);
    r->path = path;
    r->format = o->format;
    r->source = o->source;
    r->origins = o->origins;
    r->carry = must_calloc(1, CHUNK_BYTES);
    reader_json_init(&r->json);
    r->json.message_key = o->message_key;
    r->json.source_key = o->source_key;
    r->csv.message_key = o->message_key;
    r->csv.source_key = o->source_key;
    return r;
}

void reader_close(struct reader *r) {
    if (!r) return;
    reader_json_release(&r->json);
    buf_release(&r->partial);
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
