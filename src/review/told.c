#include "review/told.h"

void told_init(struct told *t) {
    *t = (struct told){0};
    pthread_mutex_init(&t->lock, NULL);
}

void told_release(struct told *t) {
    pthread_mutex_destroy(&t->lock);
}

/* Locked: its row, taken from the one that was silent for longest where there is none. */
static struct told_row *told_place(struct told *t, uint64_t run) {
    struct told_row *oldest = &t->row[0];
    for (unsigned i = 0; i < TOLD_MAX; i++) {
        if (t->row[i].run == run) return &t->row[i];
        if (t->row[i].at < oldest->at) oldest = &t->row[i];
    }
    *oldest = (struct told_row){.run = run};
    return oldest;
}

bool told_begin(struct told *t, uint64_t run, uint64_t seq, uint32_t now_s) {
    pthread_mutex_lock(&t->lock);
    struct told_row *r = told_place(t, run);
    bool fresh = r->seq != seq;
    r->at = now_s;
    r->seq = seq;
    if (!fresh) pthread_mutex_unlock(&t->lock);
    return fresh;
}

void told_end(struct told *t) {
    pthread_mutex_unlock(&t->lock);
}

void told_restore(struct told *t, const struct told_row *row) {
    pthread_mutex_lock(&t->lock);
    struct told_row *r = told_place(t, row->run);
    if (r->at == 0) *r = *row;
    pthread_mutex_unlock(&t->lock);
}
