/* reload: who asks for a reload, and who waits to hear how it went. Any thread asks; one thread, the loader, does it.
 */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>

enum reload_what {
    RELOAD_NOTHING, /* time is over */
    RELOAD_ENGINE,  /* rules, labels, head and model, by the options in force */
    RELOAD_OPTIONS, /* the options, and all that they name */
    RELOAD_END,     /* there will be no more */
};

struct reload {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned asked, served; /* tickets: who has one up to `served` has been served */
    enum reload_what what;  /* of those that were not taken yet */
    unsigned taken;
    struct err last; /* how the last one went */
};

void reload_init(struct reload *r);
void reload_destroy(struct reload *r);

void reload_ask(struct reload *r, enum reload_what what); /* RELOAD_OPTIONS, or RELOAD_END: what waits is refused */

/* Asks for RELOAD_ENGINE and waits until it is in force. False: it failed, everything is as it was; or the process is
 * ending (ERR_CANCELLED). */
bool reload_engine(struct reload *r, struct err *e);

/* The loader's. The next thing to do, with everything that was asked for so far in one; waits at most wait_ms (-1: for
 * ever). After ENGINE and OPTIONS reload_done is to be called with how it went. */
enum reload_what reload_next(struct reload *r, int wait_ms);
void reload_done(struct reload *r, const struct err *e);

#endif
