/* conn: one client connection. It reads bytes into the HTTP parser, runs the handler of each complete request, and
 * writes the answers, one request at a time: what comes in meanwhile waits, so answers keep the order of requests. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include "base/buf.h"
#include "http/client_quota.h"
#include "http/exchange.h"
#include "http/loop.h"

#include <llhttp.h>

enum { CONN_READ_BYTES = 64 * 1024 };

/* Where a connection is. What each state does, how long it may last, and what may follow it is conn.c's table STATES.
 */
enum conn_state {
    CONN_FRESH,  /* accepted, not a byte came */
    CONN_IDLE,   /* between requests */
    CONN_HEADER, /* in a request's header */
    CONN_BODY,   /* in its body */
    CONN_HANDLE, /* its handler is to be run */
    CONN_AWAY,   /* its exchange has left the loop */
    CONN_STALL,  /* its handler could do nothing just now */
    CONN_WRITE,  /* an answer, or a part of one, is being written */
    CONN_LINGER, /* we have said the last word; what still comes is thrown away until the client closes */
    CONN_CLOSED, /* waits for conn_reap */
    CONN_STATE_COUNT,
    CONN_STAY = CONN_STATE_COUNT /* no state: a step's result when it waits for an event, a post or its time limit */
};

struct conn {
    struct server_thread *thread;
    struct loop_source source;
    struct timer timer;       /* the state's time limit */
    struct conn *prev, *next; /* in the thread's list of all, or (next) its closed or free list */
    struct exchange *x;       /* NULL between requests */
    struct buf rest;          /* bytes read and not yet parsed, from rest_at on */
    size_t rest_at;
    struct client_quota_key client;
    int fd;
    enum conn_state state, limit_of; /* limit_of: the state whose time limit the timer runs by */
    uint64_t stalled_ns;             /* since when its handler could do nothing; 0: it can */
    bool readable, writable;         /* as far as epoll (edge-triggered) told */
    bool peer_done;                  /* the client will send nothing more */
    bool close_after;                /* this answer is the last */
    llhttp_t http;
};

/* Takes the accepted socket. Returns NULL, the socket closed, when memory is out. */
struct conn *conn_open(struct server_thread *t, int fd, const struct client_quota_key *client);

/* Goes on after its exchange has come back to the loop. */
void conn_resume(struct conn *c);

/* The server drains: closes c when it is idle, else after its answer. */
void conn_drain(struct conn *c);

/* Closes at once, whatever it is doing. */
void conn_close(struct conn *c);

/* Frees the closed connections: at the end of a turn, when no event that was fetched can name them any more. */
void conn_reap(struct server_thread *t);

#endif
