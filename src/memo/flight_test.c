#include "memo/flight.h"

#include "base/check.h"

#include <pthread.h>

static struct pending passenger(uint64_t key, uint32_t i) {
    return (struct pending){.key = {key, key * 3}, .i = i};
}

static void the_first_decides_and_settles_the_others(void) {
    struct flights *f = flight_open(16);
    struct pending a = passenger(5, 1), b = passenger(5, 2), c = passenger(5 + 1024, 3), out;
    CHECK(flight_board(f, &a));
    CHECK(!flight_board(f, &b));
    CHECK(flight_board(f, &c)); /* of the same bucket, but another template */
    CHECK(flight_land(f, a.key, &out));
    CHECK_INT(out.i, 2);
    CHECK(!flight_land(f, a.key, &out));
    CHECK(!flight_land(f, c.key, &out));
    CHECK(flight_board(f, &b)); /* the mark is gone */
    CHECK(!flight_land(f, b.key, &out));
    CHECK(!flight_land(f, b.key, &out)); /* landing what doesn't fly is harmless */
    flight_close(f);
}

static void without_room_a_template_is_decided_again(void) {
    struct flights *f = flight_open(16);
    struct pending p = passenger(9, 0), out;
    CHECK(flight_board(f, &p));
    for (uint32_t i = 0; i < FLIGHT_PARKED_MAX; i++) CHECK(!flight_board(f, &p));
    CHECK(flight_board(f, &p));
    uint32_t settled = 0;
    while (flight_land(f, p.key, &out)) settled++;
    CHECK_INT(settled, FLIGHT_PARKED_MAX);
    for (uint64_t k = 1; k <= 1024; k++) { /* the least number of marks there is room for */
        p = passenger(k, 0);
        CHECK(flight_board(f, &p));
    }
    p = passenger(5000, 0);
    CHECK(flight_board(f, &p) && flight_board(f, &p)); /* no mark: both decide */
    flight_close(f);
}

enum { THREADS = 4, ROUNDS = 20000, KEYS = 8 };

struct crowd {
    struct flights *f;
    atomic_uint boarded, settled;
};

/* Decides or parks; whoever decides settles whom it finds. */
static void *travel(void *arg) {
    struct crowd *c = arg;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct pending p = passenger(1 + i % KEYS, i), out;
        atomic_fetch_add(&c->boarded, 1);
        if (!flight_board(c->f, &p)) continue;
        atomic_fetch_add(&c->settled, 1);
        while (flight_land(c->f, p.key, &out)) atomic_fetch_add(&c->settled, 1);
    }
    return NULL;
}

static void nobody_is_left_behind(void) {
    struct crowd c = {.f = flight_open(16)};
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, travel, &c);
    for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    CHECK_INT(c.settled, c.boarded);
    flight_close(c.f);
}

CHECK_MAIN(CHECK_TEST(the_first_decides_and_settles_the_others), CHECK_TEST(without_room_a_template_is_decided_again),
           CHECK_TEST(nobody_is_left_behind))
