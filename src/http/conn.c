#include "http/conn.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "metrics/metrics.h"
#include "api/api.h"
#include "http/request.h"
#include "http/response.h"
#include "http/internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    LINGER_MS = 2000,
    STALL_MS = 20,
    STEPS_PER_TURN = 256, /* then the other connections have their turn */
};

/* What a state does when it has the chance, and when its time is over. Both: the connection may be gone on return. */
static bool read_some(struct conn *c);
static bool write_some(struct conn *c);
static bool discard_some(struct conn *c);
static bool just_wait(struct conn *c);
static void advance(struct conn *c);
static void too_late(struct conn *c);

#define OPTION_MS(field) offsetof(struct server_opts, field), 0
#define FIXED_MS(ms)     0, ms

static const struct state_row {
    bool (*run)(struct conn *c); /* false: nothing more to do now */
    void (*on_timeout)(struct conn *c);
    size_t option;     /* where in server_opts the time stands; 0: it is fixed */
    unsigned fixed_ms; /* 0 too: no limit */
} STATES[CONN_STATE_COUNT] = {
    [CONN_FRESH] = {read_some, conn_close, OPTION_MS(header_time_ms)},
    [CONN_IDLE] = {read_some, conn_close, OPTION_MS(idle_time_ms)},
    [CONN_HEAD] = {read_some, too_late, OPTION_MS(header_time_ms)},
    [CONN_BODY] = {read_some, too_late, OPTION_MS(body_time_ms)},
    [CONN_WORK] = {just_wait, conn_close, FIXED_MS(0)}, /* the backend has time limits of its own */
    [CONN_STALL] = {just_wait, conn_resume, FIXED_MS(STALL_MS)},
    [CONN_WRITE] = {write_some, conn_close, OPTION_MS(write_time_ms)},
    [CONN_LINGER] = {discard_some, conn_close, FIXED_MS(LINGER_MS)},
};

static const struct server_opts *conn_opts_of(const struct conn *c) {
    return &c->loop->set->o;
}

static void conn_enter(struct conn *c, enum conn_state state) {
    const struct state_row *row = &STATES[state];
    unsigned ms = row->fixed_ms;
    if (row->option) memcpy(&ms, (const char *)conn_opts_of(c) + row->option, sizeof ms);
    loop_set_timer(c->loop, c, state, ms);
}

static bool just_wait(struct conn *c) {
    (void)c;
    return false;
}

/* Runs states until one has to wait. After many steps the rest is left to a new event: changing the registration makes
 * an edge-triggered epoll tell again what is the case. */
static void conn_run(struct conn *c) {
    for (unsigned i = 0; i < STEPS_PER_TURN; i++)
        if (!STATES[c->state].run(c)) return;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(c->loop->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) != 0) conn_close(c);
}

/* ---- answers ---- */

static void count_answer(const struct exchange *x) {
    const struct http_metrics *t = &x->loop->server->tally;
    double seconds = (double)(clock_now_ns(NULL) - x->begun_ns) * 1e-9;
    if (x->refused) http_metrics_refusal(t, x->refused);
    http_metrics_request(t, x->route, x->req.method, x->status, seconds);
    if (!x->loop->set->o.access_log) return;
    log_info("http.request", "endpoint=%s method=%s status=%u entries=%u seconds=%.6f",
             x->route ? x->route->path : "other", llhttp_method_name((llhttp_method_t)x->req.method), x->status,
             x->batch.n, seconds);
}

/* Sends what the exchange has ready. The connection can stay open only when the request was read to its end. */
static void send_answer(struct conn *c) {
    struct exchange *x = c->x;
    if (x->refused && !x->head_out) response_refusal(x);
    bool length_unknown = x->stream && c->http.http_minor == 0;
    if (!x->head_out && (!llhttp_should_keep_alive(&c->http) || length_unknown)) c->close_after = true;
    if (x->refused && !x->req.complete) c->close_after = true;
    if (atomic_load_explicit(&c->loop->server->stopping, memory_order_relaxed)) c->close_after = true;
    response_frame(x, c->close_after);
    conn_enter(c, CONN_WRITE);
}

