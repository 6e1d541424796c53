#include "api/ndjson.h"

#include "api/context.h"
#include "api/decision.h"
#include "base/json_out.h"
#include "base/must.h"
#include "http/response.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ESCAPE_GROWTH = 6,       /* of an entry's JSON over its text: \u0000 */
    LINE_OVERHEAD = 4096,    /* its other fields */
    PIECE_BYTES = 64 * 1024, /* decoded at a time */
};

/* What became of one line. */
struct line {
    bool is_record; /* the next record of the batch; else: */
    char why[EXCHANGE_TEXT_MAX];
};

struct ndjson {
    struct decision d;
    /* What is done next. FILLED: the helper has read; SUBMIT: somebody was busy. */
    enum { NDJSON_READ, NDJSON_FILLED, NDJSON_SUBMIT, NDJSON_ANSWER } phase;
    struct record_json_reader own_reader; /* on the helper thread, where the loop's is in use */
    struct record_json_limits limits;     /* a copy: on the helper thread a reload may replace the settings */
    struct inflate *decoder;
    struct buf text; /* decoded; cut into lines from text_at on */
    size_t text_at;
    uint64_t lines_seen;
    struct line *line; /* line[NDJSON_LINES_MAX], in the arena */
    uint32_t lines;
    size_t batch_bytes;
    size_t blank_bytes; /* of empty lines since the last other line: nobody is answered for them */
    char damage[160];   /* of the compressed body; "": none so far. What came before it is still answered */
    bool broken;        /* nothing more can be read; an answer line says why */
};

static size_t line_cap(const struct record_json_limits *l) {
    return ESCAPE_GROWTH * 2 * l->line_bytes_max + LINE_OVERHEAD;
}

/* A compressed stream: four bytes of it can be 128 KiB, which would hold up everybody else's requests. */
static bool is_filled_elsewhere(const struct exchange *x) {
    return x->req.encoding != INFLATE_PLAIN;
}

static void ndjson_release(struct exchange *x) {
    struct ndjson *s = x->handler_state;
    decision_end(&s->d);
    inflate_close(s->decoder);
    record_json_reader_release(&s->own_reader);
    buf_release(&s->text);
    free(s);
}

/* On false x is refused. */
static bool ndjson_begin(struct exchange *x) {
    struct ndjson *s = calloc(1, sizeof *s);
    if (!s) return exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the stream");
    x->handler_state = s;
    x->release = ndjson_release;
    decision_begin(&s->d, x);
    buf_init(&s->text, line_cap(&api_settings_of(x)->limits) + 4 * (size_t)PIECE_BYTES);
    s->decoder = inflate_open(x->req.encoding, INFLATE_WINDOW_LOG_NETWORK);
    bool ok = s->decoder && (!is_filled_elsewhere(x) || record_json_reader_init(&s->own_reader));
    return ok || exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the stream");
}

/* ---- memory ---- */

/* Counts what the stream really holds. On false x is refused. */
static bool ndjson_hold(struct exchange *x) {
    const struct ndjson *s = x->handler_state;
    struct exchange_memory m = exchange_memory_of(exchange_server_opts(x));
    size_t held = sizeof *s + inflate_memory(s->decoder) + s->text.cap + x->body.cap + x->out.cap + x->arena.bytes;
    return exchange_hold(x, held, &m);
}

/* A stream may be silent for long: it keeps no more than the beginning of a line. */
static enum step ndjson_wait(struct exchange *x) {
    struct ndjson *s = x->handler_state;
    decision_end(&s->d);
    arena_release(&x->arena);
    buf_release(&x->out);
    if (x->body.n == 0) buf_release(&x->body);
    if (s->text_at == s->text.n) {
        buf_release(&s->text);
        s->text_at = 0;
    }
    if (!ndjson_hold(x) && x->head_out) x->refused = REFUSE_NONE; /* too late: it is counted when there is room */
    return x->refused ? STEP_SEND : STEP_READ;
}

/* ---- bytes → lines → records ---- */

static struct line *new_line(struct ndjson *s) {
    MUST(s->lines < NDJSON_LINES_MAX);
    struct line *l = &s->line[s->lines++];
    l->is_record = false;
    l->why[0] = '\0';
    return l;
}

