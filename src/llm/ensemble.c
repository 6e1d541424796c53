#include "llm/ensemble.h"

#include "base/must.h"
#include "data/label.h"

#include <math.h>

static double log_of(double p) {
    return log(p >= MIX_LEAST ? p : MIX_LEAST);
}

unsigned ensemble_run(const float *head, const double *llm, unsigned n, double weight, double *confidence) {
    double score[LABEL_MAX], sum = 0;
    unsigned best = 0;
    MUST(n >= 1 && n <= LABEL_MAX);
    for (unsigned k = 0; k < n; k++) {
        score[k] = log_of((double)head[k]) + weight * log_of(llm[k]);
        if (score[k] > score[best]) best = k;
    }
    for (unsigned k = 0; k < n; k++) sum += exp(score[k] - score[best]);
    *confidence = round(1e4 / sum) / 1e4;
    return best;
}
