#include "api/decision.h"

#include "api/context.h"
#include "base/log.h"
#include "base/must.h"
#include "data/result_json.h"
#include "metrics/metrics.h"

#include <stdatomic.h>

/* What the loop does itself. The rest is the helper thread's, for on the loop it would hold up everybody else's
 * requests for a millisecond or more: larger bodies, all that are compressed, since four bytes of zstd can become 128
 * KiB, and the answers to many entries. */
enum { PLAIN_BYTES_HERE = 16 * 1024, ANSWERS_HERE = 256 };

/* ---- one batch ---- */

void decision_begin(struct decision *d, struct exchange *x) {
    *d = (struct decision){.x = x, .batch = {.arena = &x->arena}};
    explained_query(x, &d->batch.explain); /* it was looked at before */
}

static bool decision_pin(struct decision *d, struct err *e) {
    if (!pipeline_pin(api_of(d->x)->pipeline, &d->batch, e)) return false;
    d->labels = &d->batch.engine->labels;
    return true;
}

void decision_returned(struct decision *d) {
    if (!d->counted) return;
    metrics_gauge_add(METRIC_ENTRIES_IN_FLIGHT, 0, -(int64_t)d->counted);
    client_quota_give(&api_of(d->x)->quota, d->x->client, d->counted);
    d->counted = 0;
}

void decision_end(struct decision *d) {
    decision_returned(d);
    if (d->labels) pipeline_unpin(&d->batch);
    d->labels = NULL;
    explained_close(d->explained);
    d->explained = NULL;
}

bool decision_try_here(struct decision *d) {
    struct err e = {0};
    return decision_pin(d, &e) && fast_path_run(api_thread_of(d->x)->fast_path, &d->batch);
}

static void decision_done(struct batch *b) {
    struct decision *d = b->user;
    exchange_back(d->x);
}

static bool take_quota(struct decision *d) {
    unsigned max = api_settings_of(d->x)->client_entries_max;
    if (!client_quota_take(&api_of(d->x)->quota, d->x->client, d->batch.n, max))
        return exchange_refuse(d->x, REFUSE_CLIENT_SHARE,
                               "more than %u entries of one client at a time (client-entries-max)", max);
    d->counted = d->batch.n;
    metrics_gauge_add(METRIC_ENTRIES_IN_FLIGHT, 0, d->counted);
    return true;
}

bool decision_submit(struct decision *d) {
    struct err e = {0};
    if (!d->labels && !decision_pin(d, &e)) return exchange_refuse(d->x, REFUSE_QUEUE_FULL, "busy: %s", e.msg);
    if (take_quota(d)) {
        d->batch.user = d;
        d->batch.done = decision_done;
        exchange_leave(d->x);
        if (pipeline_submit(api_of(d->x)->pipeline, &d->batch, &e)) return true;
        exchange_stay(d->x);
        exchange_refuse(d->x, REFUSE_QUEUE_FULL, "busy: %s", e.msg);
    }
    decision_end(d);
    return false;
}

void decision_note_empty(struct record_json_reader *r) {
    if (r->without_message == 0) return;
    metrics_add(METRIC_WITHOUT_MESSAGE, 0, 0, 0, r->without_message);
    r->without_message = 0;
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&said)) return; /* once: a shipper with another name sends them for ever */
    log_warn("entries.without_message",
             "entries had no log_message, nor a message under another name (docs/formats.md); "
             "logclass_entries_without_message_total counts them");
}

bool decision_must_explain(const struct decision *d) {
    return d->batch.explain && !d->explained_once;
}

static void explain_elsewhere(struct exchange *x) {
    struct decision *d = x->handler_state;
    d->explained = explained_open(&d->batch);
}

enum step decision_explain(struct decision *d) {
    d->explained_once = true;
    if (exchange_task(d->x, explain_elsewhere)) return STEP_WAIT;
    d->x->refused = REFUSE_NONE;
    return STEP_SEND;
}

void decision_put(struct decision *d, uint32_t i) {
    struct buf *out = &d->x->out;
    buf_putc(out, '{');
    result_json_members(out, d->labels, &d->batch.res[i]);
    if (d->batch.explain) {
        struct span why = explained_of(d->explained, i);
        buf_puts(out, ",\"explain\":");
        buf_put(out, why.p, why.n);
    }
    buf_putc(out, '}');
}

/* ---- a whole request ---- */

/* Lies in the exchange's arena. */
struct whole {
    struct decision d;
    decision_read *read;
    struct record_json_limits limits; /* a copy: on the helper thread a reload may replace the settings */
    size_t body_bytes_max;
    struct exchange_memory memory;
    enum step (*answer)(struct decision *d);
    enum { WHOLE_READ, WHOLE_DECIDED, WHOLE_WRITTEN } phase; /* what has been done when the handler is run again */
};

