#include "stream/syslog_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HOST_MAX = 64, BACKLOG = 512 };

static bool listen_bad(const char *address, struct err *e) {
    return err_set(e, ERR_USAGE,
                   "listen: '%s': expected udp://ADDRESS:PORT or tcp://ADDRESS:PORT with a numeric address, like "
                   "udp://127.0.0.1:514 or tcp://[::1]:514, or unix:///PATH or unixgram:///PATH",
                   address);
}

static bool listen_failed(struct syslog_socket *s, const char *address, struct err *e) {
    err_set(e, ERR_IO, "listen: %s: %s", address, strerror(errno));
    s->path[0] = '\0'; /* it is not ours */
    syslog_listen_close(s);
    return false;
}

/* ---- network ---- */

static struct addrinfo *listen_find(const char *text, int type) {
    char host[HOST_MAX];
    struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(text, ':');
    bool bracketed = text[0] == '[' && colon && colon > text && colon[-1] == ']';
    size_t n = colon ? (size_t)(colon - text) - (bracketed ? 2 : 0) : 0;
    bool fine = n > 0 && n < sizeof host && strtoul(colon + 1, NULL, 10) <= UINT16_MAX &&
                snprintf(host, n + 1, "%s", text + bracketed) >= 0 && getaddrinfo(host, colon + 1, &hints, &found) == 0;
    return fine ? found : NULL;
}

static bool is_loopback(const struct addrinfo *a) {
    const struct sockaddr_in *v4 = (const void *)a->ai_addr;
    const struct sockaddr_in6 *v6 = (const void *)a->ai_addr;
    if (a->ai_family == AF_INET) return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return a->ai_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static void set_buffer(int fd, int bytes) {
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

static bool listen_network(struct syslog_socket *s, const char *address, const char *text, bool allow_open,
                           struct err *e) {
    int one = 1;
    struct addrinfo *a = listen_find(text, s->stream ? SOCK_STREAM : SOCK_DGRAM);
    if (!a) return listen_bad(address, e);
    if (!allow_open && !is_loopback(a)) {
        freeaddrinfo(a);
        return err_set(e, ERR_USAGE, "listen: %s is open to others than this machine, which allow-open = yes permits",
                       address);
    }
    s->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = s->fd >= 0 && setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
              bind(s->fd, a->ai_addr, a->ai_addrlen) == 0 && (!s->stream || listen(s->fd, BACKLOG) == 0);
    freeaddrinfo(a);
    return ok || listen_failed(s, address, e);
}

/* ---- unix ---- */

/* A socket that a killed process left behind is in the way; one that somebody answers at is not ours. */
static void clear_path(const struct sockaddr_un *a, int type) {
    struct stat st;
    int fd = lstat(a->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) ? socket(AF_UNIX, type | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0) return;
    if (connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 && errno == ECONNREFUSED) unlink(a->sun_path);
    close(fd);
}

static bool listen_unix(struct syslog_socket *s, const char *address, const char *path, struct err *e) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int type = s->stream ? SOCK_STREAM : SOCK_DGRAM;
    if (path[0] != '/' || strlen(path) >= sizeof a.sun_path) return listen_bad(address, e);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    snprintf(s->path, sizeof s->path, "%s", path);
    clear_path(&a, type);
    s->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = s->fd >= 0 && bind(s->fd, (struct sockaddr *)&a, sizeof a) == 0 && chmod(path, 0666) == 0 &&
              (!s->stream || listen(s->fd, BACKLOG) == 0);
    return ok || listen_failed(s, address, e);
}

bool syslog_listen(struct syslog_socket *s, const char *address, bool allow_open, int buffer_bytes, struct err *e) {
    const char *colon = strstr(address, "://");
    size_t n = colon ? (size_t)(colon - address) : 0;
    const char *rest = colon ? colon + 3 : address;
    bool tcp = n == 3 && memcmp(address, "tcp", 3) == 0, udp = n == 3 && memcmp(address, "udp", 3) == 0;
    bool stream = n == 4 && memcmp(address, "unix", 4) == 0, datagram = n == 8 && memcmp(address, "unixgram", 8) == 0;
    *s = (struct syslog_socket){.fd = -1, .stream = tcp || stream};
    if (!tcp && !udp && !stream && !datagram) return listen_bad(address, e);
    bool ok = tcp || udp ? listen_network(s, address, rest, allow_open, e) : listen_unix(s, address, rest, e);
    if (ok && !s->stream) set_buffer(s->fd, buffer_bytes);
    return ok;
}

void syslog_listen_close(struct syslog_socket *s) {
    if (s->fd >= 0) close(s->fd);
    if (s->path[0]) unlink(s->path);
    s->fd = -1;
    s->path[0] = '\0';
}

uint32_t syslog_listen_drops(struct syslog_socket *s) {
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t n = sizeof info;
    if (s->fd < 0 || getsockopt(s->fd, SOL_SOCKET, SO_MEMINFO, info, &n) != 0) return 0;
    uint32_t more = info[SK_MEMINFO_DROPS] - s->drops;
    s->drops = info[SK_MEMINFO_DROPS];
    return more;
}
