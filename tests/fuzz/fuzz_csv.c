/* Any bytes: a table is read to its end or refused with a reason, and its fields, written again,
 * read back as the same fields. */
#include "base/must.h"
#include "text/csv.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Reads one row of what csv_put wrote for `row` and compares. */
static void expect_same(const struct csv_row *row) {
    struct buf out;
    struct csv_row again;
    struct err e = {0};
    buf_init(&out, 1 << 20);
    for (unsigned i = 0; i < row->n; i++) {
        if (i > 0) buf_putc(&out, ',');
        csv_put(&out, row->field[i]);
    }
    buf_putc(&out, '\n');
    if (!out.failed) {
        MUST(csv_read(out.p, out.n, true, &again, &e) == out.n && again.n == row->n);
        for (unsigned i = 0; i < row->n; i++) MUST(span_eq(again.field[i], row->field[i]));
    }
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    char *text = malloc(n + 1);
    MUST(text);
    if (n > 0) memcpy(text, data, n);
    for (size_t at = 0; at < n;) {
        struct csv_row row;
        struct err e = {0};
        size_t used = csv_read(text + at, n - at, true, &row, &e);
        MUST(used <= n - at);
        if (used == 0) {
            MUST(e.msg[0] != '\0');
            break;
        }
        expect_same(&row);
        at += used;
    }
    free(text);
    return 0;
}
