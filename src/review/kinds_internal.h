/* kinds_internal: the table itself, for the files that keep its time, write it and look through it. Private to the
 * folder. */
#ifndef REVIEW_KINDS_INTERNAL_H
#define REVIEW_KINDS_INTERNAL_H

#include "review/kinds.h"
#include "review/kinds_bloom.h"
#include "review/kinds_texts.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    KIND_FLAG_BY_RULE = 1,
    KIND_FLAG_REDACTED = 2,
    KIND_FLAG_KEPT = 4,
    KIND_FLAG_USED = 8,       /* since the hand last passed */
    KIND_FLAG_PROBATION = 16, /* seen once, or lately entered */
    KIND_FLAG_DIRTY = 32,     /* what is written is not what it is */
    KIND_FLAG_STORED = 64,    /* the store has its text */
    KIND_FLAG_GONE = 128,     /* the slot is no kind's */
};

#define KIND_NONE UINT32_MAX

struct kind {
    uint64_t id;
    char *text;     /* among the shard's texts; NULL: the slot is no kind's */
    uint64_t lines; /* ever */
    uint32_t first, last;
    uint32_t state_at;  /* since when, or until when it is muted; of a free slot the next one */
    uint32_t this_hour; /* lines of the hour that runs */
    uint32_t before;    /* lines of the 23 hours before it */
    uint32_t unwritten; /* lines that the store does not know */
    uint16_t text_n, message_at, p1, p2;
    uint8_t label, stage, best, second, state, flags, reuse;
    bool silent; /* as of the last whole hour */
};

/* How many lines in an hour, a day, in its busiest hour: logarithmic, to 6 %. */
struct kind_past {
    uint8_t hour[KINDS_HOURS], day[KINDS_DAYS], peak[KINDS_DAYS];
    uint8_t steady; /* hours in a row with lines, before those without */
    uint8_t quiet;  /* hours in a row without, up to now */
};

struct kinds_shard {
    pthread_mutex_t lock;
    struct kind *kind;      /* [slots] */
    struct kind_past *past; /* [slots] */
    uint64_t *family;       /* [slots] hash of the message's part */
    uint32_t *untold;       /* [slots] lines that the desk was not told of (kinds_share.h); NULL: it is not told */
    uint32_t *index;        /* slot + 1 by id; open addressing */
    uint32_t *fifo;         /* [slots] those on probation, oldest first: a ring */
    uint32_t mask, slots, max, top, n;
    uint32_t fifo_from, fifo_n, hand;
    uint32_t free, dying, dead; /* lists; KIND_NONE: empty */
    uint64_t forgotten;
    struct kinds_texts texts;
    char pad[64];
};

struct kinds {
    struct kinds_opts o;
    _Atomic uint32_t now_s, turn;
    _Atomic uint32_t hour; /* that runs: seconds / 3600; 0: no time was told yet */
    _Atomic uint64_t entered, entered_by[KINDS_LABELS_MAX + 1];
    atomic_bool counts; /* kinds that are entered */
    pthread_mutex_t names_lock;
    char name[KINDS_LABELS_MAX + 1][LABEL_ID_MAX];
    _Atomic unsigned names;
    struct kinds_bloom bloom;
    struct kinds_shard shard[KINDS_SHARDS];
    uint64_t *deleted; /* ids that the store is to delete; a ring */
    size_t deleted_n;
    pthread_mutex_t deleted_lock;
    struct kinds_rise rise[KINDS_RISES_MAX]; /* a ring */
    unsigned rises;                          /* ever */
    pthread_mutex_t rises_lock;
};

enum { KINDS_DELETED_MAX = 1 << 16 };

static inline uint32_t kind_number(uint32_t shard, uint32_t slot, const struct kind *k) {
    return ((uint32_t)k->reuse << KINDS_NUMBER_BITS) | (slot * KINDS_SHARDS + shard + 1);
}

/* A number of lines in a byte, and back. */
uint8_t kind_byte_of(uint32_t lines);
uint32_t kind_lines_of(uint8_t byte);

/* Under the shard's lock: n more lines. */
void kind_add(struct kinds *k, struct kinds_shard *sh, uint32_t slot, uint32_t n);

/* Under the shard's lock: from hour `from` to hour `to`, in which there were no lines but this_hour's. */
void kind_roll(struct kind *c, struct kind_past *p, uint32_t from, uint32_t to);

/* Under the shard's lock: where the message begins in a kind's text. */
void kind_set_message(struct kinds_shard *sh, uint32_t slot, size_t at);

/* Under the shard's lock: the slot of a kind by its id; KIND_NONE: it is not in this shard. */
uint32_t kinds_slot_of(const struct kinds_shard *sh, uint64_t id);

/* Under the shard's lock: makes room and enters a kind with a copy of this text. KIND_NONE: no room. */
uint32_t kinds_enter(struct kinds *k, struct kinds_shard *sh, uint64_t id, struct span text);

/* The same for a kind that is seen now for the first time, or again after it was dropped. */
uint32_t kinds_enter_new(struct kinds *k, struct kinds_shard *sh, uint64_t id, struct span text, uint8_t label);

/* Locks the shard that holds id and tells the slot; KIND_NONE: none, and nothing is locked. */
uint32_t kinds_lock_id(struct kinds *k, uint64_t id, struct kinds_shard **sh);

/* A kind that the store has was dropped: it is to delete it. What is too much is deleted when the file is loaded. */
void kinds_note_dropped(struct kinds *k, uint64_t id);

/* Those that were noted, into out[KINDS_DELETED_MAX]; how many. They are noted no more. */
size_t kinds_take_dropped(struct kinds *k, uint64_t *out);

/* Fills a view, without text copy, hour and day. */
void kinds_view(const struct kinds *k, uint32_t shard, uint32_t slot, struct kind_view *v);

#endif