/* The answer is out: on to the next request, or to the end. */
static void conn_finish(struct conn *c) {
    count_answer(c->x);
    exchange_give(c->x);
    c->x = NULL;
    if (!c->close_after) {
        conn_enter(c, CONN_IDLE);
        return;
    }
    /* Closing with unread bytes would reset the connection, and could take the answer with it. */
    shutdown(c->fd, SHUT_WR);
    conn_enter(c, CONN_LINGER);
}

static bool write_some(struct conn *c) {
    struct exchange *x = c->x;
    size_t total = x->frame_bytes + x->out.n;
    while (x->sent < total && c->writable) {
        size_t in_out = x->sent > x->frame_bytes ? x->sent - x->frame_bytes : 0;
        size_t in_frame = x->sent - in_out;
        struct iovec part[2] = {{x->frame + in_frame, x->frame_bytes - in_frame},
                                {x->out.p + in_out, x->out.n - in_out}};
        struct msghdr msg = {.msg_iov = part, .msg_iovlen = x->out.n > in_out ? 2 : 1};
        ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
        if (n >= 0) {
            x->sent += (size_t)n;
            if (x->sent < total) conn_enter(c, CONN_WRITE); /* the client takes bytes: its time begins anew */
        } else if (errno == EAGAIN) {
            c->writable = false;
        } else if (errno != EINTR) {
            conn_close(c);
            return false;
        }
    }
    if (x->sent < total) return false;
    if (x->last)
        conn_finish(c);
    else
        advance(c);
    return true;
}

/* ---- requests ---- */

static void conn_apply(struct conn *c, enum step step) {
    switch (step) {
    case STEP_READ:
        if (c->state != CONN_BODY) conn_enter(c, CONN_BODY);
        break;
    case STEP_WAIT: conn_enter(c, CONN_WORK); break;
    case STEP_STALL: conn_enter(c, CONN_STALL); break;
    case STEP_SEND: send_answer(c); break;
    }
}

/* Goes as far as what has been read allows. */
static void advance(struct conn *c) {
    struct exchange *x = c->x;
    if (!x) return;
    if (!x->req.head_done) {
        if (c->state != CONN_HEAD) conn_enter(c, CONN_HEAD);
    } else if (x->refused && !x->head_out) {
        if (x->req.complete)
            send_answer(c);
        else if (c->state != CONN_BODY)
            conn_enter(c, CONN_BODY);
    } else if (x->req.complete || x->streams) {
        conn_apply(c, x->req.preflight ? api_preflight(x) : x->route->run(x));
    } else if (c->state != CONN_BODY) {
        conn_enter(c, CONN_BODY);
    }
}

/* Nothing more can be read from this client. Says why while that is possible; else the connection is gone (false). */
static bool conn_give_up(struct conn *c) {
    if (!c->x) c->x = exchange_take(c->loop, c);
    if (!c->x || c->x->head_out) {
        conn_close(c);
        return false;
    }
    exchange_refuse(c->x, REFUSE_MALFORMED, "%s", llhttp_get_error_reason(&c->http));
    c->close_after = true;
    send_answer(c);
    return true;
}

static void too_late(struct conn *c) {
    bool head = c->state == CONN_HEAD;
    unsigned ms = head ? conn_opts_of(c)->header_time_ms : conn_opts_of(c)->body_time_ms;
    exchange_refuse(c->x, head ? REFUSE_HEADER_TIME : REFUSE_BODY_TIME, "the %s took longer than %u ms (%s-time-max)",
                    head ? "header" : "body", ms, head ? "header" : "body");
    if (conn_give_up(c)) conn_run(c);
}

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

