#include "review/kinds_bloom.h"

#include "base/must.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOOM_HASHES = 7, SKETCH_BITS = 12 };

void kinds_bloom_open(struct kinds_bloom *b) {
    *b = (struct kinds_bloom){0};
    pthread_mutex_init(&b->lock, NULL);
    b->bits[0] = must_calloc(1, KINDS_BLOOM_BYTES);
    b->bits[1] = must_calloc(1, KINDS_BLOOM_BYTES);
    b->sketch = must_calloc(1, KINDS_SKETCH);
}

void kinds_bloom_close(struct kinds_bloom *b) {
    free(b->bits[0]);
    free(b->bits[1]);
    free(b->sketch);
    pthread_mutex_destroy(&b->lock);
}

/* splitmix64: ids are hashes of which the table uses the low bits already. */
static uint64_t bloom_mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

static bool bloom_has(const uint8_t *bits, uint64_t h) {
    uint64_t step = (h >> 32) | 1, at = h & 0xffffffff;
    for (int i = 0; i < BLOOM_HASHES; i++, at += step) {
        uint64_t bit = at % (8 * (uint64_t)KINDS_BLOOM_BYTES);
        if (!(bits[bit / 8] >> (bit % 8) & 1)) return false;
    }
    return true;
}

static void bloom_set(uint8_t *bits, uint64_t h) {
    uint64_t step = (h >> 32) | 1, at = h & 0xffffffff;
    for (int i = 0; i < BLOOM_HASHES; i++, at += step) {
        uint64_t bit = at % (8 * (uint64_t)KINDS_BLOOM_BYTES);
        bits[bit / 8] = (uint8_t)(bits[bit / 8] | 1 << (bit % 8));
    }
}

static void sketch_add(uint8_t *sketch, uint64_t h) {
    uint64_t rest = h << SKETCH_BITS | (1 << (SKETCH_BITS - 1));
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1), *at = &sketch[h >> (64 - SKETCH_BITS)];
    if (*at < rank) *at = rank;
}

static void next_generation(struct kinds_bloom *b, uint32_t now_s) {
    uint8_t *old = b->bits[1];
    b->bits[1] = b->bits[0];
    b->bits[0] = old;
    memset(old, 0, KINDS_BLOOM_BYTES);
    b->ids = 0;
    b->begun_s = now_s;
}

bool kinds_bloom_add(struct kinds_bloom *b, uint64_t id, uint32_t now_s) {
    uint64_t h = bloom_mix(id);
    pthread_mutex_lock(&b->lock);
    if (!b->begun_s) b->begun_s = now_s;
    if (b->ids >= KINDS_BLOOM_IDS || (now_s > b->begun_s && now_s - b->begun_s > KINDS_BLOOM_LIFE_S))
        next_generation(b, now_s);
    bool now = bloom_has(b->bits[0], h), seen = now || bloom_has(b->bits[1], h);
    if (!now) {
        bloom_set(b->bits[0], h);
        b->ids++;
        b->changed = true;
    }
    sketch_add(b->sketch, bloom_mix(h));
    pthread_mutex_unlock(&b->lock);
    return seen;
}

/* Flajolet, Fusy, Gandouet and Meunier 2007, with linear counting for small numbers. */
uint64_t kinds_bloom_estimate(struct kinds_bloom *b) {
    const double m = KINDS_SKETCH, alpha = 0.7213 / (1 + 1.079 / m);
    double sum = 0;
    unsigned empty = 0;
    pthread_mutex_lock(&b->lock);
    for (unsigned i = 0; i < KINDS_SKETCH; i++) {
        sum += ldexp(1, -b->sketch[i]);
        empty += b->sketch[i] == 0;
    }
    pthread_mutex_unlock(&b->lock);
    double e = alpha * m * m / sum;
    if (e <= 2.5 * m && empty > 0) e = m * log(m / empty);
    return (uint64_t)(e + 0.5);
}

void kinds_bloom_save(struct kinds_bloom *b, uint8_t *to) {
    pthread_mutex_lock(&b->lock);
    memcpy(to, &b->ids, 4);
    memcpy(to + 4, &b->begun_s, 4);
    memcpy(to + 8, b->bits[0], KINDS_BLOOM_BYTES);
    memcpy(to + 8 + KINDS_BLOOM_BYTES, b->bits[1], KINDS_BLOOM_BYTES);
    memcpy(to + 8 + 2 * KINDS_BLOOM_BYTES, b->sketch, KINDS_SKETCH);
    b->changed = false;
    pthread_mutex_unlock(&b->lock);
}

/* Added to what was entered meanwhile: a table is loaded while lines flow. */
bool kinds_bloom_restore(struct kinds_bloom *b, struct span from) {
    uint32_t ids, begun_s;
    if (from.n != KINDS_BLOOM_SAVED) return false;
    memcpy(&ids, from.p, 4);
    memcpy(&begun_s, from.p + 4, 4);
    const char *bits = from.p + 8, *sketch = bits + 2 * KINDS_BLOOM_BYTES;
    pthread_mutex_lock(&b->lock);
    b->ids = ids > KINDS_BLOOM_IDS - b->ids ? KINDS_BLOOM_IDS : b->ids + ids;
    b->begun_s = begun_s;
    for (unsigned g = 0; g < 2; g++)
        for (size_t i = 0; i < KINDS_BLOOM_BYTES; i++)
            b->bits[g][i] = (uint8_t)(b->bits[g][i] | (uint8_t)bits[g * (size_t)KINDS_BLOOM_BYTES + i]);
    for (unsigned i = 0; i < KINDS_SKETCH; i++) {
        uint8_t rank = (uint8_t)sketch[i] > 64 ? 64 : (uint8_t)sketch[i];
        if (b->sketch[i] < rank) b->sketch[i] = rank;
    }
    pthread_mutex_unlock(&b->lock);
    return true;
}
