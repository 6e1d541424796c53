#include "api/ndjson.h"

#include "base/must.h"
#include "base/json_out.h"
#include "api/classify.h"
#include "http/response.h"
#include "http/internal.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ESCAPE_GROWTH = 6,                          /* of an entry's JSON over its text: \u0000 */
    LINE_OVERHEAD = 4096,                       /* its other fields */
    STREAM_HELD_BYTES = 4 * STREAM_BATCH_BYTES, /* counted as body memory: a batch's text, repaired, and its answers */
};

/* What became of one line. */
struct line {
    bool is_record; /* the next record of the batch; else: */
    char why[EXCHANGE_TEXT_MAX];
};

struct ndjson {
    struct inflate *decoder;
    struct buf text; /* decoded; cut into lines from text_at on */
    size_t text_at;
    uint64_t lines_seen;
    struct line line[STREAM_LINES_MAX];
    uint32_t lines;
    size_t batch_bytes;
    bool broken; /* nothing more can be read; an answer line says why */
};

static size_t line_cap(const struct server_opts *o) {
    return ESCAPE_GROWTH * 2 * o->line_bytes_max + LINE_OVERHEAD;
}

static struct ndjson *stream_open(const struct exchange *x) {
    struct ndjson *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->decoder = inflate_open(x->req.encoding, INFLATE_WINDOW_LOG_NETWORK);
    buf_init(&s->text, line_cap(&x->loop->set->o) + 4 * (size_t)LOOP_READ_BYTES);
    if (s->decoder) return s;
    ndjson_close(s);
    return NULL;
}

void ndjson_close(struct ndjson *s) {
    if (!s) return;
    inflate_close(s->decoder);
    buf_release(&s->text);
    free(s);
}

/* ---- bytes → lines → records ---- */

static struct line *new_line(struct ndjson *s) {
    MUST(s->lines < STREAM_LINES_MAX);
    struct line *l = &s->line[s->lines++];
    l->is_record = false;
    l->why[0] = '\0';
    return l;
}

static void ndjson_take_line(struct exchange *x, struct span text) {
    struct ndjson *s = x->stream;
    const struct server_opts *o = &x->loop->set->o;
    struct entry_limits lim = {o->entries_max, o->depth_max, o->line_bytes_max};
    struct err e = {0};
    s->lines_seen++;
    s->batch_bytes += text.n + 1;
    if (span_trim(text).n == 0) return;
    struct line *l = new_line(s);
    enum refusal why = entry_read_line(&x->loop->entries, &lim, text, &x->arena, &x->batch.rec[x->batch.n], &e);
    l->is_record = why == REFUSE_NONE;
    x->batch.n += l->is_record;
    if (why) snprintf(l->why, sizeof l->why, "line %" PRIu64 ": %.150s", s->lines_seen, e.msg);
}

/* Ends the stream with an answer line that says why. */
static void break_off(struct ndjson *s, const char *why) {
    s->broken = true;
    snprintf(new_line(s)->why, EXCHANGE_TEXT_MAX, "line %" PRIu64 ": %.150s", s->lines_seen + 1, why);
}

/* Decodes some more of the body. False: there is nothing to decode now. */
static bool more_text(struct exchange *x) {
    struct ndjson *s = x->stream;
    struct err e = {0};
    struct span in = buf_span(&x->body);
    buf_drop_front(&s->text, s->text_at);
    s->text_at = 0;
    size_t had = s->text.n;
    bool ok = inflate_append(s->decoder, &in, &s->text, LOOP_READ_BYTES, &e);
    buf_drop_front(&x->body, x->body.n - in.n);
    if (!ok) break_off(s, e.msg);
    return ok && s->text.n > had;
}

/* The next whole line, or at the body's end what is left. */
static bool next_line(struct exchange *x, struct span *line) {
    struct ndjson *s = x->stream;
    struct span left = span_sub(buf_span(&s->text), s->text_at, s->text.n);
    const char *nl = left.n ? memchr(left.p, '\n', left.n) : NULL;
    bool at_end = x->req.complete && x->body.n == 0 && inflate_is_whole(s->decoder);
    if (!nl && !(at_end && left.n > 0)) return false;
    size_t n = nl ? (size_t)(nl - left.p) : left.n;
    *line = span_sub(left, 0, n);
    s->text_at += nl ? n + 1 : n;
    return true;
}