static bool read_some(struct conn *c) {
    bool ok;
    if (c->rest_at < c->rest.n) {
        ok = parse_rest(c);
    } else {
        if (!c->readable) return false;
        char *in = c->loop->in;
        ssize_t n = recv(c->fd, in, LOOP_READ_BYTES, 0);
        if (n < 0 && errno == EINTR) return true;
        if (n < 0 && errno == EAGAIN) {
            c->readable = false;
            return false;
        }
        if (n <= 0) { /* closed, also in the middle of a request: nobody waits for an answer */
            conn_close(c);
            return false;
        }
        /* A short read has emptied the socket (epoll(7)), unless the end is what follows. */
        if (n < LOOP_READ_BYTES && !c->peer_done) c->readable = false;
        bool failed;
        size_t used = conn_parse(c, in, (size_t)n, &failed);
        ok = !failed && keep_rest(c, in + used, (size_t)n - used);
    }
    if (!ok) return conn_give_up(c);
    advance(c);
    return true;
}

static bool discard_some(struct conn *c) {
    if (!c->readable) return false;
    ssize_t n = recv(c->fd, c->loop->in, LOOP_READ_BYTES, 0);
    if (n > 0 || (n < 0 && errno == EINTR)) return true;
    if (n < 0 && errno == EAGAIN)
        c->readable = false;
    else
        conn_close(c);
    return false;
}

/* ---- life ---- */

struct conn *conn_open(struct loop *l, int fd, const struct client_quota_key *client) {
    struct conn *c = l->free_conns;
    if (c) {
        l->free_conns = c->next;
        l->free_conns_n--;
    } else if (!(c = malloc(sizeof *c))) {
        close(fd);
        return NULL;
    }
    *c = (struct conn){.loop = l, .fd = fd, .client = *client, .next = l->conns};
    buf_init(&c->rest, LOOP_READ_BYTES);
    llhttp_init(&c->http, HTTP_REQUEST, &request_settings);
    c->http.data = c;
    if (l->conns) l->conns->prev = c;
    l->conns = c;
    metrics_gauge_add(METRIC_CONNECTIONS, 0, 1);
    conn_enter(c, CONN_FRESH);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0) return c;
    conn_close(c);
    return NULL;
}

void conn_close(struct conn *c) {
    struct loop *l = c->loop;
    if (c->closed) return;
    c->closed = true;
    loop_clear_timer(l, c);
    close(c->fd);
    buf_release(&c->rest);
    if (c->x && c->x->away)
        c->x->conn = NULL; /* given back when its batch comes */
    else if (c->x)
        exchange_give(c->x);
    c->x = NULL;
    if (c->prev) c->prev->next = c->next;
    if (c->next) c->next->prev = c->prev;
    if (l->conns == c) l->conns = c->next;
    atomic_fetch_sub_explicit(&l->server->connections, 1, memory_order_relaxed);
    metrics_gauge_add(METRIC_CONNECTIONS, 0, -1);
    c->next = l->closed_conns;
    l->closed_conns = c;
}

void conn_reap(struct loop *l) {
    for (struct conn *c = l->closed_conns, *next; c; c = next) {
        next = c->next;
        if (l->free_conns_n >= LOOP_CONNS_KEPT) {
            free(c);
            continue;
        }
        c->next = l->free_conns;
        l->free_conns = c;
        l->free_conns_n++;
    }
    l->closed_conns = NULL;
}

void conn_event(struct conn *c, unsigned events) {
    if (c->closed) return;
    if (events & (EPOLLHUP | EPOLLERR)) {
        conn_close(c);
        return;
    }
    if (events & EPOLLRDHUP) c->peer_done = true;
    if (events & (EPOLLIN | EPOLLRDHUP)) c->readable = true;
    if (events & EPOLLOUT) c->writable = true;
    conn_run(c);
}

void conn_resume(struct conn *c) {
    advance(c);
    if (!c->closed) conn_run(c);
}

void conn_timeout(struct conn *c) {
    STATES[c->state].on_timeout(c);
}

void conn_drain(struct conn *c) {
    c->close_after = true;
    if (c->state == CONN_FRESH || c->state == CONN_IDLE) conn_close(c);
}
