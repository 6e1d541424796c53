/* A connection is a machine of few states. Each has one step function, which does what can be done now and returns the
 * state that follows, or CONN_STAY when it has to wait. All transitions are the return values of these functions:
 *
 *     FRESH, IDLE ──▶ HEADER ──▶ BODY ──▶ HANDLE ──▶ WRITE ──▶ IDLE or LINGER
 *                                  ▲      │  ▲ ▲ │     │
 *          more of a stream's body └──────┘  │ │ └▶ AWAY, STALL ──▶ HANDLE
 *                                            │ └── a part of a stream's answer is written
 *                  a refusal goes to WRITE from every state that reads; everything may go to CLOSED
 */
#include "http/conn.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "http/internal.h"
#include "http/request.h"
#include "http/response.h"
#include "metrics/metrics.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    LINGER_MS = 2000,
    STALL_MS = 20,
    STEPS_PER_TURN = 256, /* then the other connections have their turn */
};

static const unsigned CONN_EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

typedef enum conn_state conn_step(struct conn *c);

static conn_step step_first_byte, step_header, step_body, step_handle, step_away, step_stall, step_write, step_linger,
    step_closed, time_to_close, time_to_refuse, time_to_retry;

#define OPTION_MS(field) offsetof(struct server_opts, field), 0
#define FIXED_MS(ms)     0, ms

static const struct state_row {
    const char *name;
    conn_step *step, *on_timeout;
    size_t option;     /* where in server_opts the time limit stands; 0: it is fixed */
    unsigned fixed_ms; /* 0 too: no limit */
} STATES[CONN_STATE_COUNT] = {
    [CONN_FRESH] = {"fresh", step_first_byte, time_to_close, OPTION_MS(header_time_ms)},
    [CONN_IDLE] = {"idle", step_first_byte, time_to_close, OPTION_MS(idle_time_ms)},
    [CONN_HEADER] = {"header", step_header, time_to_refuse, OPTION_MS(header_time_ms)},
    [CONN_BODY] = {"body", step_body, time_to_refuse, OPTION_MS(body_time_ms)},
    [CONN_HANDLE] = {"handle", step_handle, time_to_refuse, FIXED_MS(0)}, /* the body's may go on: conn_enter */
    [CONN_AWAY] = {"away", step_away, time_to_close, FIXED_MS(0)},        /* who has it has time limits of its own */
    [CONN_STALL] = {"stall", step_stall, time_to_retry, FIXED_MS(STALL_MS)},
    [CONN_WRITE] = {"write", step_write, time_to_close, OPTION_MS(write_time_ms)},
    [CONN_LINGER] = {"linger", step_linger, time_to_close, FIXED_MS(LINGER_MS)},
    [CONN_CLOSED] = {"closed", step_closed, time_to_close, FIXED_MS(0)},
};

/* ---- the machine ---- */

static void start_limit(struct conn *c) {
    const struct state_row *row = &STATES[c->state];
    unsigned ms = row->fixed_ms;
    if (row->option) memcpy(&ms, (const char *)&c->thread->set->o + row->option, sizeof ms);
    if (ms)
        loop_start_timer(&c->thread->loop, &c->timer, ms);
    else
        timer_stop(&c->timer);
}

/* The time limit of a body goes on running while its handler runs and wants more of it: a stream must give its next
 * answer in that time. */
static void conn_enter(struct conn *c, enum conn_state next) {
    enum conn_state before = c->state;
    MUST(before != CONN_CLOSED && next < CONN_STATE_COUNT);
    if (next == before) return;
    if (next == CONN_CLOSED) {
        conn_close(c);
        return;
    }
    c->state = next;
    bool body_goes_on = c->limit_of == CONN_BODY && (next == CONN_BODY || next == CONN_HANDLE);
    if (body_goes_on) return;
    c->limit_of = next;
    start_limit(c);
}

/* Takes steps until one has to wait. After many the rest is left to a new event. */
static void conn_run(struct conn *c) {
    for (unsigned i = 0; i < STEPS_PER_TURN; i++) {
        enum conn_state next = STATES[c->state].step(c);
        if (next == CONN_STAY) return;
        conn_enter(c, next);
        if (c->state == CONN_CLOSED) return;
    }
    if (!loop_watch_again(&c->thread->loop, c->fd, CONN_EVENTS, &c->source)) conn_close(c);
}

