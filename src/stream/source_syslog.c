/* Syslog over UDP, TCP and unix sockets. A sender of datagrams must not be held up: what the kernel has no room for it
 * drops, and that is counted to the last one. A connection is not read while there is no room, so that its sender
 * waits. */
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "conf/section.h"
#include "metrics/metrics.h"
#include "stream/source.h"
#include "stream/syslog_listen.h"
#include "text/frame.h"
#include "text/syslog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SOCKETS_MAX = 16,
    EVENTS_AT_ONCE = 64,
    DATAGRAMS_AT_ONCE = 64,
    DATAGRAM_BYTES = 65536,
    CONNECTION_BYTES_MAX = 2 * CHUNK_LINE_MAX,
    CONNECTION_READ = 65536,
    PEER_BYTES = INET6_ADDRSTRLEN,
    DROPS_EVERY_MS = 1000,
    ATTRS_MAX = 6,
    DROPPED_BY_KERNEL = 0 /* METRIC_SET DROP */
};

struct connection {
    int fd;
    struct buf in;   /* what has come and is no whole message yet */
    size_t skip;     /* of a message that was cut: so many bytes are still to come */
    bool to_newline; /* or what comes up to a newline */
    char peer[PEER_BYTES];
    struct connection *next, *prev;
};

struct syslog_source {
    const struct section *conf;
    unsigned metric;
    struct syslog_socket socket[SOCKETS_MAX];
    unsigned sockets_n;
    int epoll;
    struct connection *connections;
    unsigned connections_n;
    uint64_t drops_ns;
    bool stopping, full_said;
    unsigned forms[3]; /* messages of each form, not in the metrics yet */
    struct mmsghdr datagram[DATAGRAMS_AT_ONCE];
    struct iovec room[DATAGRAMS_AT_ONCE];
    struct sockaddr_storage from[DATAGRAMS_AT_ONCE];
    char *text; /* DATAGRAMS_AT_ONCE * DATAGRAM_BYTES; untouched pages cost nothing */
};

/* ---- a message ---- */

static const char *const FACILITY[] = {"kern",   "user",     "mail",    "daemon",       "auth",     "syslog",
                                       "lpr",    "news",     "uucp",    "cron",         "authpriv", "ftp",
                                       "ntp",    "security", "console", "solaris-cron", "local0",   "local1",
                                       "local2", "local3",   "local4",  "local5",       "local6",   "local7"};

static void attr_add(struct origin *o, struct attr *v, const char *key, struct span value) {
    if (value.n > 0) v[o->attr_n++] = (struct attr){span_of(key), value};
}

static void tell_origin(struct chunk *c, struct origin *o, const struct syslog_message *m, const char *peer) {
    o->host = m->host;
    o->time = m->time;
    o->severity = (uint8_t)(m->severity + 1);
    struct attr *v = arena_alloc(&c->arena, ATTRS_MAX * sizeof *v);
    if (!v) return;
    o->attr = v;
    attr_add(o, v, "process.pid", m->pid);
    if (m->facility >= 0 && m->facility < 24) attr_add(o, v, "syslog.facility", span_of(FACILITY[m->facility]));
    attr_add(o, v, "syslog.msgid", m->kind);
    attr_add(o, v, "syslog.structured_data", m->data);
    attr_add(o, v, "client.address", arena_copy(&c->arena, span_of(peer)));
}

/* There is room for the text. */
static void message_add(struct syslog_source *s, struct chunk *c, struct span text, const char *peer, bool cut) {
    char *to = c->text + c->text_n;
    if (text.n > 0) memcpy(to, text.p, text.n);
    c->text_n += text.n;
    struct syslog_message m = syslog_parse((struct span){to, text.n});
    struct origin *o = chunk_point(c, m.app.n ? m.app : span_of(s->conf->source), span_sub(m.text, 0, CHUNK_LINE_MAX));
    tell_origin(c, o, &m, peer);
    o->truncated = cut || m.text.n > CHUNK_LINE_MAX;
    s->forms[m.form]++;
}

static void peer_name(const struct sockaddr_storage *a, char out[PEER_BYTES]) {
    const struct sockaddr_in *v4 = (const void *)a;
    const struct sockaddr_in6 *v6 = (const void *)a;
    out[0] = '\0';
    if (a->ss_family == AF_INET) inet_ntop(AF_INET, &v4->sin_addr, out, PEER_BYTES);
    if (a->ss_family == AF_INET6) inet_ntop(AF_INET6, &v6->sin6_addr, out, PEER_BYTES);
}

/* ---- datagrams ---- */

