/* calls: the bounded table of questions on their way, and of the waiters for their answers. Equal questions are one
 * call (single flight). Two questions about the same template are different if they carry different head probabilities,
 * i.e. come from different engines. A call is at one step (a service), in one state:
 *
 *   FRESH     nobody has looked at it yet
 *   READY     waits for a free call; first come, first served
 *   ORPHAN    like READY, but nobody waits any more: called when nothing is READY, dropped when room is needed
 *   CALLING   its call is on the way
 *   PAUSED    waits for its next attempt
 *
 * A plain data structure: no thread, no lock, no clock, no network. One thread owns it (remote/dispatcher). */
#ifndef REMOTE_CALLS_H
#define REMOTE_CALLS_H

#include "base/buf.h"
#include "base/list.h"
#include "data/label.h"
#include "remote/breaker.h"
#include "data/question.h"

enum {
    CALLS_STEPS_MAX = 2,
    CALLS_MESSAGE_MAX = 65536,
    CALLS_SOURCE_MAX = 4096,
    CALLS_TEMPLATE_MAX = 8192,
    CALLS_HEAD_MAX = LABEL_MAX * sizeof(float),
};

enum call_state { CALL_FRESH, CALL_READY, CALL_ORPHAN, CALL_CALLING, CALL_PAUSED, CALL_STATES };

struct calls_step {
    uint64_t wait_ns; /* how long one waits for this step's answer */
    bool by_template; /* questions are equal when their templates are; else their messages must be, too */
    bool by_source;   /* … and their sources */
    bool keeps;       /* answers are of use when nobody waits any more */
};

struct calls_opts {
    unsigned calls_max, waiters_max;
    unsigned steps;
    struct calls_step step[CALLS_STEPS_MAX];
};

struct call {
    struct question q; /* in text */
    unsigned step;
    enum call_state state;
    struct list waiters; /* first come first */
    unsigned waiting;    /* how many */
    /* The caller's, while CALLING or PAUSED; zero when the call is FRESH. */
    struct call_attempt {
        uint64_t begun_ns, resume_ns;
        unsigned attempts, changes;
        struct breaker_pass pass;
        struct http_call *http;
    } attempt;
    /* private */
    struct buf text;
    uint64_t hash;
    struct call *next_in_bucket;
    struct list link; /* of its step and state, or of the free ones */
};

struct waiter {
    struct pending pending;
    uint64_t asked_ns; /* when it came */
    enum err_code why; /* of the last step that failed */
    /* private */
    struct call *call;
    uint64_t until_ns;
    struct list in_call; /* or in the free ones */
    struct list in_time; /* those of a step, earliest end first */
};

struct calls {
    struct calls_opts opts;
    uint64_t seed;
    struct call *call;
    struct waiter *waiter;
    struct call **bucket;
    size_t buckets; /* power of two */
    struct list free_calls, free_waiters;
    struct list list[CALLS_STEPS_MAX][CALL_STATES];
    struct list time[CALLS_STEPS_MAX];
    unsigned n, waiting; /* calls, waiters */
};

void calls_init(struct calls *t, const struct calls_opts *o);
void calls_release(struct calls *t);

/* One more waiter for q, who came at now_ns: joins the equal call of the first step, or makes one, FRESH, which copies
 * q. False with ERR_BUSY: no room. */
bool calls_join(struct calls *t, const struct pending *p, const struct question *q, uint64_t now_ns, struct err *e);

/* The first READY call of the step, else its first ORPHAN, else NULL. */
struct call *calls_ready(struct calls *t, unsigned step);

void calls_set_state(struct calls *t, struct call *c, enum call_state state);

/* The first call of the step in that state, and the one after; NULL: none. */
struct call *calls_first(struct calls *t, unsigned step, enum call_state state);
struct call *calls_next(struct calls *t, const struct call *c);

/* Takes the call's first waiter away: a copy of it, of which the private part means nothing. False: it has none. */
bool calls_take_waiter(struct calls *t, struct call *c, struct waiter *out);

/* Moves all of c's waiters, who got no answer, to the next step, and ends c here. why: ERR_OK if the service had no
 * opinion. Returns false, changing nothing, if there is no next step or nobody is waiting. */
bool calls_forward(struct calls *t, struct call *c, enum err_code why, uint64_t now_ns);

/* Takes the next waiter whose time at its step is over and moves it to the next step. False: nobody's time is over. */
struct calls_expiry {
    unsigned step;          /* where its time ran out */
    bool ended;             /* there is no next step, or no room: `pending` gets no answer */
    struct pending pending; /* set when ended */
};
bool calls_expire(struct calls *t, uint64_t now_ns, struct calls_expiry *out);

/* Ends a call that has no waiters. */
void calls_end(struct calls *t, struct call *c);

/* When the next waiter's time is over; UINT64_MAX: nobody waits. */
uint64_t calls_next_end_ns(const struct calls *t);

#endif