static bool batch_is_full(const struct ndjson *s) {
    return s->lines == STREAM_LINES_MAX || s->batch_bytes >= STREAM_BATCH_BYTES;
}

/* Fills the batch from what has arrived. */
static bool ndjson_fill(struct exchange *x) {
    struct ndjson *s = x->stream;
    size_t cap = line_cap(&x->loop->set->o);
    arena_reset(&x->arena);
    x->batch = (struct batch){.explain = classify_explains(x)};
    x->batch.rec = arena_alloc(&x->arena, STREAM_LINES_MAX * sizeof *x->batch.rec);
    x->batch.res = arena_alloc(&x->arena, STREAM_LINES_MAX * sizeof *x->batch.res);
    if (!x->batch.rec || !x->batch.res) return exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the entries");
    memset(x->batch.res, 0, STREAM_LINES_MAX * sizeof *x->batch.res);
    s->lines = 0;
    s->batch_bytes = 0;
    while (!s->broken && !batch_is_full(s)) {
        struct span line;
        if (next_line(x, &line))
            ndjson_take_line(x, line);
        else if (s->text.n - s->text_at > cap)
            break_off(s, "too long");
        else if (!more_text(x))
            break;
    }
    return true;
}

/* ---- answers ---- */

static void ndjson_put_lines(struct exchange *x) {
    uint32_t rec = 0;
    for (uint32_t i = 0; i < x->stream->lines; i++) {
        const struct line *l = &x->stream->line[i];
        if (l->is_record) {
            classify_result(x, rec++);
        } else {
            buf_puts(&x->out, "{\"error\":");
            json_out_string(&x->out, span_of(l->why));
            buf_putc(&x->out, '}');
        }
        buf_putc(&x->out, '\n');
    }
}

/* True: the body is digested to its end. */
static bool ndjson_is_over(struct exchange *x) {
    struct ndjson *s = x->stream;
    return s->broken || (x->req.complete && x->body.n == 0 && s->text_at == s->text.n && inflate_is_whole(s->decoder));
}

static enum step ndjson_answer(struct exchange *x) {
    buf_reset(&x->out);
    ndjson_put_lines(x);
    exchange_unpin(x); /* the next batch may have other labels */
    x->phase = PHASE_BEGIN;
    bool over = ndjson_is_over(x);
    if (x->stream->broken && x->conn) x->conn->close_after = true;
    response_send(x, 200, RESPONSE_NDJSON);
    x->last = over;
    return STEP_SEND;
}

/* Nothing was found to answer in what has arrived. */
static enum step without_lines(struct exchange *x) {
    struct ndjson *s = x->stream;
    if (batch_is_full(s)) return STEP_STALL; /* nothing but empty lines: others' turn */
    if (!x->req.complete) return STEP_READ;
    if (!inflate_is_whole(s->decoder)) break_off(s, "the compressed body ends too soon");
    if (s->lines == 0 && !x->head_out) {
        exchange_refuse(x, REFUSE_MALFORMED, "no log entries provided");
        return STEP_SEND;
    }
    return ndjson_answer(x);
}

/* A busy backend is an answer of its own only while no other has begun. */
static enum step ndjson_submit(struct exchange *x) {
    x->phase = PHASE_ANSWER;
    if (exchange_submit(x)) return STEP_WAIT;
    if (!x->head_out) return STEP_SEND;
    x->refused = REFUSE_NONE;
    x->phase = PHASE_SUBMIT;
    return STEP_STALL;
}

static bool ndjson_begin(struct exchange *x) {
    if (!exchange_count_body(x, STREAM_HELD_BYTES)) return false;
    x->stream = stream_open(x);
    return x->stream || exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the stream");
}

enum step ndjson_run(struct exchange *x) {
    if (!x->stream && !ndjson_begin(x)) return STEP_SEND;
    if (x->phase == PHASE_ANSWER) return ndjson_answer(x);
    if (x->phase == PHASE_SUBMIT) return ndjson_submit(x);
    if (!ndjson_fill(x)) return STEP_SEND;
    if (x->batch.n > 0) return ndjson_submit(x);
    return x->stream->lines > 0 ? ndjson_answer(x) : without_lines(x);
}