static void ndjson_take_line(struct exchange *x, struct record_json_reader *reader, struct span text) {
    struct ndjson *s = x->handler_state;
    struct batch *b = &s->d.batch;
    struct err e = {0};
    s->lines_seen++;
    s->batch_bytes += text.n + 1;
    if (span_trim(text).n == 0) {
        s->blank_bytes += text.n + 1;
        return;
    }
    s->blank_bytes = 0;
    struct line *l = new_line(s);
    enum record_json_trouble why = record_json_read_line(reader, &s->limits, text, &x->arena, &b->rec[b->n], &e);
    decision_note_empty(reader);
    l->is_record = why == RECORD_JSON_OK;
    b->n += l->is_record;
    if (why) snprintf(l->why, sizeof l->why, "line %" PRIu64 ": %.150s", s->lines_seen, e.msg);
}

/* Ends the stream with an answer line that says why. */
static void break_off(struct ndjson *s, const char *why) {
    s->broken = true;
    snprintf(new_line(s)->why, EXCHANGE_TEXT_MAX, "line %" PRIu64 ": %.150s", s->lines_seen + 1, why);
}

/* Decodes some more of the body. False: there is nothing to decode now. */
static bool more_text(struct exchange *x) {
    struct ndjson *s = x->handler_state;
    struct err e = {0};
    struct span in = buf_span(&x->body);
    buf_drop_front(&s->text, s->text_at);
    s->text_at = 0;
    size_t had = s->text.n;
    if (s->damage[0]) {
        break_off(s, s->damage);
        return false;
    }
    bool ok = inflate_append(s->decoder, &in, &s->text, PIECE_BYTES, &e);
    buf_drop_front(&x->body, x->body.n - in.n);
    if (!ok) snprintf(s->damage, sizeof s->damage, "%.150s", e.msg);
    if (!ok && s->text.n == had) break_off(s, s->damage);
    return s->text.n > had;
}

/* The next whole line, or at the body's end what is left. */
static bool next_line(struct exchange *x, struct span *line) {
    struct ndjson *s = x->handler_state;
    struct span left = span_sub(buf_span(&s->text), s->text_at, s->text.n);
    const char *nl = left.n ? memchr(left.p, '\n', left.n) : NULL;
    bool at_end = !nl && x->req.complete && x->body.n == 0 && inflate_is_whole(s->decoder);
    if (!nl && !(at_end && left.n > 0)) return false;
    size_t n = nl ? (size_t)(nl - left.p) : left.n;
    *line = span_sub(left, 0, n);
    s->text_at += nl ? n + 1 : n;
    return true;
}

/* Many empty lines in a row cost no more than their bytes. */
static void skip_empty_lines(struct ndjson *s) {
    size_t from = s->text_at, n;
    while (s->text_at < s->text.n && s->text.p[s->text_at] == '\n') s->text_at++;
    n = s->text_at - from;
    s->lines_seen += n, s->batch_bytes += n, s->blank_bytes += n;
}

/* A batch of nothing but empty lines goes on until it has another, or too many of them. */
static bool ndjson_batch_is_full(const struct ndjson *s) {
    return s->lines == NDJSON_LINES_MAX || (s->lines > 0 && s->batch_bytes >= NDJSON_BATCH_BYTES);
}

/* Fills the batch from what has arrived. */
static bool ndjson_fill(struct exchange *x, struct record_json_reader *reader) {
    struct ndjson *s = x->handler_state;
    size_t cap = line_cap(&s->limits);
    arena_reset(&x->arena);
    decision_begin(&s->d, x);
    struct batch *b = &s->d.batch;
    b->rec = arena_alloc(&x->arena, NDJSON_LINES_MAX * sizeof *b->rec);
    b->res = arena_alloc(&x->arena, NDJSON_LINES_MAX * sizeof *b->res);
    s->line = arena_alloc(&x->arena, NDJSON_LINES_MAX * sizeof *s->line);
    if (!b->rec || !b->res || !s->line) return exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the entries");
    memset(b->res, 0, NDJSON_LINES_MAX * sizeof *b->res);
    s->lines = 0;
    s->batch_bytes = 0;
    while (!s->broken && !ndjson_batch_is_full(s)) {
        struct span line;
        skip_empty_lines(s);
        if (s->blank_bytes > NDJSON_BLANK_BYTES_MAX)
            break_off(s, "too many empty lines: more than 262144 bytes of them in a row");
        else if (next_line(x, &line))
            ndjson_take_line(x, reader, line);
        else if (s->text.n - s->text_at > cap)
            break_off(s, "too long");
        else if (!more_text(x))
            break;
    }
    x->entries += b->n;
    return true;
}

