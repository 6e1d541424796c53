#include "app/reload.h"

#include "base/clock.h"

void reload_init(struct reload *r) {
    pthread_condattr_t monotonic;
    *r = (struct reload){.what = RELOAD_NOTHING};
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void reload_destroy(struct reload *r) {
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
}

/* Locked. What asks for more includes what asks for less. */
static unsigned take_ticket(struct reload *r, enum reload_what what) {
    if (what > r->what) r->what = what;
    pthread_cond_broadcast(&r->changed);
    return ++r->asked;
}

void reload_ask(struct reload *r, enum reload_what what) {
    pthread_mutex_lock(&r->lock);
    take_ticket(r, what);
    pthread_mutex_unlock(&r->lock);
}

bool reload_engine(struct reload *r, struct err *e) {
    pthread_mutex_lock(&r->lock);
    unsigned ticket = take_ticket(r, RELOAD_ENGINE);
    while (r->what != RELOAD_END && (int)(r->served - ticket) < 0) pthread_cond_wait(&r->changed, &r->lock);
    bool served = (int)(r->served - ticket) >= 0;
    if (!served)
        err_set(e, ERR_CANCELLED, "the process is ending");
    else if (r->last.code != ERR_OK)
        *e = r->last;
    bool ok = served && r->last.code == ERR_OK;
    pthread_mutex_unlock(&r->lock);
    return ok;
}

enum reload_what reload_next(struct reload *r, int wait_ms) {
    struct timespec until = clock_deadline(wait_ms < 0 ? 0 : wait_ms);
    int late = 0;
    pthread_mutex_lock(&r->lock);
    while (r->what == RELOAD_NOTHING && !late)
        late = wait_ms < 0 ? pthread_cond_wait(&r->changed, &r->lock)
                           : pthread_cond_timedwait(&r->changed, &r->lock, &until);
    enum reload_what what = r->what;
    if (what != RELOAD_END) r->what = RELOAD_NOTHING;
    r->taken = r->asked;
    pthread_mutex_unlock(&r->lock);
    return what;
}

void reload_done(struct reload *r, const struct err *e) {
    pthread_mutex_lock(&r->lock);
    r->served = r->taken;
    r->last = *e;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}
