/* kinds_query: looking through the inventory: which kinds, in what order, a page at a time. */
#ifndef REVIEW_KINDS_QUERY_H
#define REVIEW_KINDS_QUERY_H

#include "review/book.h"

enum { KINDS_QUERY_MAX = 500 }; /* kinds at a time */

enum kinds_sort {
    KINDS_BY_LINES,   /* most lines of 24 hours */
    KINDS_BY_LAST,    /* seen last */
    KINDS_BY_FIRST,   /* newest */
    KINDS_BY_UNSURE,  /* least sure */
    KINDS_BY_RISE,    /* this hour against the mean of the 23 before */
    KINDS_BY_SETTLES, /* how many lines a decision settles, times how doubtful they are */
    KINDS_SORTS
};

/* What is asked beside the states. */
enum kinds_property {
    KINDS_UNDECIDED = 1, /* UNCLASSIFIED, and nobody said so */
    KINDS_UNSURE = 2,    /* decided, but below 0.70 or closely before another */
    KINDS_CORRECTED = 4,
    KINDS_WAITING = 8, /* undecided, not muted */
    KINDS_SILENT = 16, /* came every hour, and comes no more */
};

/* Empty spans and zeros ask for nothing. */
struct kinds_query {
    struct span text; /* in the template; the case of letters does not count */
    struct span source;
    uint64_t family;   /* 0: any */
    const char *label; /* id; NULL: any */
    int state;         /* enum kind_state; -1: any */
    unsigned property; /* all of them */
    int stage;         /* enum decider; -1: any */
    bool by_person;    /* stage: a person's word */
    uint32_t seen_s;   /* seen since */
    enum kinds_sort sort;
    unsigned limit; /* 1..KINDS_QUERY_MAX */
    bool goes_on;   /* behind this place */
    double after_key;
    uint64_t after_id;
    bool (*matches)(void *self, struct span template); /* NULL: all do */
    void *self;
};

#define KINDS_QUERY_ALL ((struct kinds_query){.state = -1, .stage = -1, .limit = 100})

struct kinds_hit {
    uint64_t id;
    double key; /* by which it is sorted, largest first */
};

struct kinds_result {
    struct kinds_hit hit[KINDS_QUERY_MAX];
    unsigned n;
    uint64_t total, lines; /* of all that match, wherever the page begins */
};

void kinds_query_run(struct book *b, const struct words *w, const struct kinds_query *q, struct kinds_result *r);

/* How many kinds of the table each family[n] has, n <= KINDS_QUERY_MAX: one pass. */
void kinds_count_families(struct kinds *k, const uint64_t *family, unsigned n, uint32_t *kinds);

/* What a kind comes to, with a person's word about it. */
struct kind_decision {
    const char *label;             /* id */
    const struct correction *word; /* NULL: nobody said anything */
    uint32_t rev;
    unsigned property; /* set of enum kinds_property */
};

struct kind_decision kind_decide(const struct kinds *k, const struct words *w, const struct kind_view *v);

const char *kinds_sort_name(enum kinds_sort s);
int kinds_sort_find(struct span name);     /* -1: there is none */
int kinds_property_find(struct span name); /* a bit; 0: there is none */

#endif
