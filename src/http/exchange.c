#include "http/exchange.h"

#include "base/must.h"
#include "http/internal.h"

#include <stdio.h>

enum {
    SMALL_ANSWER_BYTES = 4096,
    KEEP_BYTES = 256 * 1024, /* larger buffers are freed after their request */
    ARENA_BYTES_MAX = 64 * 1024 * 1024,
    OUT_BYTES_MAX = 256 * 1024 * 1024, /* 262,144 entries of 1 KiB each, a common one is 100 bytes */
};

/* A handler may make a body up to three times as long (repaired UTF-8); a stream's holds a read or two. */
static size_t body_cap(const struct server_opts *o) {
    return 3 * o->body_bytes_max + 4 * (size_t)CONN_READ_BYTES;
}

/* ---- memory ---- */

struct exchange_memory exchange_memory_of(const struct server_opts *o) {
    return (struct exchange_memory){o->body_memory_max, o->client_memory_max};
}

static bool hold_more(struct exchange *x, size_t n, const struct exchange_memory *m) {
    struct server *s = x->thread->server;
    if (!client_quota_take(&s->memory, x->client, n, m->client_max))
        return exchange_refuse(x, REFUSE_CLIENT_SHARE,
                               "requests of one client hold %zu bytes already (client-memory-max)", m->client_max);
    size_t held = atomic_fetch_add_explicit(&s->body_bytes, n, memory_order_relaxed) + n;
    if (held <= m->total_max) return true;
    atomic_fetch_sub_explicit(&s->body_bytes, n, memory_order_relaxed);
    client_quota_give(&s->memory, x->client, n);
    return exchange_refuse(x, REFUSE_BODY_MEMORY, "request bodies hold %zu bytes already (body-memory-max)",
                           m->total_max);
}

static void hold_less(struct exchange *x, size_t n) {
    struct server *s = x->thread->server;
    atomic_fetch_sub_explicit(&s->body_bytes, n, memory_order_relaxed);
    client_quota_give(&s->memory, x->client, n);
}

bool exchange_hold(struct exchange *x, size_t n, const struct exchange_memory *m) {
    if (n > x->counted && !hold_more(x, n - x->counted, m)) return false;
    if (n < x->counted) hold_less(x, x->counted - n);
    x->counted = n;
    return true;
}

/* ---- life ---- */

static void exchange_returned(void *self) {
    struct exchange *x = self;
    exchange_stay(x);
    if (x->conn)
        conn_resume(x->conn);
    else
        exchange_give(x);
}

struct exchange *exchange_take(struct server_thread *t, struct conn *c) {
    struct exchange *x = t->free_exchanges;
    if (x) {
        t->free_exchanges = x->next;
        t->free_exchanges_n--;
        x->next = NULL;
    } else if ((x = calloc(1, sizeof *x)) != NULL) {
        x->thread = t;
        buf_init(&x->out, OUT_BYTES_MAX);
        arena_init(&x->arena, ARENA_BYTES_MAX);
    } else {
        return NULL;
    }
    x->conn = c;
    x->client = c->client;
    x->begun_ns = t->loop.now_ns;
    x->back = (struct loop_post){.run = exchange_returned, .self = x};
    x->req.text.max = t->set->o.header_bytes_max; /* it may have been in use under other limits */
    x->body.max = body_cap(&t->set->o);
    return x;
}

static void trim_buf(struct buf *b) {
    if (b->cap > KEEP_BYTES) buf_release(b);
    buf_reset(b);
}

