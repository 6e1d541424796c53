/* Datagrams of syslog, RFC 5424 or 3164 or anything. The kernel drops what finds its buffer full: UDP promises nothing,
 * and a sender must not be held up. Not offered to users yet: what was dropped is not counted. */
#include "base/must.h"
#include "stream/source.h"
#include "text/syslog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { DATAGRAM_MAX = 65536, HOST_MAX = 64 };

struct source_syslog {
    int fd;
    char text[DATAGRAM_MAX];
};

static bool bad_address(const char *address, struct err *e) {
    return err_set(e, ERR_USAGE, "'%s': expected a numeric address and a port, like 127.0.0.1:514 or [::1]:514",
                   address);
}

/* Splits "host:port" and gives the address to bind; NULL: it is none. */
static struct addrinfo *syslog_address(const char *address, struct err *e) {
    char host[HOST_MAX];
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(address, ':');
    bool bracketed = address[0] == '[' && colon && colon > address && colon[-1] == ']';
    size_t n = colon ? (size_t)(colon - address) - (bracketed ? 2 : 0) : 0;
    if (n == 0 || n >= sizeof host || strtoul(colon + 1, NULL, 10) > UINT16_MAX ||
        snprintf(host, n + 1, "%s", address + bracketed) < 0 || getaddrinfo(host, colon + 1, &hints, &found) != 0)
        bad_address(address, e);
    return found;
}

static void source_syslog_close(void *self) {
    struct source_syslog *s = self;
    if (s->fd >= 0) close(s->fd);
    free(s);
}

static void *source_syslog_open(const struct source_opts *o, struct err *e) {
    struct addrinfo *a = syslog_address(o->address, e);
    if (!a) return NULL;
    struct source_syslog *s = must_calloc(1, sizeof *s);
    s->fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = s->fd >= 0 && bind(s->fd, a->ai_addr, a->ai_addrlen) == 0;
    if (!ok) err_set(e, ERR_IO, "%s: %s", o->address, strerror(errno));
    freeaddrinfo(a);
    if (ok) return s;
    source_syslog_close(s);
    return NULL;
}

static bool wait_datagram(int fd, int wait_ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) > 0;
}

static enum source_state source_syslog_read(void *self, struct chunk *c, int wait_ms, struct err *e) {
    struct source_syslog *s = self;
    if (!c || !wait_datagram(s->fd, wait_ms)) return SOURCE_GOES_ON;
    while (chunk_has_room(c, DATAGRAM_MAX)) {
        ssize_t n = recv(s->fd, s->text, sizeof s->text, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return SOURCE_GOES_ON;
        if (n < 0) {
            err_set(e, ERR_IO, "syslog: %s", strerror(errno));
            return SOURCE_FAILED;
        }
        struct syslog_message m = syslog_parse((struct span){s->text, (size_t)n});
        chunk_add(c, m.app, m.text);
    }
    return SOURCE_GOES_ON;
}

extern const struct source_kind source_syslog_udp;
const struct source_kind source_syslog_udp = {source_syslog_open, source_syslog_read, NULL, source_syslog_close};