static void fill_elsewhere(struct exchange *x) {
    struct ndjson *s = x->handler_state;
    ndjson_fill(x, &s->own_reader);
}

/* ---- answers ---- */

static void ndjson_put_lines(struct ndjson *s, struct buf *out) {
    uint32_t rec = 0;
    for (uint32_t i = 0; i < s->lines; i++) {
        const struct line *l = &s->line[i];
        if (l->is_record) {
            decision_put(&s->d, rec++);
        } else {
            buf_puts(out, "{\"error\":");
            json_out_string(out, span_of(l->why));
            buf_putc(out, '}');
        }
        buf_putc(out, '\n');
    }
}

/* True: the body is digested to its end. */
static bool ndjson_is_over(const struct exchange *x) {
    const struct ndjson *s = x->handler_state;
    return s->broken || (x->req.complete && x->body.n == 0 && s->text_at == s->text.n && inflate_is_whole(s->decoder));
}

static enum step ndjson_answer(struct exchange *x) {
    struct ndjson *s = x->handler_state;
    buf_reset(&x->out);
    ndjson_put_lines(s, &x->out);
    if (!ndjson_hold(x) && x->head_out)
        x->refused = REFUSE_NONE; /* too late to say so, and it is no more than a batch */
    decision_end(&s->d);          /* the next batch may be decided by another engine, with other labels */
    s->phase = NDJSON_READ;
    if (s->broken) x->closes_after = true;
    return ndjson_is_over(x) ? response_send(x, 200, RESPONSE_NDJSON) : response_part(x, 200, RESPONSE_NDJSON);
}

/* Nothing was found to answer in what has arrived. */
static enum step without_lines(struct exchange *x) {
    struct ndjson *s = x->handler_state;
    if (!x->req.complete) return ndjson_wait(x);
    if (!inflate_is_whole(s->decoder)) break_off(s, "the compressed body ends too soon");
    if (s->lines == 0 && !x->head_out) {
        exchange_refuse(x, REFUSE_MALFORMED, "no log entries provided");
        return STEP_SEND;
    }
    return ndjson_answer(x);
}

/* A busy pipeline or helper, or too little memory, is an answer of its own only while no other has begun. */
static enum step ndjson_try_later(struct exchange *x, unsigned phase) {
    struct ndjson *s = x->handler_state;
    if (!x->head_out) return STEP_SEND;
    x->refused = REFUSE_NONE;
    s->phase = phase;
    return STEP_STALL;
}

static enum step ndjson_submit(struct exchange *x) {
    struct ndjson *s = x->handler_state;
    s->phase = NDJSON_ANSWER;
    if (ndjson_hold(x) && decision_submit(&s->d)) return STEP_WAIT;
    return ndjson_try_later(x, NDJSON_SUBMIT);
}

/* The batch is filled. */
static enum step ndjson_go_on(struct exchange *x) {
    const struct ndjson *s = x->handler_state;
    if (x->refused) return STEP_SEND;
    if (s->d.batch.n > 0) return ndjson_submit(x);
    return s->lines > 0 ? ndjson_answer(x) : without_lines(x);
}

static enum step ndjson_read(struct exchange *x) {
    struct ndjson *s = x->handler_state;
    s->limits = api_settings_of(x)->limits;
    if (!is_filled_elsewhere(x)) {
        ndjson_fill(x, &api_thread_of(x)->reader);
        return ndjson_go_on(x);
    }
    s->phase = NDJSON_FILLED;
    return exchange_task(x, fill_elsewhere) ? STEP_WAIT : ndjson_try_later(x, NDJSON_READ);
}

enum step ndjson_run(struct exchange *x) {
    bool explains;
    if (!x->handler_state && (!explained_query(x, &explains) || !ndjson_begin(x))) return STEP_SEND;
    struct ndjson *s = x->handler_state;
    decision_returned(&s->d);
    if (s->phase == NDJSON_ANSWER && decision_must_explain(&s->d) && decision_explain(&s->d) == STEP_WAIT)
        return STEP_WAIT;
    if (s->phase == NDJSON_ANSWER) return ndjson_answer(x);
    if (s->phase == NDJSON_SUBMIT) return ndjson_submit(x);
    if (s->phase == NDJSON_READ) return ndjson_read(x);
    s->phase = NDJSON_READ;
    return ndjson_go_on(x);
}