static void conn_go(struct conn *c, enum conn_state next) {
    conn_enter(c, next);
    if (c->state != CONN_CLOSED) conn_run(c);
}

static void conn_ready(void *self, unsigned events) {
    struct conn *c = self;
    if (c->state == CONN_CLOSED) return;
    if (events & (EPOLLHUP | EPOLLERR)) {
        conn_close(c);
        return;
    }
    if (events & EPOLLRDHUP) c->peer_done = true;
    if (events & (EPOLLIN | EPOLLRDHUP)) c->readable = true;
    if (events & EPOLLOUT) c->writable = true;
    conn_run(c);
}

static void conn_expired(void *self) {
    struct conn *c = self;
    conn_go(c, STATES[c->state].on_timeout(c));
}

void conn_resume(struct conn *c) {
    MUST(c->state == CONN_AWAY && c->x && !c->x->away);
    conn_go(c, CONN_HANDLE);
}

/* ---- answers ---- */

static void count_answer(const struct exchange *x) {
    const struct http_metrics *m = &x->thread->server->metrics;
    double seconds = (double)(clock_now_ns(NULL) - x->begun_ns) * 1e-9;
    if (x->refused) http_metrics_refusal(m, x->refused);
    http_metrics_request(m, x->route, x->req.method, x->status, seconds);
    if (!exchange_opts(x)->access_log) return;
    log_info("http.request", "endpoint=%s method=%s status=%u entries=%u seconds=%.6f",
             x->route ? x->route->path : "other", llhttp_method_name((llhttp_method_t)x->req.method), x->status,
             x->entries, seconds);
}

/* Makes ready to send what the exchange has. The connection can stay open only when the request was read to its end. */
static enum conn_state begin_answer(struct conn *c) {
    struct exchange *x = c->x;
    if (x->refused && !x->head_out) response_refusal(x);
    bool length_unknown = exchange_streams(x) && !x->refused && x->req.http_minor == 0;
    if (!x->head_out && (!llhttp_should_keep_alive(&c->http) || length_unknown)) c->close_after = true;
    if (x->closes_after || (x->refused && !x->req.complete) || exchange_is_stopping(x)) c->close_after = true;
    response_frame(x, c->close_after);
    return CONN_WRITE;
}

/* Nothing more can be read from this client: says why while that is still possible. */
static enum conn_state refuse_rest(struct conn *c) {
    if (!c->x) c->x = exchange_take(c->thread, c);
    if (!c->x || c->x->head_out) return CONN_CLOSED;
    exchange_refuse(c->x, REFUSE_MALFORMED, "%s", llhttp_get_error_reason(&c->http));
    c->close_after = true;
    return begin_answer(c);
}

/* ---- reading: FRESH, IDLE, HEADER, BODY ---- */

/* Gives n bytes to the parser; returns how many it took. It stops behind each request. */
static size_t conn_parse(struct conn *c, const char *p, size_t n, bool *failed) {
    llhttp_errno_t rc = llhttp_execute(&c->http, p, n);
    *failed = false;
    if (rc == HPE_OK) return n;
    *failed = rc != HPE_PAUSED;
    size_t used = (size_t)(llhttp_get_error_pos(&c->http) - p);
    if (!*failed) llhttp_resume(&c->http);
    return used;
}

static bool keep_rest(struct conn *c, const char *p, size_t n) {
    if (n == 0) return true;
    c->rest_at = 0;
    buf_reset(&c->rest);
    buf_put(&c->rest, p, n);
    return !c->rest.failed;
}

/* Parses what is left of an earlier read. */
static bool parse_rest(struct conn *c) {
    bool failed;
    c->rest_at += conn_parse(c, c->rest.p + c->rest_at, c->rest.n - c->rest_at, &failed);
    if (c->rest_at == c->rest.n) {
        buf_release(&c->rest);
        c->rest_at = 0;
    }
    return !failed;
}

/* Where what has been parsed puts the connection. */
static enum conn_state state_after_parsing(struct conn *c) {
    const struct exchange *x = c->x;
    if (!x) return c->state; /* empty lines before a request */
    if (!x->req.head_done) return CONN_HEADER;
    if (x->refused && !x->head_out) return x->req.complete ? begin_answer(c) : CONN_BODY;
    return x->req.complete || exchange_streams(x) ? CONN_HANDLE : CONN_BODY;
}

