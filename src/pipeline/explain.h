/* explain: why a record got its answer, told the same at every door: the command line, ?explain=1, NDJSON. The
 * probabilities are computed anew, which costs the encoder a few milliseconds. */
#ifndef PIPELINE_EXPLAIN_H
#define PIPELINE_EXPLAIN_H

#include "base/buf.h"
#include "data/reason.h"
#include "pipeline/engine.h"
#include "text/template.h"

enum { EXPLAIN_LABELS = 3 };

struct explain_likely {
    unsigned label;
    double probability;
};

struct explanation {
    const struct engine *eng;
    const struct record *rec;
    const struct result *res;
    struct span template; /* in text */
    unsigned likely_n;    /* 0: the encoder has nothing to do with it */
    struct explain_likely likely[LABEL_MAX];
    enum reason reason;
    char text[TEMPLATE_MAX];
};

/* Finds out why rec got res from eng: the `labels` likeliest labels, best first, at most LABEL_MAX. The spans it gives
 * are borrowed. For what a rule decided the encoder is asked only where `always` says so. */
struct explain_opts {
    unsigned labels;
    bool always;
};
void explain_find(struct explanation *x, const struct engine *eng, struct engine_scratch *s, const struct record *rec,
                  const struct result *res, const struct explain_opts *o);

/* An object: "rule", "span", "matched"; or "correction"; or "memo", "nearest", "threshold", "reason", "error"; and
 * "template" in any case. */
void explain_json(struct buf *out, const struct explanation *x);

/* {"INFO":0.4312,…}: the likeliest labels alone. */
void explain_json_likely(struct buf *out, const struct explanation *x);

/* The same in words, on one line without an end. */
void explain_words(struct buf *out, const struct explanation *x);

#endif
