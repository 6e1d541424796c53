#include "train/label_issues.h"

#include "base/must.h"

#include <stdlib.h>

struct label_issue {
    double own;
    uint32_t row;
};

static int least_believed_first(const void *a, const void *b) {
    const struct label_issue *x = a, *y = b;
    if (x->own != y->own) return x->own < y->own ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static void label_issues_put(const struct fit_head_result *r, const struct examples *x, const struct label_set *labels,
                             uint32_t i, struct buf *out) {
    const struct dataset_row *row = &x->rows.row[i];
    struct span system = x->rows.group[row->group];
    buf_printf(out, "%.*s:%u  %s %.3f  %s %.3f  ", (int)system.n, system.p, row->line, labels->label[row->label].id,
               r->own[i], labels->label[r->row[i].best].id, r->row[i].confidence);
    buf_put(out, row->message.p, row->message.n);
    buf_putc(out, '\n');
}

size_t label_issues_text(const struct fit_head_result *r, const struct examples *x, const struct label_set *labels,
                         size_t max, struct buf *out) {
    MUST(r->own && r->row);
    struct label_issue *d = must_calloc(r->n + 1, sizeof *d);
    size_t n = 0;
    for (uint32_t i = 0; i < r->n; i++)
        if (r->row[i].best != r->row[i].label) d[n++] = (struct label_issue){r->own[i], i};
    qsort(d, n, sizeof *d, least_believed_first);
    if (n > max) n = max;
    for (size_t i = 0; i < n; i++) label_issues_put(r, x, labels, d[i].row, out);
    free(d);
    return n;
}
