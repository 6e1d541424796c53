#include "train/threshold.h"

#include "base/must.h"

#include <math.h>
#include <stdlib.h>

/* Confidences are published with 4 decimals: thresholds are solved on that grid. */
static double on_grid(double confidence) {
    return round(confidence * 1e4) / 1e4;
}

struct candidate {
    double confidence;
    bool right;
};

static int threshold_surest_first(const void *a, const void *b) {
    double x = ((const struct candidate *)a)->confidence, y = ((const struct candidate *)b)->confidence;
    return (x < y) - (x > y);
}

/* The rows that would be answered at threshold 0, surest first. */
static size_t list_candidates(const struct threshold_rows *rows, unsigned label, struct candidate *out) {
    const struct score_row *row = rows->row;
    size_t found = 0;
    for (size_t i = 0; i < rows->n; i++) {
        if (label == THRESHOLD_ALL ? row[i].best == rows->unclassified : row[i].best != label) continue;
        out[found++] = (struct candidate){on_grid(row[i].confidence), row[i].best == row[i].label};
    }
    qsort(out, found, sizeof *out, threshold_surest_first);
    return found;
}

struct threshold_effect threshold_effect(const struct threshold_rows *rows, double threshold) {
    const struct score_row *row = rows->row;
    size_t n = rows->n;
    size_t answered = 0, right = 0;
    for (size_t i = 0; i < n; i++) {
        if (row[i].best == rows->unclassified || on_grid(row[i].confidence) < threshold) continue;
        answered++;
        right += row[i].best == row[i].label;
    }
    return (struct threshold_effect){threshold, n ? (double)answered / (double)n : 0,
                                     answered ? (double)right / (double)answered : 0};
}

bool threshold_for_precision(const struct threshold_rows *rows, unsigned label, double precision, double *threshold,
                             struct err *e) {
    struct candidate *c = must_calloc(rows->n + 1, sizeof *c);
    size_t found = list_candidates(rows, label, c), right = 0;
    double reached = 0, at = -1;
    for (size_t i = 0; i < found; i++) {
        right += c[i].right;
        if (i + 1 < found && c[i + 1].confidence == c[i].confidence) continue;
        double p = (double)right / (double)(i + 1);
        reached = fmax(reached, p);
        if (p >= precision) at = c[i].confidence;
    }
    free(c);
    if (at < 0)
        return err_set(e, ERR_INPUT, "no threshold gives a precision of %g: %zu answers, at best %.4f right", precision,
                       found, reached);
    *threshold = at;
    return true;
}

bool threshold_for_share(const struct threshold_rows *rows, double share, double *threshold, struct err *e) {
    size_t n = rows->n;
    struct candidate *c = must_calloc(n + 1, sizeof *c);
    size_t found = list_candidates(rows, THRESHOLD_ALL, c);
    size_t needed = n - (size_t)floor(share * (double)n + 1e-9); /* rows that must be answered */
    bool ok = needed <= found;
    *threshold = needed == 0 ? 1 : ok ? c[needed - 1].confidence : 0;
    free(c);
    if (ok) return true;
    return err_set(e, ERR_INPUT, "no threshold sends only %g of the rows on: %.4f of them are UNCLASSIFIED already",
                   share, (double)(n - found) / (double)n);
}
