/* fake_service: a scripted HTTP server inside a test. It answers the k-th request with the k-th row of its script (the
 * last row goes on for ever), counts connections and requests, and keeps the last request. One thread a connection.
 * Used by tests only. */
#ifndef REMOTE_FAKE_SERVICE_H
#define REMOTE_FAKE_SERVICE_H

#include "base/buf.h"
#include "base/must.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FAKE_CONNS_MAX = 256, FAKE_REQUEST_MAX = 1 << 20 };

enum fake_kind {
    FAKE_ANSWER, /* status line, headers, Content-Length and body */
    FAKE_RAW,    /* body is all that is sent, as it is; then the connection is closed */
    FAKE_HANG,   /* nothing is sent */
    FAKE_RESET,  /* the connection is reset */
    FAKE_DRIP,   /* like ANSWER, but one byte every 50 ms */
    FAKE_FLOOD,  /* a header, then 4 MiB of body */
};

struct fake_reply {
    enum fake_kind kind;
    const char *status; /* "429 Too Many Requests"; NULL: "200 OK" */
    const char *header; /* "Retry-After: 1\r\n"; NULL: none */
    const char *body;
    unsigned delay_ms; /* before the answer */
};

struct fake_service;

struct fake_conn {
    struct fake_service *service;
    pthread_t thread;
    int fd; /* -1: ended */
    bool used;
};

struct fake_service {
    const struct fake_reply *script; /* [n]; set before requests come, or with fake_service_script */
    size_t n, at;
    /* Answers in place of the script where set: writes the body, returns the status line or NULL for 200. */
    const char *(*respond)(void *user, struct span request_body, struct buf *body);
    void *user;
    char url[64];
    atomic_uint connections, requests, busy, most_busy; /* most_busy: requests that it had at the same time */
    atomic_bool held;                                   /* answers wait while it is set */
    int listen_fd;
    pthread_t accepter;
    pthread_mutex_t lock; /* script, last, conn */
    struct buf last;      /* the last request, header and body */
    struct fake_conn conn[FAKE_CONNS_MAX];
    atomic_bool stopping;
};

