/* loop: one thread's epoll loop. It takes any descriptor (a loop_source says what to do when it is ready), keeps
 * timers, and takes items posted by other threads. It knows neither HTTP nor connections. */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include "base/err.h"
#include "http/timer.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>

enum { LOOP_EVENTS_PER_TURN = 256 };

/* What is done when a descriptor is ready. events: EPOLLIN … */
struct loop_source {
    void (*ready)(void *self, unsigned events);
    void *self;
};

/* Something that another thread wants done on the loop's: `run` is called there, once a post. Lies in the poster's
 * struct, so that posting allocates nothing. */
struct loop_post {
    void (*run)(void *self);
    void *self;
    struct loop_post *next;
};

struct loop {
    int epoll_fd, wake_fd;
    uint64_t now_ns; /* when this turn began */
    struct timers timers;
    pthread_mutex_t posts_lock;
    struct loop_post *posts; /* newest first */
    struct loop_source waking;
    int events; /* that loop_wait has fetched */
    struct epoll_event event[LOOP_EVENTS_PER_TURN];
};

bool loop_open(struct loop *l, struct err *e);
void loop_close(struct loop *l); /* one that failed to open is fine */

/* Calls s->ready whenever fd has one of the events (epoll(7), EPOLLET too) until fd is closed. An event that was
 * fetched in the same turn may still come after that: s must live to the turn's end. */
bool loop_watch(struct loop *l, int fd, unsigned events, struct loop_source *s);

/* Has an edge-triggered descriptor report again what is the case. */
bool loop_watch_again(struct loop *l, int fd, unsigned events, struct loop_source *s);

/* One turn: loop_wait fetches events, until the next timer's deadline but at most wait_ms_max (-1: no limit);
 * loop_dispatch hands them out, then runs what was posted and the timers that have expired. */
void loop_wait(struct loop *l, int wait_ms_max);
void loop_dispatch(struct loop *l);

/* Starts a timer of this loop. */
void loop_start_timer(struct loop *l, struct timer *t, unsigned time_ms);

/* From any thread: has p->run called on the loop's thread. p must not be posted again before that. */
void loop_post(struct loop *l, struct loop_post *p);
void loop_wake(struct loop *l); /* ends loop_wait; async-signal-safe */

/* Runs what was posted: part of loop_dispatch, and for a loop that turns no more. */
void loop_run_posts(struct loop *l);

#endif
