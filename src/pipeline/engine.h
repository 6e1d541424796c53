/* engine: everything that decides, loaded and immutable: labels, rules, encoder, head, thresholds. The pipeline swaps a
 * whole engine on reload; workers finish what they hold with the old one. */
#ifndef PIPELINE_ENGINE_H
#define PIPELINE_ENGINE_H

#include "base/err.h"
#include "data/label.h"
#include "encoder/encoder.h"
#include "encoder/head.h"
#include "review/ruled.h"
#include "rules/rules.h"

#include <stdatomic.h>

struct network_stage;
struct vector_store;

struct engine_opts {
    const char *rules_path;      /* "": no rules */
    const char *page_rules_path; /* rules that come before them (rules/page_rules.h), left out, with a warning, where
                                    they can't be used; "": none */
    bool rules_shipped;          /* they name the built-in labels: left out where the labels are others */
    const char *labels_path;     /* "": the head's labels, or without a head the built-in ones */
    const char *head_path;       /* "": no encoder stage in this process */
    const char *adapter_path;
    const char *model_dir;
    const char *kernel;
    double classifier_threshold; /* below it the encoder's answer is UNCLASSIFIED: 0.50 */
    double pipeline_threshold;   /* below it the pipeline passes the answer on: 0.20; at it, it is accepted */
    double network_skips;        /* see struct engine */
    bool head_thresholds;        /* thresholds in the head file stand in for classifier_threshold */
};

struct engine {
    struct label_set labels;
    struct rules *rules;         /* NULL: none */
    struct encoder *encoder;     /* NULL: none */
    struct head *head;           /* NULL exactly when encoder is */
    double threshold[LABEL_MAX]; /* the classifier's, by label */
    double pipeline_threshold;
    double network_skips; /* lines that are none of the labels with at least this probability are not asked about; 0:
                             all are */
    const struct network_stage *network; /* asked about what is left; NULL: there is none */
    uint64_t network_version;            /* of what the network stage's answers depend on */
    uint64_t serial;                     /* no two engines of this process have the same; not 0 */
    uint64_t version;                    /* stage_version: changes whenever an answer to a template may; in memo keys */
    struct vector_store *vectors;        /* what the encoder said before; NULL: that is not kept */
    uint64_t vector_version;             /* of what a template's vector depends on */
    uint8_t metric[LABEL_MAX];           /* the metrics' index of each label; set when it comes into use */
    uint8_t kind_label[LABEL_MAX];       /* the inventory's; likewise */
    uint16_t *rule_place;                /* of each rule, where its lines are counted (review/ruled.h); likewise */
    atomic_uint refs;
    atomic_uint pinned; /* batches that it is held for */
};

/* Loads all or nothing. The reference the caller gets is given back with engine_unref. */
struct engine *engine_open(const struct engine_opts *o, struct err *e);
struct engine *engine_ref(struct engine *eng);
void engine_unref(struct engine *eng); /* NULL is fine; the last one closes */

/* Gives it the network stage, whose answers depend on `version`; before the engine is in use. The stage must
 * outlive it. */
void engine_set_network(struct engine *eng, const struct network_stage *stage, uint64_t version);

/* Finds where lines of its rules are counted; before the engine is in use. */
void engine_count_rules(struct engine *eng, struct ruled *r);

/* Gives it the store of the encoder's vectors, which must outlive it; before the engine is in use. One for vectors of
 * another dimension, or NULL, does nothing. */
void engine_set_vectors(struct engine *eng, struct vector_store *s);

bool engine_uses_source(const struct engine *eng);

/* The classifier's answer from the head's probabilities[labels.n]: the best label, its probability rounded to 4
 * decimals (what is published is what was compared). True: accepted by both thresholds and not UNCLASSIFIED. */
bool engine_decide(const struct engine *eng, const float *prob, unsigned *label, double *confidence);

/* What one worker needs to run the stages; opened per engine. */
struct engine_scratch {
    struct rules_scratch *rules;
    struct encoder_scratch *encoder;
};
bool engine_scratch_open(const struct engine *eng, struct engine_scratch *s, struct err *e);
void engine_scratch_close(struct engine_scratch *s);

/* All label probabilities of one record, for explanations. prob[labels.n]; false when there is no encoder. */
bool engine_probabilities(const struct engine *eng, struct engine_scratch *s, const struct record *rec, float *prob);

#endif
