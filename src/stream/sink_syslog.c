/* Syslog to a server, RFC 5424 with the answer as structured data, framed by octet counting. Plain syslog has no
 * acknowledgement: a chunk is settled when the peer's kernel has acknowledged its bytes. What is not settled is kept,
 * and sent again over the next connection; while there is none it is tried for ever, with full jitter. */
#include "base/clock.h"
#include "base/must.h"
#include "conf/section.h"
#include "metrics/metrics.h"
#include "stream/flow.h"
#include "stream/form.h"
#include "stream/outage.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SINK_SYSLOG_BYTES_MAX = 256 << 20, CHUNKS_OUT_MAX = FLOW_CHUNKS / 2, CONNECT_MS = 5000, ADDRESS_MAX = 256 };

struct sink_syslog {
    struct flow *flow;
    struct sink_opts o;
    const struct section *conf;
    struct outage outage;
    int fd;          /* -1: not connected */
    struct buf text; /* of the chunks that are not settled */
    size_t sent;     /* bytes of it that went into this connection */
    struct {
        struct chunk *chunk;
        size_t end; /* in text */
    } out[CHUNKS_OUT_MAX];
    unsigned n;
    uint64_t retry_ns; /* not before */
    bool is_tcp;
};

/* ---- the connection ---- */

static bool connect_within(int fd, const struct sockaddr *a, socklen_t n) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int failed = 0;
    socklen_t size = sizeof failed;
    if (connect(fd, a, n) == 0) return true;
    if (errno != EINPROGRESS) return false;
    if (poll(&p, 1, CONNECT_MS) != 1) {
        errno = ETIMEDOUT;
        return false;
    }
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
    errno = failed;
    return failed == 0;
}

static int open_socket(int family, const struct sockaddr *a, socklen_t n) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect_within(fd, a, n)) return fd;
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}

static int connect_unix(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    return open_socket(AF_UNIX, (struct sockaddr *)&a, sizeof a);
}

static int connect_tcp(const char *address) {
    char host[ADDRESS_MAX];
    const char *colon = strrchr(address, ':');
    bool bracketed = address[0] == '[';
    snprintf(host, sizeof host, "%.*s", (int)(colon - address) - 2 * bracketed, address + bracketed);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found = NULL;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
        fd = open_socket(a->ai_family, a->ai_addr, a->ai_addrlen);
    freeaddrinfo(found);
    return fd;
}

/* No connection for now. */
static void sink_syslog_down(struct sink_syslog *s) {
    outage_failed(&s->outage, strerror(errno));
    s->retry_ns = clock_now_ns(NULL) + clock_ns_of_ms(outage_wait_ms(&s->outage));
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
    s->sent = 0;
}

static bool is_connected(struct sink_syslog *s) {
    if (s->fd >= 0) return true;
    if (clock_now_ns(NULL) < s->retry_ns) return false;
    const char *at = s->conf->address + strlen(s->is_tcp ? "tcp://" : "unix://");
    s->fd = s->is_tcp ? connect_tcp(at) : connect_unix(at);
    if (s->fd < 0) sink_syslog_down(s);
    return s->fd >= 0;
}

/* ---- what is out ---- */

/* Settles what the peer's kernel has. It has everything that is not in our queue any more. */
static void settle_acknowledged(struct sink_syslog *s) {
    int queued = 0;
    unsigned n = 0;
    if (s->n == 0 || s->sent == 0 || ioctl(s->fd, SIOCOUTQ, &queued) != 0 || (size_t)queued > s->sent) return;
    size_t acknowledged = s->sent - (size_t)queued, before = 0;
    while (n < s->n && s->out[n].end <= acknowledged) {
        metrics_add(METRIC_SINK_RECORDS, s->outage.metric, 0, 0, s->out[n].chunk->batch.n);
        before = s->out[n].end;
        flow_settle(s->flow, s->out[n++].chunk, true);
    }
    if (n == 0) return;
    outage_over(&s->outage);
    buf_drop_front(&s->text, before);
    s->sent -= before;
    s->n -= n;
    memmove(s->out, s->out + n, s->n * sizeof *s->out);
    for (unsigned i = 0; i < s->n; i++) s->out[i].end -= before;
}