static enum conn_state read_some(struct conn *c) {
    bool ok;
    if (c->rest_at < c->rest.n) {
        ok = parse_rest(c);
    } else {
        if (!c->readable) return CONN_STAY;
        char *in = c->thread->in;
        ssize_t n = recv(c->fd, in, CONN_READ_BYTES, 0);
        if (n < 0 && errno == EINTR) return c->state;
        if (n < 0 && errno == EAGAIN) {
            c->readable = false;
            return CONN_STAY;
        }
        if (n <= 0) return CONN_CLOSED; /* also in the middle of a request: the client has gone */
        /* A short read has emptied the socket (epoll(7)), unless the end is what follows. */
        if (n < CONN_READ_BYTES && !c->peer_done) c->readable = false;
        bool failed;
        size_t used = conn_parse(c, in, (size_t)n, &failed);
        ok = !failed && keep_rest(c, in + used, (size_t)n - used);
    }
    return ok ? state_after_parsing(c) : refuse_rest(c);
}

static enum conn_state step_first_byte(struct conn *c) {
    MUST(!c->x && !c->close_after);
    return read_some(c);
}

static enum conn_state step_header(struct conn *c) {
    MUST(c->x && !c->x->req.head_done && !c->x->head_out);
    return read_some(c);
}

static enum conn_state step_body(struct conn *c) {
    MUST(c->x && c->x->req.head_done && !c->x->req.complete && !c->x->away);
    return read_some(c);
}

/* ---- HANDLE, AWAY, STALL ---- */

static enum conn_state step_handle(struct conn *c) {
    struct exchange *x = c->x;
    MUST(x && x->run && !x->away && (x->req.complete || exchange_streams(x)));
    enum step step = x->run(x);
    MUST(x->away == (step == STEP_WAIT));
    if (x->away) return CONN_AWAY; /* nothing else of it may be looked at now */
    MUST(step == STEP_SEND || !x->refused);
    switch (step) {
    case STEP_READ: return CONN_BODY;
    case STEP_STALL: return CONN_STALL;
    case STEP_SEND:
    case STEP_WAIT: break;
    }
    return begin_answer(c);
}

static enum conn_state step_away(struct conn *c) {
    MUST(c->x && c->x->conn == c); /* back or not: conn_resume is what goes on */
    return CONN_STAY;
}

static enum conn_state step_stall(struct conn *c) {
    MUST(c->x && !c->x->away);
    return CONN_STAY;
}

/* ---- WRITE ---- */

/* The answer is out: on to the next request, or to the end. */
static enum conn_state end_exchange(struct conn *c) {
    count_answer(c->x);
    exchange_give(c->x);
    c->x = NULL;
    if (!c->close_after) return CONN_IDLE;
    /* Closing with unread bytes would reset the connection, and could take the answer with it. */
    shutdown(c->fd, SHUT_WR);
    return CONN_LINGER;
}

static ssize_t write_some(const struct conn *c) {
    struct exchange *x = c->x;
    size_t in_out = x->sent > x->frame_bytes ? x->sent - x->frame_bytes : 0;
    size_t in_frame = x->sent - in_out;
    struct iovec part[2] = {{x->frame + in_frame, x->frame_bytes - in_frame}, {x->out.p + in_out, x->out.n - in_out}};
    struct msghdr msg = {.msg_iov = part, .msg_iovlen = x->out.n > in_out ? 2 : 1};
    return sendmsg(c->fd, &msg, MSG_NOSIGNAL);
}

static enum conn_state step_write(struct conn *c) {
    struct exchange *x = c->x;
    MUST(x && x->head_out && !x->away);
    size_t total = x->frame_bytes + x->out.n;
    while (x->sent < total && c->writable) {
        ssize_t n = write_some(c);
        if (n >= 0) {
            x->sent += (size_t)n;
            if (x->sent < total) start_limit(c); /* the client takes bytes: its time begins anew */
        } else if (errno == EAGAIN) {
            c->writable = false;
        } else if (errno != EINTR) {
            return CONN_CLOSED;
        }
    }
    if (x->sent < total) return CONN_STAY;
    return x->last ? end_exchange(c) : CONN_HANDLE;
}

