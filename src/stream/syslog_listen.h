/* syslog_listen: the sockets on which a syslog source listens, from what the config says. */
#ifndef STREAM_SYSLOG_LISTEN_H
#define STREAM_SYSLOG_LISTEN_H

#include "base/err.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct syslog_socket {
    int fd;
    bool stream;         /* it takes connections; else datagrams */
    char path[PATH_MAX]; /* of a unix socket, which is unlinked at the end; "": none */
    uint32_t drops;      /* datagrams that the kernel has dropped so far */
};

/* Listens on "udp://127.0.0.1:514", "tcp://[::1]:514", "unix:///run/x" or "unixgram:///run/x". allow_open: other
 * addresses than loopback are fine. buffer_bytes: the kernel's room for datagrams. False: e; nothing is open. */
bool syslog_listen(struct syslog_socket *s, const char *address, bool allow_open, int buffer_bytes, struct err *e);
void syslog_listen_close(struct syslog_socket *s);

/* How many datagrams the kernel has dropped since the last call. */
uint32_t syslog_listen_drops(struct syslog_socket *s);

#endif
