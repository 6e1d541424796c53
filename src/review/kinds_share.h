/* kinds_share: what an instance tells the desk about its kinds of line: how many lines of each since it last told, so
 * that the desk's inventory counts the lines of all. Texts are redacted already. */
#ifndef REVIEW_KINDS_SHARE_H
#define REVIEW_KINDS_SHARE_H

#include "base/buf.h"
#include "review/kinds.h"
#include "review/words.h"

struct yyjson_val;

enum { KINDS_SHARE_MAX = 10000, KINDS_SHARE_BYTES_MAX = 3 << 20 };

/* From now on lines are counted for the desk, too. Any thread. */
void kinds_share_begin(struct kinds *k);

/* What is told at once. One thread. */
struct kinds_parcel {
    struct buf body;  /* a JSON array of kinds */
    unsigned n, from; /* from: the shard that is asked first, so that each has its turn */
    struct kinds_parcel_item {
        uint64_t id;
        uint32_t lines;
    } * item; /* [n] */
};

void kinds_parcel_init(struct kinds_parcel *p);
void kinds_parcel_release(struct kinds_parcel *p);

/* Takes the lines that were not told yet, of at most max kinds and KINDS_SHARE_BYTES_MAX bytes; returns of how many
 * kinds there are any. What does not fit is taken the next time. */
unsigned kinds_parcel_pack(struct kinds *k, struct kinds_parcel *p, unsigned max);

/* They were not told after all. */
void kinds_parcel_undo(struct kinds *k, const struct kinds_parcel *p);

/* The desk's: adds the kinds of a parcel, an array. What is no kind is left out, and what was first seen before it was
 * to be forgotten, by w, which may be NULL: who tells it did not know that yet. Returns how many were added. */
unsigned kinds_share_take(struct kinds *k, const struct words *w, struct yyjson_val *parcel);

#endif
