/* server_thread: one thread of a server: its loop, its listening socket, its connections, and the drain of them. */
#ifndef HTTP_SERVER_THREAD_H
#define HTTP_SERVER_THREAD_H

#include "http/acceptor.h"
#include "http/conn.h"
#include "http/date.h"
#include "http/loop.h"

struct server;
struct settings;

enum { SERVER_THREAD_EXCHANGES_KEPT = 64, SERVER_THREAD_CONNS_KEPT = 256 };

struct server_thread {
    struct server *server;
    struct loop loop;
    struct settings *set; /* in force for this turn */
    unsigned set_version;
    pthread_t thread;
    struct acceptor acceptor;
    void *site_thread; /* the site's own (server_site.thread_open) */

    struct conn *conns, *free_conns;
    struct conn *closed_conns; /* closed in this turn: an event of theirs may still be in hand */
    unsigned free_conns_n;
    struct exchange *free_exchanges;
    unsigned free_exchanges_n;
    unsigned away; /* exchanges that have left the loop */

    uint64_t drain_begun_ns; /* 0: not draining */
    struct date date;
    char in[CONN_READ_BYTES]; /* what was read from a socket, until it is parsed */
};

bool server_thread_open(struct server_thread *t, struct server *s, int listen_fd, struct err *e);
void server_thread_run(struct server_thread *t); /* until the server stops and the drain is over */
void server_thread_close(
    struct server_thread *t); /* nothing is away any more but what is posted; zero-filled is fine */

#endif