static inline void fake_sleep_ms(unsigned ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

static inline bool fake_send(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
        if (w <= 0) return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

/* Reads one request into `in`; returns where its body begins, 0: the connection has ended. */
static inline size_t fake_read(int fd, struct buf *in) {
    buf_reset(in);
    for (size_t head = 0, body = 0;;) {
        char *to = buf_reserve(in, 65536);
        ssize_t r = to ? recv(fd, to, 65535, 0) : 0;
        if (r <= 0) return 0;
        in->n += (size_t)r;
        in->p[in->n] = '\0';
        const char *end = head ? NULL : strstr(in->p, "\r\n\r\n");
        if (end) {
            const char *length = strcasestr(in->p, "\r\nContent-Length:");
            head = (size_t)(end - in->p) + 4;
            body = length ? strtoul(length + 17, NULL, 10) : 0;
        }
        if (head && in->n >= head + body) return head;
    }
}

static inline void fake_reset(int fd) {
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static inline bool fake_send_answer(int fd, const struct fake_reply *r, struct span body) {
    char head[2048];
    int n =
        snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
                 r->status ? r->status : "200 OK", r->header ? r->header : "", body.n);
    if (r->kind != FAKE_DRIP) return fake_send(fd, head, (size_t)n) && fake_send(fd, body.p, body.n);
    if (!fake_send(fd, head, (size_t)n)) return false;
    for (size_t i = 0; i < body.n; i++, fake_sleep_ms(50))
        if (!fake_send(fd, body.p + i, 1)) return false;
    return true;
}

static inline bool fake_flood(int fd) {
    static const char BLOCK[4096] = {'x'};
    const char *head = "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n";
    bool ok = fake_send(fd, head, strlen(head));
    for (int i = 0; ok && i < 1024; i++) ok = fake_send(fd, BLOCK, sizeof BLOCK);
    return ok;
}

static inline void fake_take_time(struct fake_service *s, unsigned ms) {
    unsigned now = atomic_fetch_add(&s->busy, 1) + 1, most = atomic_load(&s->most_busy);
    while (now > most && !atomic_compare_exchange_weak(&s->most_busy, &most, now))
        ;
    fake_sleep_ms(ms);
    while (atomic_load(&s->held) && !atomic_load(&s->stopping)) fake_sleep_ms(1);
    atomic_fetch_sub(&s->busy, 1);
}

/* Returns whether the connection stays open. */
static inline bool fake_reply_to(struct fake_conn *c, const struct fake_reply *r, struct span body) {
    char nothing;
    fake_take_time(c->service, r->delay_ms);
    switch (r->kind) {
    case FAKE_ANSWER:
    case FAKE_DRIP: return fake_send_answer(c->fd, r, body);
    case FAKE_RAW: fake_send(c->fd, body.p, body.n); return false;
    case FAKE_HANG: return recv(c->fd, &nothing, 1, 0) > 0;
    case FAKE_RESET: fake_reset(c->fd); return false;
    case FAKE_FLOOD: return fake_flood(c->fd);
    }
    return false;
}

static inline bool fake_serve_one(struct fake_conn *c, struct buf *in, struct buf *out) {
    struct fake_service *s = c->service;
    size_t head = fake_read(c->fd, in);
    if (head == 0) return false;
    pthread_mutex_lock(&s->lock);
    struct fake_reply r = s->n ? s->script[s->at < s->n ? s->at : s->n - 1] : (struct fake_reply){.body = ""};
    s->at++;
    buf_reset(&s->last);
    buf_put(&s->last, in->p, in->n + 1);
    atomic_fetch_add(&s->requests, 1);
    buf_reset(out);
    if (s->respond)
        r.status = s->respond(s->user, (struct span){in->p + head, in->n - head}, out);
    else
        buf_puts(out, r.body ? r.body : "");
    pthread_mutex_unlock(&s->lock);
    return fake_reply_to(c, &r, buf_span(out));
}

static inline void *fake_conn_main(void *arg) {
    struct fake_conn *c = arg;
    struct buf in, out;
    buf_init(&in, FAKE_REQUEST_MAX);
    buf_init(&out, FAKE_REQUEST_MAX);
    while (fake_serve_one(c, &in, &out))
        ;
    buf_release(&in);
    buf_release(&out);
    pthread_mutex_lock(&c->service->lock);
    close(c->fd);
    c->fd = -1;
    pthread_mutex_unlock(&c->service->lock);
    return NULL;
}

static inline void *fake_accept_main(void *arg) {
    struct fake_service *s = arg;
    for (size_t i = 0;; i++) {
        int fd = accept(s->listen_fd, NULL, NULL);
        if (fd < 0 || atomic_load(&s->stopping)) {
            if (fd >= 0) close(fd);
            return NULL;
        }
        atomic_fetch_add(&s->connections, 1);
        MUST(i < FAKE_CONNS_MAX);
        pthread_mutex_lock(&s->lock);
        s->conn[i] = (struct fake_conn){.service = s, .fd = fd, .used = true};
        MUST(pthread_create(&s->conn[i].thread, NULL, fake_conn_main, &s->conn[i]) == 0);
        pthread_mutex_unlock(&s->lock);
    }
}

static inline void fake_service_script(struct fake_service *s, const struct fake_reply *script, size_t n) {
    pthread_mutex_lock(&s->lock);
    s->script = script;
    s->n = n;
    s->at = 0;
    pthread_mutex_unlock(&s->lock);
}

/* Listens on a free port of 127.0.0.1; s->url is where. */
static inline struct fake_service *fake_service_open(const struct fake_reply *script, size_t n) {
    struct fake_service *s = must_calloc(1, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    s->script = script;
    s->n = n;
    buf_init(&s->last, FAKE_REQUEST_MAX + 1);
    pthread_mutex_init(&s->lock, NULL);
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(bind(s->listen_fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(s->listen_fd, 64) == 0);
    MUST(getsockname(s->listen_fd, (struct sockaddr *)&at, &len) == 0);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/classify", ntohs(at.sin_port));
    MUST(pthread_create(&s->accepter, NULL, fake_accept_main, s) == 0);
    return s;
}

/* The last request's text; valid until the next one comes. */
static inline const char *fake_service_last(struct fake_service *s) {
    pthread_mutex_lock(&s->lock);
    const char *text = s->last.n ? s->last.p : "";
    pthread_mutex_unlock(&s->lock);
    return text;
}

static inline void fake_service_close(struct fake_service *s) {
    atomic_store(&s->stopping, true);
    shutdown(s->listen_fd, SHUT_RDWR);
    pthread_join(s->accepter, NULL);
    close(s->listen_fd);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < FAKE_CONNS_MAX; i++)
        if (s->conn[i].used && s->conn[i].fd >= 0) shutdown(s->conn[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < FAKE_CONNS_MAX; i++)
        if (s->conn[i].used) pthread_join(s->conn[i].thread, NULL);
    buf_release(&s->last);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

#endif
