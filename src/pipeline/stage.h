/* stage: the contract between the pipeline and what decides lines; stage.def lists the stages. A stage reads
 * rec[todo[i]], decides res[todo[i]] when it is sure, and leaves the rest in todo, in order. It touches nothing else,
 * never waits for the network and allocates nothing. */
#ifndef PIPELINE_STAGE_H
#define PIPELINE_STAGE_H

#include "data/batch.h"
#include "memo/flight.h"
#include "memo/memo.h"
#include "pipeline/engine.h"
#include "review/examples.h"
#include "review/kinds.h"
#include "review/overlay.h"
#include "review/ruled.h"

enum { WORK_MAX = 1024 };

enum stage_id {
#define STAGE(id, ...) STAGE_##id,
#include "pipeline/stage.def"
#undef STAGE
    STAGE_COUNT
};
#define WORK_NO_LEADER UINT32_MAX

/* A record's template within a run. Equal templates are decided once: the first is the leader, the others follow. */
struct work_template {
    struct memo_key key;
    uint32_t from, len; /* in work.text */
    uint32_t leader;    /* index of the equal record that came first; WORK_NO_LEADER: this is it */
};

/* The records of one run: those of up to WORK_MAX records of several batches, and the worker's scratch for them. */
struct work {
    const struct engine *eng;
    struct engine_scratch *scratch;
    const struct overlay *overlay;    /* what people said; NULL: nothing */
    struct memo *memo;                /* NULL: do not remember */
    struct kinds *kinds;              /* where lines are counted by kind; NULL: nowhere */
    struct examples *examples;        /* where some lines are kept; NULL: nowhere */
    unsigned kinds_turn, rule_sights; /* lines of rules that were counted in that second */
    struct ruled *ruled;              /* where lines are counted by rule; NULL: nowhere */
    unsigned ruled_shard;             /* this thread's of it */
    unsigned sampled;                 /* of the lines that may be kept one in EXAMPLES_SAMPLE is */
    unsigned kept_turn, kept;         /* those of that second */
    struct flights *flights;          /* what other workers decide just now; NULL: nobody else does */
    struct pending *origin; /* with flights: where each record came from. Without a batch it is not ours any more */
    void (*landed)(void *self, uint32_t i); /* with flights: the template of record i has its answer */
    void *landed_self;
    bool has_network;          /* a network stage follows and may be asked: what the encoder leaves open goes there */
    enum err_code unavailable; /* why one follows, but is not to be asked now; else ERR_OK */
    uint32_t n, todo_n;
    const struct record *rec[WORK_MAX];
    struct result *res[WORK_MAX];
    uint32_t todo[WORK_MAX];
    struct work_template tpl[WORK_MAX];
    uint32_t twin[2 * WORK_MAX]; /* hash table over the templates of this run; index + 1, 0: free */
    uint32_t twin_mask;          /* its size in this run, a power of two, less one */
    char *text;                  /* templates, WORK_MAX * TEMPLATE_MAX bytes */
    size_t text_n;
    float *vector; /* [STAGE_ENCODER_ROWS][dim] */
    float *prob;   /* [WORK_MAX][LABEL_MAX]: what the head thought of each leader it was asked about */
};

enum { STAGE_ENCODER_ROWS = 128 };

struct stage {
    const char *name;
    bool is_cheap;
    void (*run)(struct work *w);
    uint64_t (*version)(const struct engine *eng, uint64_t seed); /* a hash of what its answers depend on */
};

extern const struct stage stage_table[STAGE_COUNT]; /* by enum stage_id, in the order in which a line passes them */

/* From now on lines that rules decide are counted there; r may be NULL. */
void stage_count_rules(struct work *w, struct ruled *r);

/* Empties the run and sizes its hash table for records of n lines, n <= WORK_MAX. */
void stage_work_begin(struct work *w, uint32_t n);

/* Runs stages [from, to) over what is still open, and observes how long each took. */
void stage_run(struct work *w, enum stage_id from, enum stage_id to);

/* Runs all stages over what is open, unobserved: for lines that nobody waits for. */
void stage_try(struct work *w);

/* Counts what a stage took for one batch; by stage_run, but for stages that run elsewhere. */
void stage_observe(enum stage_id s, double seconds);

/* Is the head so sure that the record is none of the labels that nobody else is to be asked? */
bool stage_is_settled(const struct engine *eng, const struct result *r);

/* Counts why a record is UNCLASSIFIED, if it is. */
void stage_count_reason(const struct engine *eng, const struct result *r);

/* The first stage that is not cheap. */
enum stage_id stage_first_costly(void);

/* Counts record i, which no stage decided, as one of its kind, unless it was counted before. */
void stage_count_open(struct work *w, uint32_t i);

/* The same for a record that follows the decided record `like`. */
void stage_count_like(struct kinds *k, struct result *r, const struct result *like);

/* Puts record i into todo, its template written elsewhere: what stage_memo_run would have done had it missed. */
void stage_memo_missed(struct work *w, uint32_t i, struct memo_key key, struct span template);

/* Asks the network stage whether it may be asked, once a run. */
void stage_look_at_network(struct work *w);

/* A hash of everything that an answer to a template depends on, over all stages: the memo's keys contain it. */
uint64_t stage_version(const struct engine *eng);

void stage_rules_run(struct work *w);
void stage_memo_run(struct work *w);    /* writes templates and keys; decides what is remembered */
void stage_encoder_run(struct work *w); /* decides leaders, remembers, copies to followers; parks what others decide */

uint64_t stage_memo_version(const struct engine *eng, uint64_t seed);
uint64_t stage_encoder_version(const struct engine *eng, uint64_t seed);
uint64_t stage_network_version(const struct engine *eng, uint64_t seed);

#endif
