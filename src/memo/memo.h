/* memo: what was decided about a template, remembered exactly. Set-associative table of fixed size, sharded locks; a
 * full set evicts by second chance (an entry used since the hand last passed stays). Any number of threads. */
#ifndef MEMO_MEMO_H
#define MEMO_MEMO_H

#include "base/span.h"
#include "data/answer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memo;

enum { MEMO_KIND_BITS = 24 };

/* Where lines that were counted in entries go. false: there is no such kind any more, and the entry forgets it. Called
 * under a lock of the memo. */
struct memo_tally {
    bool (*add)(void *self, uint32_t kind, uint32_t lines);
    void *self;
};

enum { MEMO_ENTRIES_MIN = 2048, MEMO_ENTRIES_MAX = 1 << 26 };

/* entries: capacity, rounded up to a power of two within the limits above. Pages are touched as they fill. NULL:
 * there is no memory for them. */
struct memo *memo_open(size_t entries);
void memo_close(struct memo *m); /* NULL is fine */

/* 128 bits of XXH3 over the template, seeded per table: equal keys mean equal templates (2^-128 an honest pair; the
 * seed keeps a client from preparing a collision). version: hash of everything but the text that an answer depends on
 * (model, head, labels, masking, thresholds, prompt). */
struct memo_key memo_key(const struct memo *m, struct span template, uint64_t version);

/* Fetches what memo_get will look at, while the caller does something else. */
void memo_prefetch(struct memo *m, struct memo_key key);

bool memo_get(struct memo *m, struct memo_key key, struct answer *out);

/* The same, and counts one more line of its kind, where the entry knows that (answer.kind). */
bool memo_see(struct memo *m, struct memo_key key, struct answer *out);

/* Stores or replaces; the kind that an entry knows stays where a->kind is 0. Of a->kind, MEMO_KIND_BITS are kept.
 * Returns whether another entry was evicted for it. */
bool memo_put(struct memo *m, struct memo_key key, const struct answer *a);

size_t memo_count(struct memo *m);

/* From now on counts are handed to t: by memo_sweep, and when an entry is full or evicted. Before the memo is in use.
 */
void memo_set_tally(struct memo *m, const struct memo_tally *t);

/* Hands on what was counted since the last sweep. Locks a shard at a time. all: also asks about the kinds of which
 * there was no line, with 0 lines, so that every entry forgets what is gone. */
void memo_sweep(struct memo *m, bool all);

#endif
