#include "app/cascade.h"

#include "base/must.h"
#include "app/classifier.h"

#include <stdio.h>

static bool cascade_set(struct conf *c, const char *name, const char *value, struct err *e) {
    return !value || conf_set(c, name, value, "the command line", e);
}

static bool configure(struct conf *c, const struct cascade_opts *o, struct err *e) {
    char name[] = "eval", text[32], *argv[] = {name, NULL}, *threshold = o->threshold > 0 ? text : NULL;
    int operands;
    snprintf(text, sizeof text, "%.9g", o->threshold);
    return conf_load(c, CONF_CLASSIFY, 1, argv, &operands, e) && cascade_set(c, "head", o->head, e) &&
           cascade_set(c, "model", o->encoder.model, e) && cascade_set(c, "adapter", o->encoder.adapter, e) &&
           cascade_set(c, "kernel", o->encoder.kernel, e) &&
           cascade_set(c, "bert-classifier-threshold", threshold, e) &&
           cascade_set(c, "head-thresholds", threshold ? "no" : NULL, e);
}

static void cascade_decide_all(struct cascade *c, struct pipeline *p, const struct dataset *d, struct score_row *row) {
    struct record *rec = must_calloc(PIPELINE_BATCH_MAX, sizeof *rec);
    struct result *res = must_calloc(PIPELINE_BATCH_MAX, sizeof *res);
    c->by = must_calloc(d->n + 1, sizeof *c->by);
    for (size_t from = 0; from < d->n; from += PIPELINE_BATCH_MAX) {
        uint32_t n = d->n - from < PIPELINE_BATCH_MAX ? (uint32_t)(d->n - from) : PIPELINE_BATCH_MAX;
        for (uint32_t i = 0; i < n; i++) {
            rec[i] = (struct record){d->row[from + i].source, d->row[from + i].message};
            res[i] = (struct result){.decider = DECIDER_FALLBACK};
        }
        pipeline_decide(p, &(struct batch){.rec = rec, .res = res, .n = n});
        for (uint32_t i = 0; i < n; i++) {
            uint8_t truth = d->row[from + i].label;
            row[from + i] = (struct score_row){truth, res[i].label, res[i].label, res[i].confidence};
            c->by[from + i] = res[i].decider;
            c->stage[res[i].decider].answers++;
            c->stage[res[i].decider].right += res[i].label == truth;
        }
    }
    free(rec), free(res);
}

bool cascade_run(struct cascade *c, const struct cascade_opts *o, const struct dataset *d, struct score_row *row,
                 struct err *e) {
    struct conf conf = {0};
    *c = (struct cascade){0};
    struct classifier all = {0};
    bool ok = configure(&conf, o, e) && classifier_open(&all, &conf, CLASSIFIER_FILES, e);
    if (ok) cascade_decide_all(c, all.pipeline, d, row);
    classifier_stop(&all);
    struct llm *llm = network_llm(all.network);
    if (llm) {
        struct llm_spent spent = llm_spent(llm);
        c->llm_calls = spent.calls, c->llm_cost = spent.cost;
    }
    classifier_close(&all);
    conf_release(&conf);
    return ok;
}
