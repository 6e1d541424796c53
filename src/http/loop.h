/* loop: one thread's epoll loop: accepts, hands events and time-outs to connections, and takes back batches. */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include "http/conn.h"
#include "api/entry.h"

#include <pthread.h>
#include <stdatomic.h>

struct server;
struct settings;

enum { LOOP_READ_BYTES = 64 * 1024, LOOP_EXCHANGES_KEPT = 64, LOOP_CONNS_KEPT = 256, LOOP_DATE_BYTES = 32 };

/* Connections of one state, soonest deadline first: all of them have the same time limit, so new ones go to the end. */
struct loop_timers {
    struct conn *first, *last;
};

struct loop {
    struct server *server;
    struct settings *set; /* in force for this turn */
    unsigned set_version;
    pthread_t thread;
    int epoll_fd, wake_fd, listen_fd;
    int spare_fd; /* given up for a moment when descriptors run out, so that a client can be told */
    uint64_t now_ns;

    struct conn *conns, *free_conns;
    struct conn *closed_conns; /* closed in this turn: an event of theirs may still be in hand */
    unsigned free_conns_n;
    struct exchange *free_exchanges;
    unsigned free_exchanges_n;
    struct loop_timers timers[CONN_STATE_COUNT];

    pthread_mutex_t done_lock;
    struct exchange *done; /* batches that came back, newest first */
    unsigned away;         /* exchanges whose batch is with the backend */

    uint64_t drain_begun_ns; /* 0: not draining */
    struct entry_reader entries;
    void *fast_path; /* the backend's; NULL: none */
    uint64_t date_second;
    char date[LOOP_DATE_BYTES];
    char in[LOOP_READ_BYTES];
};

bool loop_open(struct loop *l, struct server *s, int listen_fd, struct err *e);
void loop_run(struct loop *l);   /* until the server stops and the drain is over */
void loop_wake(struct loop *l);  /* async-signal-safe */
void loop_close(struct loop *l); /* the backend is closed; a zero-filled loop is fine */

/* From any thread: the batch of x has all its results. */
void loop_batch_done(struct batch *b);

/* Moves c to a state and starts the state's time limit (0: none). */
void loop_set_timer(struct loop *l, struct conn *c, enum conn_state state, unsigned time_ms);

/* Takes c out of the timer list of its state. */
void loop_clear_timer(struct loop *l, struct conn *c);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), now. */
const char *loop_date(struct loop *l);

#endif
