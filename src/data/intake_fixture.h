/* intake_fixture: for tests: an intake over a few chunks. */
#ifndef DATA_INTAKE_FIXTURE_H
#define DATA_INTAKE_FIXTURE_H

#include "data/intake.h"

enum { INTAKE_FIXTURE_CHUNKS = 4 };

struct intake_fixture {
    struct chunk chunk[INTAKE_FIXTURE_CHUNKS];
    unsigned n, most; /* taken; how many there are */
    struct intake in;
    struct err e;
};

static inline struct chunk *intake_fixture_take(void *self) {
    struct intake_fixture *x = self;
    return x->n < x->most ? &x->chunk[x->n++] : NULL;
}

static inline void intake_fixture_open(struct intake_fixture *x) {
    *x = (struct intake_fixture){.most = INTAKE_FIXTURE_CHUNKS};
    for (unsigned i = 0; i < INTAKE_FIXTURE_CHUNKS; i++) chunk_init(&x->chunk[i]);
    x->in = (struct intake){.take = intake_fixture_take, .self = x};
}

/* For the next request. */
static inline void intake_fixture_reset(struct intake_fixture *x) {
    for (unsigned i = 0; i < x->n; i++) chunk_reset(&x->chunk[i]);
    x->n = 0;
    x->e = (struct err){0};
    x->in = (struct intake){.take = intake_fixture_take, .self = x};
}

static inline void intake_fixture_close(struct intake_fixture *x) {
    for (unsigned i = 0; i < INTAKE_FIXTURE_CHUNKS; i++) chunk_release(&x->chunk[i]);
}

#endif
