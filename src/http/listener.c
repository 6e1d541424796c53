#include "http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Length of the address; 0: host is none. */
static socklen_t listener_parse(const char *host, unsigned port, union address *a) {
    memset(a, 0, sizeof *a);
    if (strcmp(host, "localhost") == 0) host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET;
        a->v4.sin_port = htons((uint16_t)port);
        return sizeof a->v4;
    }
    if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1) {
        a->v6.sin6_family = AF_INET6;
        a->v6.sin6_port = htons((uint16_t)port);
        return sizeof a->v6;
    }
    return 0;
}

bool listener_is_loopback(const char *host) {
    union address a;
    if (listener_parse(host, 0, &a) == 0) return false;
    if (a.any.sa_family == AF_INET) return ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
}

bool listener_is_address(const char *host) {
    union address a;
    return strcmp(host, "localhost") != 0 && listener_parse(host, 0, &a) > 0;
}

bool listener_is_everywhere(const char *host) {
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

bool listener_peer(int fd, char out[LISTENER_ADDRESS_MAX]) {
    union address a = {0};
    socklen_t size = sizeof a;
    out[0] = '\0';
    if (getpeername(fd, &a.any, &size) != 0) return false;
    if (a.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr))
        return inet_ntop(AF_INET, &a.v6.sin6_addr.s6_addr[12], out, LISTENER_ADDRESS_MAX) != NULL;
    const void *address = a.any.sa_family == AF_INET ? (const void *)&a.v4.sin_addr : (const void *)&a.v6.sin6_addr;
    return inet_ntop(a.any.sa_family, address, out, LISTENER_ADDRESS_MAX) != NULL;
}

static bool listener_set(int fd, int option) {
    int one = 1;
    return setsockopt(fd, SOL_SOCKET, option, &one, sizeof one) == 0;
}

static bool bind_and_listen(int fd, const union address *a, socklen_t size, bool shared) {
    return listener_set(fd, SO_REUSEADDR) && (!shared || listener_set(fd, SO_REUSEPORT)) &&
           bind(fd, &a->any, size) == 0 && listen(fd, BACKLOG) == 0;
}

static unsigned port_of(int fd) {
    union address a = {0};
    socklen_t size = sizeof a;
    if (getsockname(fd, &a.any, &size) != 0) return 0;
    return ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
}

int listener_open(const char *host, unsigned *port, bool shared, struct err *e) {
    union address a;
    socklen_t size = listener_parse(host, *port, &a);
    if (size == 0 || *port > UINT16_MAX) {
        err_set(e, ERR_USAGE, "'%s' port %u: expected a numeric IP address or localhost, and a port up to 65535", host,
                *port);
        return -1;
    }
    int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind_and_listen(fd, &a, size, shared)) {
        *port = port_of(fd);
        return fd;
    }
    err_set(e, ERR_IO, "%s port %u: %s", host, *port, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}
