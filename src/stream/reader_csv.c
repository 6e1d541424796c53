#include "stream/reader_csv.h"

#include "base/buf.h"
#include "data/field.h"
#include "text/csv.h"

bool reader_csv_is_header(struct span line) {
    char copy[4096];
    struct csv_row row;
    struct err e = {0};
    if (line.n == 0 || line.n > sizeof copy) return false;
    memcpy(copy, line.p, line.n);
    return csv_read(copy, line.n, true, &row, &e) > 0 && row.n > 1 && field_in_header(&row, FIELD_MESSAGE) >= 0;
}

static void list_columns(const struct csv_row *row, struct buf *out) {
    buf_init(out, 200);
    for (unsigned i = 0; i < row->n; i++) {
        if (i) buf_puts(out, ", ");
        buf_put(out, row->field[i].p, row->field[i].n);
    }
}

bool reader_csv_open(struct reader_csv *r, const char *path, char *text, size_t n, size_t *used, struct err *e) {
    struct csv_row row;
    *r = (struct reader_csv){.path = path, .line = 1};
    *used = 0;
    if (n == 0) return err_set(e, ERR_INPUT, "%s:1: the file is empty; expected a CSV header with log_message", path);
    *used = csv_read(text, n, true, &row, e);
    if (*used == 0) return err_prefix(e, "%s:1", path);
    r->message = field_in_header(&row, FIELD_MESSAGE);
    r->source = field_in_header(&row, FIELD_SOURCE);
    r->line += row.lines;
    if (r->message >= 0) return true;
    struct buf columns;
    list_columns(&row, &columns);
    err_set(e, ERR_INPUT, "%s:1: no column log_message in the CSV header (it has: %.*s)", path, (int)columns.n,
            columns.p);
    buf_release(&columns);
    return false;
}

bool reader_csv_split(struct reader_csv *r, struct chunk *c, size_t *from, bool last, struct err *e) {
    while (c->batch.n < CHUNK_RECORDS && *from < c->text_n) {
        struct csv_row row;
        struct err broken = {0};
        size_t used = csv_read(c->text + *from, c->text_n - *from, last, &row, &broken);
        if (used == 0 && broken.code != ERR_OK) {
            *e = broken;
            return err_prefix(e, "%s:%llu", r->path, (unsigned long long)r->line);
        }
        if (used == 0) return true;
        struct record *rec = &c->rec[c->batch.n++];
        *rec = (struct record){0};
        if ((unsigned)r->message < row.n) rec->message = span_sub(row.field[r->message], 0, CHUNK_LINE_MAX);
        if (r->source >= 0 && (unsigned)r->source < row.n) rec->source = row.field[r->source];
        *from += used;
        r->line += row.lines;
    }
    return true;
}
