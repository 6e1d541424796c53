#include "train/score.h"

#include "base/must.h"

#include <math.h>
#include <stdlib.h>

static double ratio(double a, double b) {
    return b > 0 ? a / b : 0;
}

/* Precision, recall and F1 of each label of a confusion matrix; returns macro-F1 over labels that have rows; *all: also
 * over those that are answers only. */
static double evaluate_labels(size_t confusion[LABEL_MAX][LABEL_MAX], unsigned labels, struct score_label *out,
                              double *all) {
    double sum = 0;
    unsigned counted = 0, with_rows = 0;
    for (unsigned l = 0; l < labels; l++) {
        struct score_label s = {.right = confusion[l][l]};
        for (unsigned k = 0; k < labels; k++) {
            s.truth += confusion[l][k];
            s.answers += confusion[k][l];
        }
        s.precision = ratio((double)s.right, (double)s.answers);
        s.recall = ratio((double)s.right, (double)s.truth);
        s.f1 = ratio(2 * (double)s.right, (double)(s.truth + s.answers));
        out[l] = s;
        if (s.truth + s.answers == 0) continue;
        counted++;
        with_rows += s.truth > 0;
        sum += s.f1; /* 0 for a label without rows */
    }
    *all = ratio(sum, counted);
    return ratio(sum, with_rows);
}

static void fill_bins(struct score *s, const struct score_row *row) {
    size_t stated = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (row[i].confidence <= 0) continue;
        stated++;
        unsigned b = (unsigned)fmin(row[i].confidence * SCORE_BINS, SCORE_BINS - 1);
        s->bin[b].n++;
        s->bin[b].confidence += row[i].confidence;
        s->bin[b].accuracy += row[i].best == row[i].label;
    }
    for (unsigned b = 0; b < SCORE_BINS; b++) {
        struct score_bin *bin = &s->bin[b];
        bin->confidence = ratio(bin->confidence, (double)bin->n);
        bin->accuracy = ratio(bin->accuracy, (double)bin->n);
        s->ece += ratio((double)bin->n, (double)stated) * fabs(bin->accuracy - bin->confidence);
    }
}

static int score_surest_first(const void *a, const void *b) {
    const struct score_row *const *x = a, *const *y = b;
    if ((*x)->confidence != (*y)->confidence) return (*x)->confidence < (*y)->confidence ? 1 : -1;
    return *x < *y ? -1 : *x > *y;
}

static void fill_coverage(struct score *s, const struct score_row *row) {
    const struct score_row **order = must_calloc(s->n + 1, sizeof(struct score_row *));
    for (size_t i = 0; i < s->n; i++) order[i] = &row[i];
    qsort(order, s->n, sizeof(struct score_row *), score_surest_first);
    size_t right = 0, seen = 0;
    for (unsigned step = 0; step < SCORE_STEPS; step++) {
        size_t to = (s->n * (step + 1) + SCORE_STEPS - 1) / SCORE_STEPS;
        for (; seen < to; seen++) right += order[seen]->best == order[seen]->label;
        s->coverage[step] = ratio((double)right, (double)seen);
    }
    s->confident_half = s->coverage[SCORE_STEPS / 2 - 1];
    free(order);
}

void score_run(struct score *s, const struct score_row *row, size_t n, unsigned labels) {
    *s = (struct score){.n = n, .labels = labels};
    size_t(*best)[LABEL_MAX] = must_calloc(LABEL_MAX, sizeof *best);
    struct score_label unused[LABEL_MAX];
    size_t right = 0, right_best = 0, answered = 0, right_answered = 0;
    double ignored;
    for (size_t i = 0; i < n; i++) {
        s->confusion[row[i].label][row[i].answer]++;
        best[row[i].label][row[i].best]++;
        right += row[i].answer == row[i].label;
        answered += row[i].answer == row[i].best;
        right_answered += row[i].answer == row[i].best && row[i].answer == row[i].label;
        right_best += row[i].best == row[i].label;
    }
    s->accuracy = ratio((double)right, (double)n);
    s->answered = ratio((double)answered, (double)n);
    s->right_of_answered = ratio((double)right_answered, (double)answered);
    s->accuracy_best = ratio((double)right_best, (double)n);
    s->macro_f1 = evaluate_labels(s->confusion, labels, s->label, &s->macro_f1_all);
    s->macro_f1_best = evaluate_labels(best, labels, unused, &ignored);
    free(best);
    fill_bins(s, row);
    fill_coverage(s, row);
}