/* ---- LINGER, CLOSED, and what happens when time is over ---- */

static enum conn_state step_linger(struct conn *c) {
    MUST(!c->x && c->close_after);
    if (!c->readable) return CONN_STAY;
    ssize_t n = recv(c->fd, c->thread->in, CONN_READ_BYTES, 0);
    if (n > 0 || (n < 0 && errno == EINTR)) return CONN_LINGER;
    if (n == 0 || errno != EAGAIN) return CONN_CLOSED;
    c->readable = false;
    return CONN_STAY;
}

static enum conn_state step_closed(struct conn *c) {
    MUST(c->state != CONN_CLOSED && "a closed connection takes no step");
    return CONN_STAY;
}

static enum conn_state time_to_close(struct conn *c) {
    (void)c;
    return CONN_CLOSED;
}

static enum conn_state time_to_retry(struct conn *c) {
    MUST(c->state == CONN_STALL);
    return CONN_HANDLE;
}

static enum conn_state time_to_refuse(struct conn *c) {
    MUST(c->x && (c->limit_of == CONN_HEADER || c->limit_of == CONN_BODY));
    const struct server_opts *o = exchange_opts(c->x);
    bool header = c->limit_of == CONN_HEADER;
    exchange_refuse(c->x, header ? REFUSE_HEADER_TIME : REFUSE_BODY_TIME, "the %s took longer than %u ms (%s-time-max)",
                    STATES[c->limit_of].name, header ? o->header_time_ms : o->body_time_ms, STATES[c->limit_of].name);
    return refuse_rest(c);
}

/* ---- life ---- */

struct conn *conn_open(struct server_thread *t, int fd, const struct client_quota_key *client) {
    struct conn *c = t->free_conns;
    if (c) {
        t->free_conns = c->next;
        t->free_conns_n--;
    } else if (!(c = malloc(sizeof *c))) {
        atomic_fetch_sub_explicit(&t->server->connections, 1, memory_order_relaxed);
        close(fd);
        return NULL;
    }
    *c = (struct conn){.thread = t, .fd = fd, .client = *client, .next = t->conns};
    c->source = (struct loop_source){conn_ready, c};
    c->timer = (struct timer){.expired = conn_expired, .self = c};
    buf_init(&c->rest, CONN_READ_BYTES);
    llhttp_init(&c->http, HTTP_REQUEST, &request_settings);
    c->http.data = c;
    if (t->conns) t->conns->prev = c;
    t->conns = c;
    metrics_gauge_add(METRIC_CONNECTIONS, 0, 1);
    start_limit(c);
    if (loop_watch(&t->loop, fd, CONN_EVENTS, &c->source)) return c;
    conn_close(c);
    return NULL;
}

void conn_close(struct conn *c) {
    struct server_thread *t = c->thread;
    if (c->state == CONN_CLOSED) return;
    c->state = CONN_CLOSED;
    timer_stop(&c->timer);
    close(c->fd);
    buf_release(&c->rest);
    if (c->x && c->x->away)
        c->x->conn = NULL; /* given back when it has come back */
    else if (c->x)
        exchange_give(c->x);
    c->x = NULL;
    if (c->prev) c->prev->next = c->next;
    if (c->next) c->next->prev = c->prev;
    if (t->conns == c) t->conns = c->next;
    atomic_fetch_sub_explicit(&t->server->connections, 1, memory_order_relaxed);
    metrics_gauge_add(METRIC_CONNECTIONS, 0, -1);
    c->next = t->closed_conns;
    t->closed_conns = c;
}

void conn_reap(struct server_thread *t) {
    for (struct conn *c = t->closed_conns, *next; c; c = next) {
        next = c->next;
        if (t->free_conns_n >= SERVER_THREAD_CONNS_KEPT) {
            free(c);
            continue;
        }
        c->next = t->free_conns;
        t->free_conns = c;
        t->free_conns_n++;
    }
    t->closed_conns = NULL;
}

void conn_drain(struct conn *c) {
    bool idle = c->state == CONN_FRESH || c->state == CONN_IDLE;
    if (idle)
        conn_close(c);
    else
        c->close_after = true;
}
