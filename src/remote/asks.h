/* asks: the bounded table of questions on their way, and of those who wait for the answers. Equal questions are one ask
 * (single flight); those about one template with other thoughts of a head (another engine's) are not equal. An ask is
 * at one step (a service), in one state:
 *
 *   FRESH     nobody has looked at it yet
 *   READY     waits for a free call; first come, first served
 *   ORPHAN    like READY, but nobody waits any more: called when nothing is READY, dropped when room is needed
 *   CALLING   its call is on the way
 *   PAUSED    waits for its next attempt
 *
 * A plain data structure: no thread, no clock, no network. The owner holds a lock around every function. */
#ifndef REMOTE_ASKS_H
#define REMOTE_ASKS_H

#include "base/buf.h"
#include "base/list.h"
#include "data/label.h"
#include "remote/breaker.h"
#include "remote/question.h"

enum {
    ASKS_STEPS_MAX = 2,
    ASKS_MESSAGE_MAX = 65536,
    ASKS_SOURCE_MAX = 4096,
    ASKS_TEMPLATE_MAX = 8192,
    ASKS_HEAD_MAX = LABEL_MAX * sizeof(float),
};

enum ask_state { ASK_FRESH, ASK_READY, ASK_ORPHAN, ASK_CALLING, ASK_PAUSED, ASK_STATES };

struct asks_step {
    uint64_t wait_ns; /* how long one waits for this step's answer */
    bool by_template; /* questions are equal when their templates are; else their messages must be, too */
    bool by_source;   /* … and their sources */
    bool keeps;       /* answers are of use when nobody waits any more */
};

struct asks_opts {
    unsigned asks_max, waiters_max;
    unsigned steps;
    struct asks_step step[ASKS_STEPS_MAX];
};

struct ask {
    struct question q; /* in text */
    unsigned step;
    enum ask_state state;
    struct list waiters; /* first come first */
    unsigned waiting;    /* how many */
    /* The caller's, while CALLING or PAUSED; zero when the ask is FRESH. */
    struct ask_call {
        uint64_t begun_ns, resume_ns;
        unsigned attempts, changes;
        struct breaker_pass pass;
        struct http_call *http;
    } call;
    /* private */
    struct buf text;
    uint64_t hash;
    struct ask *next_in_bucket;
    struct list link; /* of its step and state, or of the free ones */
};

struct asks_waiter {
    struct pending pending;
    struct ask *ask;
    uint64_t until_ns;
    enum err_code why;   /* of the last step that failed */
    struct list in_ask;  /* or in the free ones */
    struct list in_time; /* those of a step, earliest end first */
};

struct asks {
    struct asks_opts opts;
    uint64_t seed;
    struct ask *ask;
    struct asks_waiter *waiter;
    struct ask **bucket;
    size_t buckets; /* power of two */
    struct list free_asks, free_waiters;
    struct list list[ASKS_STEPS_MAX][ASK_STATES];
    struct list time[ASKS_STEPS_MAX];
    unsigned n, waiting; /* asks, waiters */
};

void asks_init(struct asks *t, const struct asks_opts *o);
void asks_release(struct asks *t);

/* One more waiter for q: joins the equal ask of the first step, or makes one, FRESH. False with ERR_BUSY: no room. */
bool asks_join(struct asks *t, const struct pending *p, const struct question *q, uint64_t now_ns, struct err *e);

/* The first READY ask of the step, else its first ORPHAN, else NULL. */
struct ask *asks_ready(struct asks *t, unsigned step);

void asks_set_state(struct asks *t, struct ask *a, enum ask_state state);

/* The first ask of the step in that state, and the one after; NULL: none. */
struct ask *asks_first(struct asks *t, unsigned step, enum ask_state state);
struct ask *asks_next(struct asks *t, const struct ask *a);

/* Takes the ask's first waiter away; false: it has none. */
bool asks_take_waiter(struct asks *t, struct ask *a, struct pending *out, enum err_code *why);

/* Moves all of a's waiters, who got no answer, to the next step, and ends a there. why: ERR_OK when the step had
 * nothing to say. False: there is no next step, or
 * nobody waits, and nothing changes. */
bool asks_forward(struct asks *t, struct ask *a, enum err_code why, uint64_t now_ns);

/* Takes the next waiter whose time at its step is over and moves it to the next step. False: nobody's time is over. */
struct asks_expiry {
    unsigned step;          /* where its time ran out */
    bool ended;             /* there is no next step, or no room: `pending` gets no answer */
    struct pending pending; /* set when ended */
};
bool asks_expire(struct asks *t, uint64_t now_ns, struct asks_expiry *out);

/* Ends an ask that has no waiters. */
void asks_end(struct asks *t, struct ask *a);

/* When the next waiter's time is over; UINT64_MAX: nobody waits. */
uint64_t asks_next_end_ns(const struct asks *t);

#endif
