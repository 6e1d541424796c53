/* ruled: how many lines each rule decided: exactly, ever and by hour for a day. A rule is known by a number that stays
 * the same over reloads (rules_id of rules/rules.h). Threads count in shards of their own; one thread sweeps what they
 * counted together, about once a second. Any thread reads. Bounded: rules past RULED_MAX are not counted. */
#ifndef REVIEW_RULED_H
#define REVIEW_RULED_H

#include <stdbool.h>
#include <stdint.h>

enum { RULED_MAX = 16384, RULED_HOURS = 24, RULED_SHARDS = 8 };

struct ruled;

struct ruled *ruled_open(void);
void ruled_close(struct ruled *r); /* NULL is fine */

/* The place at which lines of a rule are counted, for as long as r lives. 0: there is no room, and what is counted
 * there is nobody's. */
uint16_t ruled_place(struct ruled *r, uint64_t rule);

/* The shard that a thread counts in: of its own, or the last one, which all further ones share. */
unsigned ruled_shard(struct ruled *r);

/* One more line. Allocates nothing, takes no lock. */
void ruled_count(struct ruled *r, unsigned shard, uint16_t place);

/* Adds up what was counted. */
void ruled_sweep(struct ruled *r, uint32_t now_s);

struct ruled_view {
    uint64_t lines;             /* ever */
    uint32_t last;              /* when, in seconds since the epoch; 0: never */
    uint32_t lines_24h;         /* of the hour that runs and the 23 before it */
    uint32_t hour[RULED_HOURS]; /* oldest first; the last is the hour that runs */
};

/* What was swept of a rule. False: it has no place, and is not counted. */
bool ruled_find(struct ruled *r, uint64_t rule, uint32_t now_s, struct ruled_view *v);

/* Lines of a rule in an hour (seconds / 3600; 0: in hours that are over for more than a day), and when it last had
 * one. */
struct ruled_hour {
    uint64_t rule;
    uint32_t hour, lines, last;
};

/* What was added and is not in the file yet, at most max hours of rules; how many. They are taken for written. */
unsigned ruled_take_unwritten(struct ruled *r, struct ruled_hour *out, unsigned max);

/* They were not written after all. */
void ruled_give_back(struct ruled *r, const struct ruled_hour *h, unsigned n);

/* From the file: lines ever, when last; and of an hour, which are among those. Not to be written again. */
void ruled_restore(struct ruled *r, uint64_t rule, uint64_t lines, uint32_t last);
void ruled_restore_hour(struct ruled *r, uint64_t rule, uint32_t hour, uint32_t n);

#endif