/* As many as there are, or as there is room for. */
static void take_datagrams(struct syslog_source *s, const struct syslog_socket *from, struct chunk *c) {
    for (int got = DATAGRAMS_AT_ONCE; got == DATAGRAMS_AT_ONCE;) {
        size_t room = (CHUNK_BYTES - c->text_n) / DATAGRAM_BYTES, records = CHUNK_RECORDS - c->batch.n;
        unsigned n = DATAGRAMS_AT_ONCE;
        if (room < n) n = (unsigned)room;
        if (records < n) n = (unsigned)records;
        if (n == 0) return;
        for (unsigned i = 0; i < n; i++) s->datagram[i].msg_hdr.msg_namelen = sizeof s->from[i];
        got = recvmmsg(from->fd, s->datagram, n, MSG_DONTWAIT, NULL);
        for (int i = 0; i < got; i++) {
            char peer[PEER_BYTES];
            peer_name(&s->from[i], peer);
            bool cut = s->datagram[i].msg_hdr.msg_flags & MSG_TRUNC;
            message_add(s, c, (struct span){s->room[i].iov_base, s->datagram[i].msg_len}, peer, cut);
        }
        if (got == (int)n && n < DATAGRAMS_AT_ONCE) got = DATAGRAMS_AT_ONCE; /* perhaps there is more, and still room */
    }
}

static void count_drops(struct syslog_source *s) {
    uint64_t now = clock_now_ns(NULL);
    if (!s->stopping && now - s->drops_ns < clock_ns_of_ms(DROPS_EVERY_MS)) return;
    s->drops_ns = now;
    for (unsigned i = 0; i < s->sockets_n; i++) {
        uint32_t more = s->socket[i].stream ? 0 : syslog_listen_drops(&s->socket[i]);
        if (more) metrics_add(METRIC_SOURCE_DROPPED, s->metric, DROPPED_BY_KERNEL, 0, more);
    }
}

/* ---- connections ---- */

static void connection_close(struct syslog_source *s, struct connection *n) {
    if (n->next) n->next->prev = n->prev;
    *(n->prev ? &n->prev->next : &s->connections) = n->next;
    s->connections_n--;
    close(n->fd);
    buf_release(&n->in);
    free(n);
}

static void connection_accept(struct syslog_source *s, const struct syslog_socket *from) {
    struct sockaddr_storage a = {0};
    socklen_t size = sizeof a;
    int fd = accept4(from->fd, (struct sockaddr *)&a, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    if (s->connections_n >= (unsigned)s->conf->connections_max) {
        if (!s->full_said)
            log_warn("syslog.full",
                     "[source %s]: more than connections-max = %lld connections; further ones are closed",
                     s->conf->name, s->conf->connections_max);
        s->full_said = true;
        close(fd);
        return;
    }
    struct connection *n = must_calloc(1, sizeof *n);
    *n = (struct connection){.fd = fd, .next = s->connections};
    buf_init(&n->in, CONNECTION_BYTES_MAX + CONNECTION_READ);
    peer_name(&a, n->peer);
    if (n->next) n->next->prev = n;
    s->connections = n;
    s->connections_n++;
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = n};
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) connection_close(s, n);
}

/* Passes over what belongs to a message that was cut. */
static void connection_skip(struct connection *n) {
    size_t drop = n->skip < n->in.n ? n->skip : n->in.n;
    n->skip -= drop;
    if (n->to_newline) {
        const char *nl = n->in.n ? memchr(n->in.p, '\n', n->in.n) : NULL;
        drop = nl ? (size_t)(nl - n->in.p) + 1 : n->in.n;
        n->to_newline = !nl;
    }
    buf_drop_front(&n->in, drop);
}

/* The messages that are whole, as long as there is room. False: no room for the next. */
static bool connection_take_messages(struct syslog_source *s, struct connection *n, struct chunk *c, bool ended) {
    struct frame f;
    size_t used = 0;
    bool room = true;
    connection_skip(n);
    while (n->skip == 0 && !n->to_newline && (room = chunk_has_room(c, CHUNK_LINE_MAX)) &&
           frame_take(span_sub(buf_span(&n->in), used, n->in.n), CHUNK_LINE_MAX, ended, &f)) {
        if (f.message.n > 0) message_add(s, c, f.message, n->peer, f.cut);
        used += f.used;
        n->skip = f.skip;
        n->to_newline = f.to_newline;
    }
    buf_drop_front(&n->in, used);
    return room;
}

