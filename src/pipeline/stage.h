/* stage: the contract between the pipeline and what decides lines. A stage reads rec[todo[i]], settles res[todo[i]]
 * when it is sure, and leaves the rest in todo, in order. It touches nothing else, never waits for the network and
 * allocates nothing. */
#ifndef PIPELINE_STAGE_H
#define PIPELINE_STAGE_H

#include "data/batch.h"
#include "memo/memo.h"
#include "pipeline/engine.h"

enum { WORK_MAX = 1024 };
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
    struct memo *memo;         /* NULL: do not remember */
    bool calls_network;        /* a network stage follows: what the encoder leaves open goes there */
    enum err_code unavailable; /* why one follows, but is not to be asked now; else ERR_OK */
    uint32_t n, todo_n;
    const struct record *rec[WORK_MAX];
    struct result *res[WORK_MAX];
    uint32_t todo[WORK_MAX];
    struct work_template tpl[WORK_MAX];
    uint32_t twin[2 * WORK_MAX]; /* hash table over templates of this run; index + 1, 0: free */
    char *text;                  /* templates, WORK_MAX * TEMPLATE_MAX bytes */
    size_t text_n;
    float *vector; /* [STAGE_ENCODER_ROWS][dim] */
    float *prob;   /* [WORK_MAX][LABEL_MAX]: what the head thought of each leader it was asked about */
};

enum { STAGE_ENCODER_ROWS = 128 };

struct stage {
    const char *name;
    void (*run)(struct work *w);
};

void stage_rules_run(struct work *w);
void stage_memo_run(struct work *w);    /* writes templates and keys; settles what is remembered */
void stage_encoder_run(struct work *w); /* decides leaders, remembers, copies to followers */

/* Rules and memory for rec[0, n) without regard to todo; text needs room for one template. False as soon as one record
 * is open. */
bool stage_quick_run(struct work *w);

#endif
