/* pipeline: where every line goes in and comes out decided. A batch is cut into slices; workers take slices of several
 * batches together, run the stages over them, and hand what is still open to the network stage where there is one. */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include "base/err.h"
#include "data/batch.h"
#include "memo/memo.h"
#include "pipeline/engine.h"
#include "review/overlay.h"
#include "review/ruled.h"
#include "data/question.h"

struct pipeline;

enum { PIPELINE_SLICE = 256, PIPELINE_BATCH_MAX = 262144, PIPELINE_QUEUE_SLICES = 4096, PIPELINE_WORKERS_MAX = 256 };

struct pipeline_opts {
    unsigned workers;          /* compute threads, 1..PIPELINE_WORKERS_MAX: 4 */
    size_t memo_entries;       /* 0: do not remember */
    struct kinds *kinds;       /* where lines are counted by kind; must outlive the pipeline. NULL: nowhere */
    struct examples *examples; /* where some lines are kept; likewise */
    struct ruled *ruled;       /* where lines are counted by rule; likewise */
    unsigned queue_time_ms;    /* pipeline_submit refuses what would wait longer, as lately observed; 0: never */
};

/* The network stage of an engine. `hand_over` never waits: it takes the record and answers later, once, with
 * pipeline_answer from any thread; or refuses it (false and the reason), and the record falls back now. */
struct network_stage {
    bool (*hand_over)(void *self, const struct pending *p, const struct question *q, struct err *e);
    void *self;

    /* Why asking would be pointless just now (ERR_CIRCUIT_OPEN, …), or ERR_OK. Until then, records of a template that
     * the encoder was not sure of before fall back from memory, and do not cost the encoder again. Any thread; NULL:
     * asking is always of use. */
    enum err_code (*unavailable)(void *self);
};

/* Takes a reference to the engine. NULL: there is none yet; nothing may be submitted before pipeline_swap brings one.
 */
struct pipeline *pipeline_open(const struct pipeline_opts *o, struct engine *eng, struct err *e);
/* From now on what waits for a worker is not decided, but falls back with ERR_CANCELLED: the end is near. */
void pipeline_cancel(struct pipeline *p);

void pipeline_close(struct pipeline *p); /* finishes what was submitted, then stops; NULL is fine */

/* Holds the engine in force for b, which is not submitted yet: it alone decides b, and its labels stay. False with
 * ERR_BUSY: there is none yet. pipeline_unpin, when the results have been read; also after pipeline_close. */
bool pipeline_pin(struct pipeline *p, struct batch *b, struct err *e);
void pipeline_unpin(struct batch *b); /* not pinned: nothing happens */

/* Decides b, at most PIPELINE_BATCH_MAX records; b->done is called once, from a worker or network thread. Never waits:
 * false with ERR_BUSY when the queue is full, or when those before it wait too long. */
bool pipeline_submit(struct pipeline *p, struct batch *b, struct err *e);

/* The same, but waits for room: back-pressure for files and streams. */
void pipeline_submit_wait(struct pipeline *p, struct batch *b);

/* Decides b and returns when all of it is decided; b->done and b->user are this function's. Not for the pipeline's own
 * threads, which it waits for. */
void pipeline_decide(struct pipeline *p, struct batch *b);

/* The network stage's answer. NULL: none (it failed with `why`); the record falls back. Only answers are remembered. */
void pipeline_answer(struct pipeline *p, const struct pending *pend, const struct answer *a, enum err_code why);

/* Replaces the engine for everything that is neither pinned nor begun. */
void pipeline_swap(struct pipeline *p, struct engine *eng);
struct engine *pipeline_engine(struct pipeline *p); /* a reference: engine_unref it; NULL: none yet */

/* What people said about kinds of line, in force from now on; NULL: nothing. It comes before all stages. Takes the
 * reference over. */
void pipeline_review(struct pipeline *p, struct overlay *o);

/* A thread's own reference to what is in force. */
struct pipeline_view {
    struct overlay *overlay; /* NULL: nothing is in force */
    uint64_t version;
};
void pipeline_look(struct pipeline *p, struct pipeline_view *v); /* renews it; a load where nothing has changed */
void pipeline_view_close(struct pipeline_view *v);

/* Whether pipeline_submit would refuse a small batch now; e says why. */
bool pipeline_busy(struct pipeline *p, struct err *e);

bool pipeline_ready(struct pipeline *p); /* there is an engine */
unsigned pipeline_workers(const struct pipeline *p);
size_t pipeline_queue_depth(struct pipeline *p);        /* slices waiting */
struct memo *pipeline_memo(struct pipeline *p);         /* NULL: none */
struct kinds *pipeline_kinds(struct pipeline *p);       /* NULL: none */
struct examples *pipeline_examples(struct pipeline *p); /* NULL: none */
struct ruled *pipeline_ruled(struct pipeline *p);       /* NULL: none */

#endif
