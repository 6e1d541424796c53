/* acceptor: takes new connections from a listening socket, up to connections_max of the server. */
#ifndef HTTP_ACCEPTOR_H
#define HTTP_ACCEPTOR_H

#include "http/loop.h"

struct server_thread;

struct acceptor {
    struct server_thread *thread;
    struct loop_source source;
    bool open;
    int listen_fd;
    int spare_fd; /* given up for a moment when descriptors run out, so that a client can be told */
};

/* Takes the socket over, also on failure. The thread's loop is open, or this fails. */
bool acceptor_open(struct acceptor *a, struct server_thread *t, int listen_fd, struct err *e);
void acceptor_close(struct acceptor *a); /* again is fine */
bool acceptor_is_open(const struct acceptor *a);

/* Accepts who waits now, a bounded number. */
void acceptor_accept(struct acceptor *a);

#endif
