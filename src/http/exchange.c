#include "http/exchange.h"

#include "base/clock.h"
#include "base/must.h"
#include "metrics/metrics.h"
#include "api/ndjson.h"
#include "http/internal.h"

#include <stdio.h>

enum {
    KEEP_BYTES = 256 * 1024, /* larger buffers are freed after their request */
    ARENA_BYTES_MAX = 64 * 1024 * 1024,
    OUT_BYTES_MAX = 256 * 1024 * 1024, /* 262,144 entries of 1 KiB each, a common one is 100 bytes */
};

/* A body may grow threefold when its UTF-8 is repaired; a stream's holds a read or two. */
static size_t body_cap(const struct server_opts *o) {
    return 3 * o->body_bytes_max + 4 * (size_t)LOOP_READ_BYTES;
}

struct exchange *exchange_take(struct loop *l, struct conn *c) {
    struct exchange *x = l->free_exchanges;
    if (x) {
        l->free_exchanges = x->next;
        l->free_exchanges_n--;
        x->next = NULL;
    } else if ((x = calloc(1, sizeof *x)) != NULL) {
        x->loop = l;
        buf_init(&x->out, OUT_BYTES_MAX);
        arena_init(&x->arena, ARENA_BYTES_MAX);
    } else {
        return NULL;
    }
    x->conn = c;
    x->batch.arena = &x->arena;
    x->client = c->client;
    x->begun_ns = l->now_ns;
    x->req.text.max = l->set->o.header_bytes_max; /* it may have been in use under other limits */
    x->body.max = body_cap(&l->set->o);
    return x;
}

static void trim_buf(struct buf *b) {
    if (b->cap > KEEP_BYTES) buf_release(b);
    buf_reset(b);
}

void exchange_give(struct exchange *x) {
    MUST(!x->away);
    struct loop *l = x->loop;
    exchange_unpin(x);
    atomic_fetch_sub_explicit(&l->server->body_bytes, x->body_counted, memory_order_relaxed);
    ndjson_close(x->stream);
    trim_buf(&x->req.text);
    trim_buf(&x->body);
    trim_buf(&x->out);
    arena_reset(&x->arena);
    if (x->arena.bytes > KEEP_BYTES) arena_release(&x->arena);
    if (l->free_exchanges_n >= LOOP_EXCHANGES_KEPT) {
        exchange_free(x);
        return;
    }
    *x = (struct exchange){
        .loop = l,
        .next = l->free_exchanges,
        .req = {.text = x->req.text},
        .body = x->body,
        .out = x->out,
        .arena = x->arena,
    };
    l->free_exchanges = x;
    l->free_exchanges_n++;
}

void exchange_free(struct exchange *x) {
    buf_release(&x->req.text);
    buf_release(&x->body);
    buf_release(&x->out);
    arena_release(&x->arena);
    free(x);
}

bool exchange_refuse(struct exchange *x, enum refusal why, const char *fmt, ...) {
    if (x->refused) return false;
    va_list args;
    va_start(args, fmt);
    vsnprintf(x->why, sizeof x->why, fmt, args);
    va_end(args);
    x->refused = why;
    return false;
}

bool exchange_count_body(struct exchange *x, size_t n) {
    struct server *s = x->loop->server;
    size_t held = atomic_fetch_add_explicit(&s->body_bytes, n, memory_order_relaxed) + n;
    x->body_counted += n;
    size_t max = x->loop->set->o.body_memory_max;
    return held <= max ||
           exchange_refuse(x, REFUSE_BODY_MEMORY, "request bodies hold %zu bytes already (body-memory-max)", max);
}

bool exchange_add_body(struct exchange *x, const char *p, size_t n) {
    size_t max = x->loop->set->o.body_bytes_max;
    if (!x->streams && x->body.n + n > max)
        return exchange_refuse(x, REFUSE_BODY_BYTES, "the body is larger than %zu bytes (body-bytes-max)", max);
    if (!x->streams && !exchange_count_body(x, n)) return false;
    buf_put(&x->body, p, n);
    return !x->body.failed || exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the body");
}

bool exchange_decode_body(struct exchange *x) {
    size_t max = x->loop->set->o.body_bytes_max;
    struct err e = {0};
    struct inflate *d = inflate_open(x->req.encoding, INFLATE_WINDOW_LOG_NETWORK);
    if (!d) return exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory to decode the body");
    struct buf text;
    buf_init(&text, x->body.max);
    struct span in = buf_span(&x->body);
    bool ok = inflate_append(d, &in, &text, max + 1, &e);
    if (!ok)
        exchange_refuse(x, REFUSE_MALFORMED, "%s", e.msg);
    else if (text.n > max)
        ok = exchange_refuse(x, REFUSE_BODY_BYTES, "the decoded body is larger than %zu bytes (body-bytes-max)", max);
    else if (!inflate_is_whole(d))
        ok = exchange_refuse(x, REFUSE_MALFORMED, "the compressed body ends too soon");
    inflate_close(d);
    buf_release(&x->body);
    x->body = text;
    return ok && exchange_count_body(x, text.n);
}

static bool exchange_pin(struct exchange *x, struct err *e) {
    const struct server *s = x->loop->server;
    x->labels = s->backend.pin ? s->backend.pin(s->backend.self, &x->batch, e) : &s->labels;
    return x->labels != NULL;
}

void exchange_unpin(struct exchange *x) {
    const struct server *s = x->loop->server;
    if (x->labels && s->backend.unpin) s->backend.unpin(s->backend.self, &x->batch);
    x->labels = NULL;
}

bool exchange_decide(struct exchange *x) {
    struct err e = {0};
    void *fast_path = x->loop->fast_path;
    return fast_path && exchange_pin(x, &e) && x->loop->server->backend.fast_path(fast_path, &x->batch);
}

bool exchange_submit(struct exchange *x) {
    struct server *s = x->loop->server;
    struct err e = {0};
    unsigned n = x->batch.n, share = x->loop->set->o.client_entries_max;
    if (!x->labels && !exchange_pin(x, &e)) return exchange_refuse(x, REFUSE_QUEUE_FULL, "busy: %s", e.msg);
    if (!client_quota_take(&s->share, x->client, n, share)) {
        exchange_unpin(x);
        return exchange_refuse(x, REFUSE_CLIENT_SHARE,
                               "more than %u entries of one client at a time "
                               "(client-entries-max)",
                               share);
    }
    x->batch.user = x;
    x->batch.done = loop_batch_done;
    x->away = true;
    x->loop->away++;
    metrics_gauge_add(METRIC_ENTRIES_IN_FLIGHT, 0, n);
    if (s->backend.submit(s->backend.self, &x->batch, &e)) return true;
    exchange_returned(x);
    exchange_unpin(x);
    return exchange_refuse(x, REFUSE_QUEUE_FULL, "busy: %s", e.msg);
}

void exchange_returned(struct exchange *x) {
    MUST(x->away && x->loop->away > 0);
    x->away = false;
    x->loop->away--;
    metrics_gauge_add(METRIC_ENTRIES_IN_FLIGHT, 0, -(int64_t)x->batch.n);
    client_quota_give(&x->loop->server->share, x->client, x->batch.n);
}
