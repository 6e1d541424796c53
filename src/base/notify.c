#include "base/notify.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { US_NS = 1000 };

/* '@' stands for the NUL byte of an abstract address. 0: the path is no address. */
static socklen_t address_of(const char *path, struct sockaddr_un *a) {
    size_t n = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || n >= sizeof a->sun_path) return 0;
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(a->sun_path, path, n);
    if (path[0] == '@') a->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

void notify_send(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a;
    socklen_t size = path ? address_of(path, &a) : 0;
    if (size == 0) return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    ssize_t n = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&a, size);
    (void)n; /* the manager is gone: there is nobody to tell */
    close(fd);
}

/* clock_now_ns is CLOCK_MONOTONIC, the clock that sd_notify(3) asks for. */
void notify_reloading(void) {
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_now_ns(NULL) / US_NS);
    notify_send(text);
}
