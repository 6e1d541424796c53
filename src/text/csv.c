#include "text/csv.h"

#include "text/utf8.h"

#include <strings.h>

/* Where a row ends: the bytes up to and with its line end. Nothing changes before the row is known to be whole. A quote
 * opens a field only as its first byte; elsewhere it is text. 0: the row goes on behind text[n]. */
static size_t row_length(char separator, const char *text, size_t n, bool last, bool *quoted) {
    bool start = true, closed = false; /* at a field's first byte; just behind a quote that may close or be doubled */
    *quoted = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '\n' && !*quoted) return i + 1;
        bool toggles = c == '"' && (start || *quoted || closed);
        closed = toggles && *quoted;
        if (toggles) *quoted = !*quoted;
        start = c == separator && !*quoted;
    }
    return last && !*quoted ? n : 0;
}

/* Moves the quoted field that begins behind *at to the front of itself, without its quotes. *at ends up behind it. */
static struct span take_quoted(char *text, size_t n, size_t *at) {
    size_t from = *at, to = from, i = from;
    while (i < n) {
        if (text[i] == '"' && i + 1 < n && text[i + 1] == '"')
            i++;
        else if (text[i] == '"')
            break;
        text[to++] = text[i++];
    }
    *at = i < n ? i + 1 : n;
    return (struct span){text + from, to - from};
}

static struct span take_plain(char separator, char *text, size_t n, size_t *at) {
    size_t from = *at;
    const char *comma = memchr(text + from, separator, n - from);
    *at = comma ? (size_t)(comma - text) : n;
    return (struct span){text + from, *at - from};
}

static bool csv_split(char separator, char *text, size_t n, struct csv_row *row, struct err *e) {
    for (size_t at = 0;;) {
        if (row->n == CSV_FIELDS_MAX) return err_set(e, ERR_LIMIT, "more than %d columns", CSV_FIELDS_MAX);
        bool quoted = at < n && text[at] == '"';
        if (quoted) at++;
        row->field[row->n++] = quoted ? take_quoted(text, n, &at) : take_plain(separator, text, n, &at);
        if (at == n) return true;
        if (text[at] != separator)
            return err_set(e, ERR_INPUT, "column %u: expected '%c' or the end of the line after the closing quote",
                           row->n, separator);
        at++;
    }
}

size_t csv_read_by(char separator, char *text, size_t n, bool last, struct csv_row *row, struct err *e) {
    bool open = false;
    size_t used = row_length(separator, text, n, last, &open);
    row->n = row->lines = 0;
    if (used == 0) {
        if (last && open) err_set(e, ERR_INPUT, "a quoted field has no closing quote");
        return 0;
    }
    for (size_t i = 0; i < used; i++) row->lines += text[i] == '\n';
    size_t end = used;
    if (end > 0 && text[end - 1] == '\n') end--;
    if (end > 0 && text[end - 1] == '\r') end--;
    return csv_split(separator, text, end, row, e) ? used : 0;
}

size_t csv_read(char *text, size_t n, bool last, struct csv_row *row, struct err *e) {
    return csv_read_by(',', text, n, last, row, e);
}

int csv_find(const struct csv_row *row, const char *name) {
    for (unsigned i = 0; i < row->n; i++) {
        struct span f = row->field[i];
        if (i == 0 && span_starts(f, SPAN_LIT("\xef\xbb\xbf"))) f = span_sub(f, 3, f.n);
        f = span_trim(f);
        if (f.n == strlen(name) && strncasecmp(f.p, name, f.n) == 0) return (int)i;
    }
    return -1;
}

void csv_put(struct buf *out, struct span field) {
    bool plain = true;
    for (size_t i = 0; i < field.n; i++) plain = plain && !strchr(",\"\r\n", field.p[i] ? field.p[i] : 'x');
    if (plain) {
        buf_put(out, field.p, field.n);
        return;
    }
    buf_putc(out, '"');
    for (size_t i = 0; i < field.n; i++) {
        if (field.p[i] == '"') buf_putc(out, '"');
        buf_putc(out, field.p[i]);
    }
    buf_putc(out, '"');
}

/* What a formula may begin with. A sign before a blank or a sign begins a line of text. */
static bool is_formula(struct span f) {
    if (f.n < 2) return false;
    char second = f.p[1];
    if (f.p[0] == '+' || f.p[0] == '-') return second != ' ' && second != '+' && second != '-';
    return f.p[0] == '=' || f.p[0] == '@' || f.p[0] == '\t' || f.p[0] == '\r';
}

void csv_put_text(struct buf *out, struct span field) {
    struct buf text;
    size_t good = utf8_valid(field);
    bool guarded = is_formula(field);
    if (!guarded && good == field.n && (field.n == 0 || !memchr(field.p, '\0', field.n))) {
        csv_put(out, field);
        return;
    }
    buf_init(&text, 3 * field.n + 2);
    if (guarded) buf_putc(&text, '\'');
    char *to = buf_reserve(&text, 3 * field.n);
    size_t n = to ? utf8_repair(field, to) : 0;
    for (size_t i = 0; i < n; i++)
        if (to[i] == '\0') to[i] = ' ';
    text.n += n;
    csv_put(out, buf_span(&text));
    buf_release(&text);
}

struct span csv_text(struct span field) {
    struct span inside = span_sub(field, 1, field.n);
    return field.n > 0 && field.p[0] == '\'' && is_formula(inside) ? inside : field;
}
