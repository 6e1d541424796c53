/* batch: log records on their way through the stages, and what was decided about them. */
#ifndef DATA_BATCH_H
#define DATA_BATCH_H

#include "base/err.h"
#include "base/span.h"
#include "data/decider.h"
#include "text/severity.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct record {
    struct span source;  /* program, logger or host that wrote the line; may be empty */
    struct span message; /* the line: any bytes, UTF-8 expected */
};

/* Where a record was read, for those who write it back. */
struct place {
    struct span raw;        /* the line as it stood in the input, without its end; NULL: it is not kept (CSV) */
    const char *file;       /* NULL: not known */
    uint64_t line;          /* of the file, from 1 on; 0: not known */
    enum severity severity; /* that the object names; NONE: look at the line */
    bool is_object;         /* raw is a JSON object */
};

/* One decision. Filled by the stage that is sure, or by the pipeline's end as the fallback. */
struct result {
    double confidence; /* 0..1; rounded to 4 decimals by the stages of our own */
    uint8_t label;     /* index into the label set */
    uint8_t decider;   /* enum decider; DECIDER_FALLBACK until decided */
    uint8_t err;       /* enum err_code of the last stage that failed on this record */
    bool decided;
    bool from_memo;                /* the answer was remembered */
    uint8_t nearest;               /* what the head found likeliest where it decided nothing: a label */
    float nearest_p;               /* its probability; 0: the head was not asked */
    uint32_t kind;                 /* number of its kind in the inventory; set exactly when the line is counted there */
    uint32_t correction;           /* number of the person's word that decided it (review/); 0: none */
    uint16_t rule;                 /* regex: index of the rule */
    uint32_t match_from, match_to; /* regex: span of the match in the message */
};

struct arena;
struct engine;
struct prepared;

/* A request's records. The owner allocates rec[n] and res[n], submits, and gets `done` called once, from a worker
 * thread, when every record has its result. Records must stay as they are until then. */
struct batch {
    struct record *rec;
    struct result *res;
    uint32_t n;
    const struct place *place;     /* [n]; NULL: not known */
    struct engine *engine;         /* what decides it (pipeline_pin); NULL: whatever is in force */
    struct arena *arena;           /* for `prepared`; NULL: the fast path hands nothing on */
    struct prepared *prepared;     /* what the fast path found out (pipeline/fast_path.h); NULL: nothing */
    bool explain;                  /* keep what explanations need (stage probabilities are recomputed, not kept) */
    void (*done)(struct batch *b); /* must not block */
    void *user;                    /* the owner's */
    atomic_uint open;              /* pipeline's: records without a result */
};

/* Gives record i its answer. */
static inline void batch_decide(struct result *r, enum decider decider, unsigned label, double confidence) {
    r->label = (uint8_t)label;
    r->decider = (uint8_t)decider;
    r->confidence = confidence;
    r->decided = true;
}

#endif