static void release_whole(struct exchange *x) {
    struct whole *w = x->handler_state;
    decision_end(&w->d);
}

static struct whole *new_whole(struct exchange *x, decision_read *read, enum step (*answer)(struct decision *d)) {
    struct whole *w = arena_alloc(&x->arena, sizeof *w);
    if (!w) return NULL;
    const struct server_opts *o = exchange_server_opts(x);
    *w = (struct whole){.read = read,
                        .answer = answer,
                        .limits = api_settings_of(x)->limits,
                        .body_bytes_max = o->body_bytes_max,
                        .memory = exchange_memory_of(o)};
    decision_begin(&w->d, x);
    x->handler_state = w;
    x->release = release_whole;
    return w;
}

static enum refusal refusal_of(enum record_json_trouble t) {
    static const enum refusal OF[] = {
        [RECORD_JSON_OK] = REFUSE_NONE,
        [RECORD_JSON_MALFORMED] = REFUSE_MALFORMED,
        [RECORD_JSON_DEPTH] = REFUSE_DEPTH,
        [RECORD_JSON_ENTRIES] = REFUSE_ENTRIES,
        [RECORD_JSON_LINE_BYTES] = REFUSE_LINE_BYTES,
        [RECORD_JSON_MEMORY] = REFUSE_BODY_MEMORY,
    };
    return OF[t];
}

/* Decodes the body and fills the batch. On false x is refused. */
static bool read_body(struct whole *w, struct record_json_reader *reader) {
    struct exchange *x = w->d.x;
    struct err e = {0};
    bool packed = x->req.encoding != INFLATE_PLAIN;
    if (packed && !exchange_decode_body(x, w->body_bytes_max, &w->memory)) return false;
    enum record_json_trouble why = w->read(reader, &w->limits, &x->body, &x->arena, &w->d.batch, &e);
    decision_note_empty(reader);
    return why == RECORD_JSON_OK || exchange_refuse(x, refusal_of(why), "%s", e.msg);
}

/* On the helper thread, with a reader of its own: the loop's is in use. */
static void read_elsewhere(struct exchange *x) {
    struct record_json_reader reader;
    if (!record_json_reader_init(&reader)) {
        exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the JSON reader");
        return;
    }
    read_body(x->handler_state, &reader);
    record_json_reader_release(&reader);
}

static bool is_read_here(const struct exchange *x) {
    return x->req.encoding == INFLATE_PLAIN && x->body.n <= PLAIN_BYTES_HERE;
}

static void write_elsewhere(struct exchange *x) {
    struct whole *w = x->handler_state;
    w->answer(&w->d);
}

/* The client may read slowly; what it will read is text, and no engine is kept for it. */
static enum step whole_answer(struct whole *w) {
    struct exchange *x = w->d.x;
    if (decision_must_explain(&w->d) && decision_explain(&w->d) == STEP_WAIT) return STEP_WAIT;
    if (w->phase == WHOLE_DECIDED && w->d.batch.n > ANSWERS_HERE) {
        w->phase = WHOLE_WRITTEN;
        if (exchange_task(x, write_elsewhere)) return STEP_WAIT;
        x->refused = REFUSE_NONE; /* the helper has no room: here, then */
        w->phase = WHOLE_DECIDED;
    }
    if (w->phase == WHOLE_DECIDED) w->answer(&w->d);
    decision_end(&w->d);
    return STEP_SEND;
}

enum step decision_run(struct exchange *x, decision_read *read, enum step (*answer)(struct decision *d)) {
    struct whole *w = x->handler_state;
    bool explains;
    if (!w && !explained_query(x, &explains)) return STEP_SEND;
    if (!w) {
        if (!(w = new_whole(x, read, answer))) {
            exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the entries");
            return STEP_SEND;
        }
        if (!is_read_here(x)) return exchange_task(x, read_elsewhere) ? STEP_WAIT : STEP_SEND;
        read_body(w, &api_thread_of(x)->reader);
    }
    if (x->refused) return STEP_SEND;
    decision_returned(&w->d);
    if (w->phase >= WHOLE_DECIDED) return whole_answer(w);
    x->entries = w->d.batch.n;
    if (w->d.batch.explain && w->d.batch.n > EXPLAINED_ENTRIES_MAX) {
        exchange_refuse(x, REFUSE_ENTRIES, "%u entries, at most %d are explained at a time", w->d.batch.n,
                        EXPLAINED_ENTRIES_MAX);
        return STEP_SEND;
    }
    w->phase = WHOLE_DECIDED;
    if (decision_try_here(&w->d)) return whole_answer(w);
    return decision_submit(&w->d) ? STEP_WAIT : STEP_SEND;
}
