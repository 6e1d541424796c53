#include "stream/reader_csv.h"

#include "base/buf.h"
#include "data/field.h"
#include "text/csv.h"

static int csv_column(const struct csv_row *row, const char *key, enum field f) {
    int at = key && key[0] ? csv_find(row, key) : -1;
    return at >= 0 ? at : field_in_header(row, f);
}

/* The separator by which the line is a header; 0: by none. */
static char header_separator(struct span line, const char *message_key) {
    static const char SEPARATORS[] = ",;\t";
    char copy[4096];
    if (line.n == 0 || line.n > sizeof copy) return '\0';
    for (const char *s = SEPARATORS; *s; s++) {
        struct csv_row row;
        struct err e = {0};
        memcpy(copy, line.p, line.n);
        if (csv_read_by(*s, copy, line.n, true, &row, &e) > 0 && row.n > 1 &&
            csv_column(&row, message_key, FIELD_MESSAGE) >= 0)
            return *s;
    }
    return '\0';
}

bool reader_csv_is_header(struct span line, const char *message_key) {
    return header_separator(line, message_key) != '\0';
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
    const char *end = n ? memchr(text, '\n', n) : NULL;
    char found = header_separator((struct span){text, end ? (size_t)(end - text) : n}, r->message_key);
    *r = (struct reader_csv){.path = path,
                             .line = 1,
                             .message_key = r->message_key,
                             .source_key = r->source_key,
                             .separator = found ? found : ','};
    *used = 0;
    if (n == 0) return err_set(e, ERR_INPUT, "%s:1: the file is empty; expected a CSV header with log_message", path);
    *used = csv_read_by(r->separator, text, n, true, &row, e);
    if (*used == 0) return err_prefix(e, "%s:1", path);
    r->message = csv_column(&row, r->message_key, FIELD_MESSAGE);
    r->source = csv_column(&row, r->source_key, FIELD_SOURCE);
    r->line += row.lines;
    if (r->message >= 0) return true;
    struct buf columns;
    list_columns(&row, &columns);
    err_set(e, ERR_INPUT, "%s:1: no column log_message in the CSV header (it has: %.*s)", path, (int)columns.n,
            columns.p);
    buf_release(&columns);
    return false;
}

bool reader_csv_split(struct reader_csv *r, struct chunk *c, size_t *from, const struct reader_csv_end *end,
                      struct err *e) {
    while (c->batch.n < end->records && *from < c->text_n) {
        struct csv_row row;
        struct err broken = {0};
        size_t used = csv_read_by(r->separator, c->text + *from, c->text_n - *from, end->last, &row, &broken);
        if (used == 0 && broken.code != ERR_OK) {
            *e = broken;
            return err_prefix(e, "%s:%llu", r->path, (unsigned long long)r->line);
        }
        if (used == 0) return true;
        c->place[c->batch.n] = (struct place){.file = r->path, .line = r->line, .severity = SEVERITY_NONE};
        struct record *rec = &c->rec[c->batch.n++];
        *rec = (struct record){0};
        if ((unsigned)r->message < row.n) rec->message = span_sub(csv_text(row.field[r->message]), 0, CHUNK_LINE_MAX);
        if (r->source >= 0 && (unsigned)r->source < row.n) rec->source = csv_text(row.field[r->source]);
        *from += used;
        r->line += row.lines;
    }
    return true;
}