void exchange_give(struct exchange *x) {
    MUST(!x->away);
    struct server_thread *t = x->thread;
    if (x->release) x->release(x);
    hold_less(x, x->counted);
    trim_buf(&x->req.text);
    trim_buf(&x->body);
    trim_buf(&x->out);
    arena_reset(&x->arena);
    if (x->arena.bytes > KEEP_BYTES) arena_release(&x->arena);
    if (t->free_exchanges_n >= SERVER_THREAD_EXCHANGES_KEPT) {
        exchange_free(x);
        return;
    }
    *x = (struct exchange){
        .thread = t,
        .next = t->free_exchanges,
        .req = {.text = x->req.text},
        .body = x->body,
        .out = x->out,
        .arena = x->arena,
    };
    t->free_exchanges = x;
    t->free_exchanges_n++;
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

/* ---- the answer ---- */

static void drop_answer(struct exchange *x) {
    if (x->release) x->release(x);
    x->release = NULL;
    buf_release(&x->body);
    buf_release(&x->out);
    arena_release(&x->arena);
    hold_less(x, x->counted);
    x->counted = 0;
}

bool exchange_hold_answer(struct exchange *x) {
    if (exchange_streams(x) || x->out.n <= SMALL_ANSWER_BYTES) return true;
    struct exchange_memory m = exchange_memory_of(exchange_opts(x));
    if (exchange_hold(x, x->body.cap + x->out.cap + x->arena.bytes, &m)) return true;
    drop_answer(x);
    return false;
}

/* ---- the body ---- */

bool exchange_add_body(struct exchange *x, const char *p, size_t n) {
    const struct server_opts *o = exchange_opts(x);
    bool streams = exchange_streams(x);
    if (!streams && x->body.n + n > o->body_bytes_max)
        return exchange_refuse(x, REFUSE_BODY_BYTES, "the body is larger than %zu bytes (body-bytes-max)",
                               o->body_bytes_max);
    struct exchange_memory m = exchange_memory_of(o);
    if (!streams && !exchange_hold(x, x->counted + n, &m)) return false;
    buf_put(&x->body, p, n);
    return !x->body.failed || exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the body");
}

bool exchange_decode_body(struct exchange *x, size_t bytes_max, const struct exchange_memory *m) {
    struct err e = {0};
    struct inflate *d = inflate_open(x->req.encoding, INFLATE_WINDOW_LOG_NETWORK);
    if (!d) return exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory to decode the body");
    struct buf text;
    buf_init(&text, x->body.max);
    struct span in = buf_span(&x->body);
    bool ok = inflate_append(d, &in, &text, bytes_max + 1, &e);
    if (!ok)
        exchange_refuse(x, REFUSE_MALFORMED, "%s", e.msg);
    else if (text.n > bytes_max)
        ok = exchange_refuse(x, REFUSE_BODY_BYTES, "the decoded body is larger than %zu bytes (body-bytes-max)",
                             bytes_max);
    else if (!inflate_is_whole(d))
        ok = exchange_refuse(x, REFUSE_MALFORMED, "the compressed body ends too soon");
    inflate_close(d);
    buf_release(&x->body);
    x->body = text;
    return ok && exchange_hold(x, text.n, m);
}

/* ---- what handlers see of the server ---- */

void *exchange_site(const struct exchange *x) {
    return x->thread->server->site.self;
}

void *exchange_site_thread(const struct exchange *x) {
    return x->thread->site_thread;
}

const struct server_opts *exchange_server_opts(const struct exchange *x) {
    return exchange_opts(x);
}

void *exchange_site_settings(const struct exchange *x) {
    return x->thread->set->site;
}

void exchange_peer(const struct exchange *x, char out[LISTENER_ADDRESS_MAX]) {
    out[0] = '\0';
    if (x->conn) listener_peer(x->conn->fd, out);
}

bool exchange_is_stopping(const struct exchange *x) {
    return atomic_load_explicit(&x->thread->server->stopping, memory_order_relaxed);
}

/* ---- away from the loop ---- */

void exchange_leave(struct exchange *x) {
    MUST(!x->away);
    x->away = true;
    x->thread->away++;
}

void exchange_stay(struct exchange *x) {
    MUST(x->away && x->thread->away > 0);
    x->away = false;
    x->thread->away--;
}

struct loop *exchange_loop(const struct exchange *x) {
    return &x->thread->loop;
}

void exchange_resume(struct exchange *x) {
    exchange_returned(x);
}

void exchange_back(struct exchange *x) {
    loop_post(&x->thread->loop, &x->back);
}

static void run_task(void *self) {
    struct exchange *x = self;
    x->task_work(x);
}

bool exchange_task(struct exchange *x, void (*work)(struct exchange *x)) {
    exchange_leave(x);
    x->task_work = work;
    x->task = (struct loop_task){.work = run_task, .self = x, .loop = &x->thread->loop};
    x->task.post = x->back;
    if (loop_task(&x->thread->server->helper, &x->task)) return true;
    exchange_stay(x);
    return exchange_refuse(x, REFUSE_QUEUE_FULL, "busy: too many large requests wait already");
}
