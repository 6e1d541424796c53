/* kinds: the inventory of the kinds of line seen: which there are, how many lines of each, when, what was decided. A
 * kind is a template; the table is bounded. Lines of known kinds are counted where they are remembered (memo/memo.h)
 * and added once a second, so that a line costs nothing here. Any number of threads; locks are short, one shard at a
 * time.
 *
 * Texts are redacted before they are kept: what stands here may be shown and written to disk. */
#ifndef REVIEW_KINDS_H
#define REVIEW_KINDS_H

#include "base/buf.h"
#include "base/span.h"
#include "data/label.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kinds;

enum {
    KINDS_MAX_MAX = 10000000,
    KINDS_SHARDS = 64,
    KINDS_HOURS = 24,
    KINDS_DAYS = 8,
    KINDS_LABELS_MAX = 255, /* names of labels over the life of the process */
    KINDS_NEW_S = 24 * 3600,
    KINDS_SILENT_S = 14 * 24 * 3600, /* lines after so long: it has returned */
    KINDS_RISING_MIN = 20,           /* lines in an hour */
    KINDS_STEADY_H = 168,            /* a line in each of so many hours: it is steady */
    KINDS_QUIET_H = 3,               /* and then none in so many: it is silent */
    KINDS_QUIET_MAX_H = 48,          /* for so long: then it is one that comes no more */
    KINDS_RISES_MAX = 32,            /* rises that are remembered: the last */
    KINDS_TEXT_MAX = 8192,
};

enum kind_state { KIND_KNOWN, KIND_NEW, KIND_RISING, KIND_RETURNED, KIND_MUTED, KIND_STATES };

struct kinds_opts {
    size_t max;    /* kinds kept, 1..KINDS_MAX_MAX */
    unsigned rise; /* rising: so many times the busiest hour of a week; 0: 3 */
    void (*redact)(void *self, struct span text, struct buf *out); /* NULL: texts are kept as they are */
    uint64_t (*hash)(const void *text, size_t n, uint64_t seed);   /* NULL: XXH3; tests make collisions */
    void *self;
};

struct kinds *kinds_open(const struct kinds_opts *o);
void kinds_close(struct kinds *k); /* NULL is fine */

/* The number of a label, by its id: the same as long as the table lives, so that kinds outlive a reload with other
 * labels. 0: there are too many. */
uint8_t kinds_label(struct kinds *k, struct span id);
const char *kinds_label_id(const struct kinds *k, uint8_t label); /* "" for 0; lives as long as k */

unsigned kinds_labels(const struct kinds *k); /* so many have numbers, from 1 on */

/* ---- what the pipeline tells ---- */

/* A line that was not counted where it is remembered. */
struct kinds_sight {
    struct span text;    /* its template: "source: message" or the message alone */
    uint16_t message_at; /* where the message begins in it */
    uint32_t lines;      /* that it stands for */
    bool decided;        /* the next six are what the stages say; else they are left as they were */
    bool by_rule;
    uint8_t label, stage; /* kinds_label; enum decider */
    uint8_t best, second; /* what the encoder found likeliest; 0: it was not asked */
    uint16_t p1, p2;      /* their probabilities, in 1/10,000 */
};

/* Counts it, and enters its kind where that is not known. The kind's number, with which lines are counted from now on;
 * 0: it has no place now. */
uint32_t kinds_see(struct kinds *k, const struct kinds_sight *s);

/* n more lines of a kind; 0: none, it is only asked. False: it is gone, its number means nothing any more. */
bool kinds_count(struct kinds *k, uint32_t kind, uint32_t n);

/* A later stage decided a line of it. */
void kinds_decided(struct kinds *k, uint32_t kind, uint8_t label, uint8_t stage);

/* What the memo keeps of a kind's number: without the part that tells reuse. */
enum { KINDS_NUMBER_BITS = 24 };

/* ---- time ---- */

/* Seconds since the epoch, told by whoever keeps the table, about once a second; the table asks no clock. Ends hours,
 * days and states. */
void kinds_tick(struct kinds *k, uint32_t now_s);
uint32_t kinds_now(const struct kinds *k);

/* Around a sweep of the memo: numbers of kinds that were dropped before it began are free when it has ended. True:
 * there are such, so every entry is to be asked about. */
bool kinds_sweep_begin(struct kinds *k);
void kinds_sweep_end(struct kinds *k);

/* Changes once a second: who samples by the second looks at it. */
unsigned kinds_turn(const struct kinds *k);

/* ---- looking ---- */

/* A copy of a kind. text lies in the buffer that came with it. */
struct kind_view {
    uint64_t id, family;
    struct span text;
    uint64_t lines;
    uint32_t lines_24h, lines_1h, first, last, state_at, number;
    uint16_t message_at, p1, p2;
    uint8_t label, stage, best, second;
    enum kind_state state;
    uint32_t busiest;             /* lines of the busiest hour of 8 days before this one */
    bool by_rule, redacted, kept; /* kept: a person said something about it */
    bool silent;                  /* it came every hour of a week, and for hours now it has not */
    uint32_t hour[KINDS_HOURS];   /* oldest first; the last is the hour that runs */
    uint32_t day[KINDS_DAYS];     /* the last is today */
};

/* Calls `each` for every kind, a shard at a time and under its lock: it must be quick. The view is the callee's to
 * change, its text the table's, and hour, day and busiest are not filled: kinds_find does. */
void kinds_each(struct kinds *k, void (*each)(void *self, struct kind_view *v), void *self);

/* The whole of one kind. Its text is copied to text[KINDS_TEXT_MAX]. False: it is not there. */
bool kinds_find(struct kinds *k, uint64_t id, struct kind_view *v, char *text);

/* How a kind rose: against its busiest hour before. */
struct kinds_rise {
    uint64_t id;
    uint32_t at;             /* when it was seen to rise */
    uint32_t lines, busiest; /* of that hour by then; of the busiest hour of 8 days before it */
};

/* The last rises of this process, latest first, into out[KINDS_RISES_MAX]; how many. */
unsigned kinds_rises(struct kinds *k, struct kinds_rise *out);

/* Hash of a text: a kind's id, where nothing collides, or a family. */
uint64_t kinds_id_of(struct span text);

struct kinds_figures {
    uint64_t kinds, kinds_max, entered, forgotten; /* entered: new kinds since the start; forgotten: for want of room */
    uint64_t seen;                                 /* different kinds ever, an estimate */
};
void kinds_figures(struct kinds *k, struct kinds_figures *f);

/* ---- what people say ---- */

/* Sets the state by a person's hand: KIND_KNOWN or KIND_MUTED, until (seconds; 0: until it rises). It is kept from now
 * on. False: there is no such kind. */
bool kinds_set_state(struct kinds *k, uint64_t id, enum kind_state state, uint32_t until_s);

/* A person said something about it: it is not dropped any more. */
void kinds_keep(struct kinds *k, uint64_t id, bool keep);

/* Drops it from memory; what is written is the store's. False: there is no such kind. */
bool kinds_forget(struct kinds *k, uint64_t id);

/* Until this is called, new kinds are not counted as entered: whoever loads a file may know them. It counts those that
 * are new all the same. */
void kinds_count_entered(struct kinds *k);

uint64_t kinds_entered_by(const struct kinds *k,
                          uint8_t label); /* of the kinds that were entered, those with this label */

const char *kind_state_name(enum kind_state s);
int kind_state_find(struct span name); /* -1: there is none */

#endif
