/* timer: deadlines in the order in which they pass. A timer lies in a list of timers with the same time limit, so a new
 * one goes to the end: starting and stopping cost the same however many there are. Knows neither loop nor connection.
 * One thread. */
#ifndef HTTP_TIMER_H
#define HTTP_TIMER_H

#include <stdint.h>

struct timer_list;

struct timer {
    void (*expired)(void *self); /* the owner's; the timer is stopped before it is called */
    void *self;
    struct timer *sooner, *later;
    struct timer_list *list; /* NULL: it does not run */
    uint64_t deadline_ns;
};

/* TIMER_LISTS different time limits are in use at the same time without cost: the few of a server, twice while those
 * from before a reload still run. What is beyond them shares the last list, where a timer is put in its place. */
enum { TIMER_LISTS = 16 };

struct timers {
    struct timer_list {
        unsigned time_ms; /* of all in it; not of the last list */
        struct timer *first, *last;
    } list[TIMER_LISTS];
};

/* Zero-filled timers are empty; a zero-filled timer does not run. */

/* (Re)starts t: it expires time_ms after now_ns. */
void timer_start(struct timers *all, struct timer *t, uint64_t now_ns, unsigned time_ms);
void timer_stop(struct timer *t); /* one that does not run is fine */

/* When the next expires; UINT64_MAX: none runs. */
uint64_t timer_next_ns(const struct timers *all);

/* Calls `expired` of all whose deadline has come; they may start and stop others. */
void timer_run(struct timers *all, uint64_t now_ns);

#endif
