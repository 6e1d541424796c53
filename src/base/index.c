#include "base/index.h"

#include "base/must.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX_FIRST = 64 };

void index_init(struct index *x, size_t max) {
    MUST(max < INDEX_FULL);
    *x = (struct index){.max = max, .cap = INDEX_FIRST, .slots = 2 * INDEX_FIRST};
    x->key = must_calloc(x->cap, sizeof *x->key);
    x->slot = must_calloc(x->slots, sizeof *x->slot);
}

void index_release(struct index *x) {
    free(x->key);
    free(x->slot);
    *x = (struct index){0};
}

/* The slot of the key, or the free one where it belongs. */
static uint32_t *index_slot(const struct index *x, struct index_key key) {
    size_t at = key.lo & (x->slots - 1);
    for (uint32_t n; (n = x->slot[at]) != 0; at = (at + 1) & (x->slots - 1))
        if (x->key[n - 1].lo == key.lo && x->key[n - 1].hi == key.hi) break;
    return &x->slot[at];
}

static void index_grow(struct index *x) {
    struct index_key *key = must_calloc(2 * x->cap, sizeof *key);
    memcpy(key, x->key, x->n * sizeof *key);
    free(x->key);
    free(x->slot);
    x->key = key;
    x->cap *= 2;
    x->slots *= 2;
    x->slot = must_calloc(x->slots, sizeof *x->slot);
    for (size_t i = 0; i < x->n; i++) *index_slot(x, key[i]) = (uint32_t)i + 1;
}

uint32_t index_find(struct index *x, struct index_key key, bool *is_new) {
    uint32_t *slot = index_slot(x, key);
    *is_new = *slot == 0;
    if (!*is_new) return *slot - 1;
    if (x->n == x->max) return INDEX_FULL;
    if (x->n == x->cap) {
        index_grow(x);
        slot = index_slot(x, key);
    }
    x->key[x->n] = key;
    *slot = (uint32_t)++x->n;
    return *slot - 1;
}

uint32_t index_get(const struct index *x, struct index_key key) {
    uint32_t slot = *index_slot(x, key);
    return slot ? slot - 1 : INDEX_FULL;
}