/* Has the peer closed? It would not tell us when we write. What it says is of no interest. */
static bool is_closed(struct sink_syslog *s) {
    char ignored[256];
    ssize_t r;
    while ((r = recv(s->fd, ignored, sizeof ignored, MSG_DONTWAIT)) > 0)
        ;
    if (r == 0) errno = ECONNRESET;
    return r == 0 || (errno != EAGAIN && errno != EINTR);
}

static void sink_syslog_step(void *self, int wait_ms) {
    struct sink_syslog *s = self;
    if (!is_connected(s)) {
        if (wait_ms > 0) poll(NULL, 0, wait_ms);
        return;
    }
    if (is_closed(s)) {
        sink_syslog_down(s);
        return;
    }
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};
    if (wait_ms > 0) poll(&p, 1, s->sent < s->text.n ? wait_ms : 1);
    while (s->sent < s->text.n) {
        ssize_t w = send(s->fd, s->text.p + s->sent, s->text.n - s->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0 && errno == EAGAIN) break;
        if (w < 0) {
            sink_syslog_down(s);
            return;
        }
        s->sent += (size_t)w;
    }
    settle_acknowledged(s);
}

static bool sink_syslog_put(void *self, struct chunk *c) {
    struct sink_syslog *s = self;
    if (s->n == CHUNKS_OUT_MAX) return false;
    size_t before = s->text.n;
    form_chunk(s->o.form, &s->text, c);
    if (s->text.failed) { /* no memory now */
        s->text.n = before;
        s->text.failed = false;
        return false;
    }
    form_count(s->o.form);
    if (s->text.n == before && s->n == 0) { /* all of it was dropped */
        flow_settle(s->flow, c, true);
        return true;
    }
    s->out[s->n].chunk = c;
    s->out[s->n++].end = s->text.n;
    return true;
}

static void sink_syslog_abandon(void *self) {
    struct sink_syslog *s = self;
    for (unsigned i = 0; i < s->n; i++) flow_settle(s->flow, s->out[i].chunk, false);
    s->n = 0;
    s->sent = 0;
    buf_reset(&s->text);
}

static void sink_syslog_close(void *self) {
    struct sink_syslog *s = self;
    if (s->fd >= 0) close(s->fd);
    buf_release(&s->text);
    free(s);
}

static bool address_is_fine(const char *address, bool *tcp, struct err *e) {
    const char *colon = strrchr(address, ':'), *at = strstr(address, "://");
    struct sockaddr_un a;
    *tcp = strncmp(address, "tcp://", 6) == 0;
    bool fine = *tcp ? colon > at + 2 && strtoul(colon + 1, NULL, 10) > 0 &&
                           strtoul(colon + 1, NULL, 10) <= UINT16_MAX && strlen(address) < ADDRESS_MAX
                     : strncmp(address, "unix:///", 8) == 0 && strlen(address + 7) < sizeof a.sun_path;
    return fine || err_set(e, ERR_USAGE, "address: '%s': expected tcp://HOST:PORT or unix:///PATH", address);
}

static void *sink_syslog_open(const struct sink_opts *o, struct flow *f, struct err *e) {
    struct sink_syslog *s = must_calloc(1, sizeof *s);
    *s = (struct sink_syslog){.flow = f, .o = *o, .conf = o->section, .fd = -1};
    outage_init(&s->outage, s->conf, s->conf->address);
    buf_init(&s->text, SINK_SYSLOG_BYTES_MAX);
    if (address_is_fine(s->conf->address, &s->is_tcp, e)) return s;
    sink_syslog_close(s);
    return NULL;
}

extern const struct sink_kind sink_syslog;
const struct sink_kind sink_syslog = {sink_syslog_open,    sink_syslog_put,   sink_syslog_step,
                                      sink_syslog_abandon, sink_syslog_close, NULL};
