/* conn: one client connection. It reads bytes into the HTTP parser, runs the handler of each complete request, and
 * writes the answers, one request at a time: what comes in meanwhile waits, so answers keep the order of requests. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include "base/buf.h"
#include "http/exchange.h"
#include "http/client_quota.h"

#include <llhttp.h>

/* Where a connection is. Each state has one time limit (conn.c, STATES). */
enum conn_state {
    CONN_FRESH,  /* accepted, not a byte came */
    CONN_IDLE,   /* between requests */
    CONN_HEAD,   /* in a request's header */
    CONN_BODY,   /* in its body */
    CONN_WORK,   /* the batch is with the backend */
    CONN_STALL,  /* the backend was busy in the middle of a stream */
    CONN_WRITE,  /* an answer is being written */
    CONN_LINGER, /* we have said the last word; what still comes is thrown away until the client closes */
    CONN_STATE_COUNT
};

struct conn {
    bool closed; /* waits for conn_reap */
    struct loop *loop;
    struct conn *prev, *next;    /* in the loop's list of all, or (next) its free list */
    struct conn *sooner, *later; /* in the loop's timer list of the state */
    uint64_t deadline_ns;        /* when the state's time is over */
    struct exchange *x;          /* NULL between requests */
    struct buf rest;             /* bytes read and not yet parsed, from rest_at on */
    size_t rest_at;
    struct client_quota_key client;
    int fd;
    enum conn_state state;
    bool readable, writable; /* as far as epoll (edge-triggered) told */
    bool peer_done;          /* the client will send nothing more */
    bool close_after;        /* this answer is the last */
    llhttp_t http;
};

/* Takes the accepted socket. Returns NULL, the socket closed, when memory is out. */
struct conn *conn_open(struct loop *l, int fd, const struct client_quota_key *client);

/* epoll has news: EPOLLIN … The connection may be gone on return. */
void conn_event(struct conn *c, unsigned events);

/* Goes on after the batch of its exchange has come back. */
void conn_resume(struct conn *c);

/* The state's time is over. */
void conn_timeout(struct conn *c);

/* The server drains: closes c when it is idle, else after its answer. */
void conn_drain(struct conn *c);

/* Closes at once, whatever it is doing. */
void conn_close(struct conn *c);

/* Frees the closed connections: at the end of a turn, when no event that was fetched can name them any more. */
void conn_reap(struct loop *l);

#endif
