#include "train/evaluate.h"

#include "base/must.h"
#include "train/fit_head.h"

#include <math.h>
#include <stdlib.h>

void evaluate_head(const struct head *h, const struct examples *x, const struct dataset *d, double threshold,
                   struct score_row *row, double *truth) {
    const struct label_set *labels = head_labels(h);
    float p[LABEL_MAX];
    double least[LABEL_MAX];
    for (unsigned k = 0; k < labels->n; k++)
        least[k] = threshold > 0 ? threshold : head_threshold(h, k, FIT_HEAD_THRESHOLD);
    for (size_t i = 0; i < d->n; i++) {
        head_run(h, examples_vector(x, x->of_record[i]), p);
        struct head_decision a = head_decide(p, labels, least);
        row[i] = (struct score_row){d->row[i].label, (uint8_t)a.best, (uint8_t)a.answer, a.confidence};
        if (truth) truth[i] = (double)p[d->row[i].label];
    }
}

static int evaluate_surest_first(const void *a, const void *b) {
    const struct report_line *x = a, *y = b;
    if (x->confidence != y->confidence) return x->confidence < y->confidence ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

unsigned evaluate_worst(const struct dataset *d, const struct score_row *row, const double *truth,
                        struct report_line *line, unsigned max) {
    struct report_line *wrong = must_calloc(d->n + 1, sizeof *wrong);
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (row[i].best == row[i].label) continue;
        wrong[n++] = (struct report_line){.source = d->row[i].source,
                                          .message = d->row[i].message,
                                          .row = d->row[i].line,
                                          .truth = row[i].label,
                                          .best = row[i].best,
                                          .answer = row[i].answer,
                                          .confidence = row[i].confidence,
                                          .truth_confidence = truth ? truth[i] : -1,
                                          .record = (uint32_t)i};
    }
    qsort(wrong, n, sizeof *wrong, evaluate_surest_first);
    if (n > max) n = max;
    memcpy(line, wrong, n * sizeof *line);
    free(wrong);
    return (unsigned)n;
}
