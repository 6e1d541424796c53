#include "http/timer.h"

#include "base/clock.h"

#include <stddef.h>

/* The list for this time limit: the one that has it, else an empty one, else the last. */
static struct timer_list *list_for(struct timers *all, unsigned time_ms) {
    struct timer_list *empty = NULL, *last = &all->list[TIMER_LISTS - 1];
    for (struct timer_list *l = all->list; l < last; l++) {
        if (l->first && l->time_ms == time_ms) return l;
        if (!l->first && !empty) empty = l;
    }
    if (!empty) return last;
    empty->time_ms = time_ms;
    return empty;
}

void timer_start(struct timers *all, struct timer *t, uint64_t now_ns, unsigned time_ms) {
    timer_stop(t);
    struct timer_list *l = list_for(all, time_ms);
    t->list = l;
    t->deadline_ns = now_ns + clock_ns_of_ms(time_ms);
    struct timer *before = l->last; /* only in the last list a later one may stand here */
    while (before && before->deadline_ns > t->deadline_ns) before = before->sooner;
    t->sooner = before;
    t->later = before ? before->later : l->first;
    *(t->sooner ? &t->sooner->later : &l->first) = t;
    *(t->later ? &t->later->sooner : &l->last) = t;
}

void timer_stop(struct timer *t) {
    struct timer_list *l = t->list;
    if (!l) return;
    *(t->sooner ? &t->sooner->later : &l->first) = t->later;
    *(t->later ? &t->later->sooner : &l->last) = t->sooner;
    t->sooner = t->later = NULL;
    t->list = NULL;
}

uint64_t timer_next_ns(const struct timers *all) {
    uint64_t soonest = UINT64_MAX;
    for (unsigned i = 0; i < TIMER_LISTS; i++) {
        const struct timer *t = all->list[i].first;
        if (t && t->deadline_ns < soonest) soonest = t->deadline_ns;
    }
    return soonest;
}

void timer_run(struct timers *all, uint64_t now_ns) {
    for (unsigned i = 0; i < TIMER_LISTS; i++) {
        struct timer_list *l = &all->list[i];
        while (l->first && l->first->deadline_ns <= now_ns) {
            struct timer *t = l->first;
            timer_stop(t);
            t->expired(t->self);
        }
    }
}