static void connection_read(struct syslog_source *s, struct connection *n, struct chunk *c) {
    while (connection_take_messages(s, n, c, false)) {
        char *to = buf_reserve(&n->in, CONNECTION_READ);
        ssize_t r = to ? read(n->fd, to, CONNECTION_READ) : -1;
        if (r > 0) n->in.n += (size_t)r;
        if (r < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (n->in.n == 0) buf_release(&n->in), buf_init(&n->in, CONNECTION_BYTES_MAX + CONNECTION_READ);
            return;
        }
        if (r > 0) continue;
        if (connection_take_messages(s, n, c, true)) connection_close(s, n);
        return; /* at its end, and no room for the last: again with the next chunk */
    }
}

/* ---- what the runner calls ---- */

static void *syslog_source_of(struct syslog_source *s, void *ptr, struct syslog_socket **socket) {
    *socket = NULL;
    for (unsigned i = 0; i < s->sockets_n; i++)
        if (ptr == &s->socket[i]) *socket = &s->socket[i];
    return *socket ? NULL : ptr;
}

static void tell_metrics(struct syslog_source *s, const struct chunk *c) {
    count_drops(s);
    for (unsigned i = 0; i < 3; i++) {
        if (s->forms[i]) metrics_add(METRIC_SYSLOG_MESSAGES, i, 0, 0, s->forms[i]);
        s->forms[i] = 0;
    }
    if (c) metrics_add(METRIC_SOURCE_RECORDS, s->metric, 0, 0, c->batch.n);
}

static enum source_state source_syslog_read(void *self, struct chunk *c, int wait_ms, struct err *e) {
    struct syslog_source *s = self;
    struct epoll_event ev[EVENTS_AT_ONCE];
    (void)e;
    if (c) chunk_want_origins(c);
    int n = c ? epoll_wait(s->epoll, ev, EVENTS_AT_ONCE, s->stopping ? 0 : wait_ms) : 0;
    for (int i = 0; i < n; i++) {
        struct syslog_socket *socket;
        struct connection *connection = syslog_source_of(s, ev[i].data.ptr, &socket);
        if (connection)
            connection_read(s, connection, c);
        else if (socket->stream)
            connection_accept(s, socket);
        else
            take_datagrams(s, socket, c);
    }
    tell_metrics(s, c);
    return s->stopping && c && n <= 0 ? SOURCE_END : SOURCE_GOES_ON;
}

/* Nobody new is taken in; who waits to be taken in still is. */
static void source_syslog_stop(void *self) {
    struct syslog_source *s = self;
    s->stopping = true;
}

static void source_syslog_close(void *self) {
    struct syslog_source *s = self;
    s->stopping = true;
    count_drops(s);
    while (s->connections) connection_close(s, s->connections);
    for (unsigned i = 0; i < s->sockets_n; i++) syslog_listen_close(&s->socket[i]);
    if (s->epoll >= 0) close(s->epoll);
    free(s->text);
    free(s);
}

static bool open_sockets(struct syslog_source *s, struct err *e) {
    char address[PATH_MAX];
    const struct section *conf = s->conf;
    for (const char *at = conf->listen; section_next_item(&at, address, sizeof address);) {
        struct syslog_socket *x = &s->socket[s->sockets_n];
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = x};
        if (s->sockets_n == SOCKETS_MAX) return err_set(e, ERR_LIMIT, "listen: more than %d addresses", SOCKETS_MAX);
        if (!syslog_listen(x, address, conf->allow_open, (int)conf->receive_buffer, e)) return false;
        s->sockets_n++;
        if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, x->fd, &ev) != 0)
            return err_set(e, ERR_IO, "listen: %s: %s", address, strerror(errno));
        log_info("syslog.listen", "[source %s] listens on %s", conf->name, address);
    }
    return true;
}

static void *source_syslog_open(const struct source_opts *o, struct err *e) {
    struct syslog_source *s = must_calloc(1, sizeof *s);
    s->conf = o->section;
    s->metric = metrics_name(METRIC_SET_SOURCE, s->conf->name);
    s->text = must_calloc(DATAGRAMS_AT_ONCE, DATAGRAM_BYTES);
    for (unsigned i = 0; i < DATAGRAMS_AT_ONCE; i++) {
        s->room[i] = (struct iovec){s->text + (size_t)i * DATAGRAM_BYTES, DATAGRAM_BYTES};
        s->datagram[i].msg_hdr = (struct msghdr){.msg_name = &s->from[i], .msg_iov = &s->room[i], .msg_iovlen = 1};
    }
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll >= 0 && open_sockets(s, e)) return s;
    if (s->epoll < 0) err_set(e, ERR_IO, "epoll: %s", strerror(errno));
    source_syslog_close(s);
    return NULL;
}

extern const struct source_kind source_syslog;
const struct source_kind source_syslog = {source_syslog_open, source_syslog_read, NULL, source_syslog_close,
                                          source_syslog_stop};
