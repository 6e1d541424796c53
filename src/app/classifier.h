/* classifier: everything that decides, opened from the options in the right order and closed in the reverse: the
 * pipeline with its workers and memory, the engine (labels, rules, encoder, head), and the network stage that the
 * engine asks about what is left. One thread opens, reloads, sweeps and closes it; any number of threads submit batches
 * to `pipeline` meanwhile. */
#ifndef APP_CLASSIFIER_H
#define APP_CLASSIFIER_H

#include "app/dry_run.h"
#include "app/inventory.h"
#include "app/network.h"
#include "app/review.h"
#include "conf/conf.h"
#include "pipeline/pipeline.h"

enum { CLASSIFIER_RETIRED_MAX = 64 };

enum classifier_use {
    CLASSIFIER_REQUESTS, /* a record waits for the network as long as a call may take; a slow queue refuses batches */
    CLASSIFIER_SERVICE,  /* the same, and nothing is kept about kinds of line */
    CLASSIFIER_FILES,    /* a record waits for the network as long as it takes */
    CLASSIFIER_DRY_RUN,  /* like FILES, but nothing is asked: `dry_run` counts what would be */
    CLASSIFIER_LIBRARY,  /* like FILES, but nothing that was learnt or said in the state folder counts */
};

/* What decides together. Several that were loaded one after the other may share a network. */
struct classifier_version {
    struct engine *engine;
    struct network *network; /* NULL: nothing is asked */
};

struct classifier {
    struct engine *engine;   /* in force; NULL before the first load */
    struct network *network; /* the engine's; NULL: nothing is asked */
    struct dry_run *dry_run; /* instead of a network, for CLASSIFIER_DRY_RUN */
    struct pipeline *pipeline;
    struct inventory *inventory;  /* kinds of line; NULL: they are not kept */
    struct review *review;        /* what people said, in force; NULL: there is no place where it could be */
    struct vector_store *vectors; /* NULL: none is kept */
    enum classifier_use use;
    /* private */
    struct conf conf; /* that the engine was loaded by; its texts are borrowed */
    struct classifier_version retired[CLASSIFIER_RETIRED_MAX]; /* replaced, but batches may still need them */
    unsigned retired_n;
};

/* Opens the pipeline, and loads what decides. False: all is closed again. In any case classifier_close may follow. The
 * texts of conf must stay until the next reload, or the end. */
bool classifier_open(struct classifier *c, const struct conf *conf, enum classifier_use use, struct err *e);

/* The pipeline alone, so that others can be given it while the rest is loaded: batches can't be pinned (ERR_BUSY)
 * before classifier_reload has succeeded once. */
bool classifier_open_empty(struct classifier *c, const struct conf *conf, enum classifier_use use, struct err *e);

/* Loads everything but the pipeline anew, all or nothing: what is in force stays when any of it fails. The services
 * stay with what they know about each other's health, unless something about them has changed. What is replaced goes
 * when no batch needs it (classifier_sweep). Waits only in the event of CLASSIFIER_RETIRED_MAX reloads within the time
 * of one answer.
 *
 * take, unless it is NULL, is called last, before the new labels come into force: the caller's own part of the reload.
 * When it returns false, with an error, nothing has changed. */
typedef bool classifier_take(void *ctx, const struct label_set *labels, struct err *e);
bool classifier_reload(struct classifier *c, const struct conf *conf, classifier_take *take, void *ctx, struct err *e);

/* Lets go of what was replaced and no batch needs any more. True: something is left, to be looked at again. */
bool classifier_sweep(struct classifier *c);

/* Answers what is on its way over the network with ERR_CANCELLED, decides what else was submitted, and ends all
 * threads. The engine stays, so that results can still be read. May be called twice. */
void classifier_stop(struct classifier *c);

/* classifier_stop, and everything is closed. Zero-filled or closed before is fine. */
void classifier_close(struct classifier *c);

/* The engine alone that the options describe: shipped files fill what they leave empty, and a head that was retrained
 * here (logclass learn), or rules of the page, come before the shipped ones where `learnt` says so. NULL: e says why.
 * The caller owns the reference (engine_unref). */
struct engine *classifier_engine(const struct conf *conf, bool learnt, struct err *e);

#endif
