#include "data/dataset.h"

#include "base/file.h"
#include "base/must.h"
#include "data/field.h"
#include "text/csv.h"

#include <ctype.h>
#include <stdio.h>
#include <yyjson.h>

#define FILE_BYTES_MAX ((size_t)2 << 30)
/* One row's values, whatever the format; p == NULL: the row has no such field. */
struct values {
    struct span of[FIELD_COUNT];
};

struct reader {
    struct dataset *d;
    struct label_set *labels;
    bool grow;
    unsigned line;
    struct err *e;
};

/* Brings a label's text to the form of an id: letters upper-case, anything but letters and digits one '_'. */
static bool label_id_of(struct span text, char id[LABEL_ID_MAX]) {
    size_t n = 0;
    text = span_trim(text);
    for (size_t i = 0; i < text.n && n < LABEL_ID_MAX - 1; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (isalnum(c))
            id[n++] = (char)toupper(c);
        else if (n > 0 && id[n - 1] != '_')
            id[n++] = '_';
    }
    while (n > 0 && id[n - 1] == '_') n--;
    id[n] = '\0';
    return n > 0 && !isdigit((unsigned char)id[0]);
}

/* The label whose id or name is the text, or has its form ("User Action" for USER_ACTION); -1: none. */
static int label_meant(const struct label_set *set, struct span text) {
    char form[LABEL_ID_MAX], other[LABEL_ID_MAX];
    int i = label_find(set, text);
    for (unsigned k = 0; i < 0 && k < set->n; k++)
        if (span_eq(span_of(set->label[k].name), text)) i = (int)k;
    bool ascii = label_id_of(text, form);
    for (size_t k = 0; k < text.n; k++) ascii = ascii && (unsigned char)text.p[k] < 0x80;
    for (unsigned k = 0; ascii && i < 0 && k < set->n; k++)
        if (label_id_of(span_of(set->label[k].id), other) && strcmp(form, other) == 0) i = (int)k;
    return i;
}

/* Ids stay as their author wrote them: her code compares with them. */
static bool grow_labels(struct reader *r, struct span text) {
    char form[LABEL_ID_MAX];
    struct label_set *set = r->labels;
    if (set->n >= LABEL_MAX - 1) return err_set(r->e, ERR_LIMIT, "more than %d labels", LABEL_MAX - 1);
    struct label *l = &set->label[set->n++];
    *l = (struct label){0};
    memcpy(l->id, text.p, text.n);
    memcpy(l->name, text.p, text.n);
    if (label_id_of(text, form) && strcmp(form, "UNCLASSIFIED") == 0) snprintf(l->id, sizeof l->id, "%s", form);
    return true;
}

static bool read_find_label(struct reader *r, struct span text, uint8_t *label) {
    text = span_trim(text);
    int i = label_meant(r->labels, text);
    if (i < 0 && !label_id_is_valid(text))
        return err_set(r->e, ERR_INPUT,
                       "'%.*s' is not a label: expected UTF-8 of at most %d bytes, without quotes, backslashes and '|'",
                       (int)(text.n < 80 ? text.n : 80), text.p ? text.p : "", LABEL_ID_MAX - 1);
    if (i < 0 && !r->grow)
        return err_set(r->e, ERR_INPUT, "label %.*s is not in the label set (%u labels, the first is %s)", (int)text.n,
                       text.p, r->labels->n, r->labels->label[0].id);
    if (i < 0) {
        if (!grow_labels(r, text)) return false;
        i = (int)r->labels->n - 1;
    }
    *label = (uint8_t)i;
    return true;
}

static bool read_lacks(struct reader *r, const char *what, enum field f) {
    struct buf names;
    buf_init(&names, 256);
    field_list(&names, f);
    err_set(r->e, ERR_INPUT, "no %s: expected %.*s", what, (int)names.n, names.p);
    buf_release(&names);
    return false;
}

static bool read_add_row(struct reader *r, const struct values *v) {
    struct dataset_row row = {
        .source = v->of[FIELD_SOURCE], .message = v->of[FIELD_MESSAGE], .line = r->line, .sure = true};
    if (!row.message.p) return read_lacks(r, "text", FIELD_MESSAGE);
    if (!v->of[FIELD_LABEL].p) return read_lacks(r, "label", FIELD_LABEL);
    if (!read_find_label(r, v->of[FIELD_LABEL], &row.label)) return false;
    if (v->of[FIELD_CONFIDENCE].p) {
        r->d->has_sure = true;
        row.sure = span_eq(span_trim(v->of[FIELD_CONFIDENCE]), SPAN_LIT("high"));
    }
    if (v->of[FIELD_SYSTEM].p) r->d->has_group = true;
    return dataset_add(r->d, &row, v->of[FIELD_SYSTEM].p ? v->of[FIELD_SYSTEM] : v->of[FIELD_SOURCE], r->e);
}

static bool read_header(struct reader *r, const struct csv_row *header, int at[FIELD_COUNT]) {
    for (unsigned f = 0; f < FIELD_COUNT; f++) at[f] = field_in_header(header, (enum field)f);
    if (at[FIELD_MESSAGE] < 0) return read_lacks(r, "column with the text", FIELD_MESSAGE);
    return at[FIELD_LABEL] >= 0 || read_lacks(r, "column with the label", FIELD_LABEL);
}

static bool read_csv(struct reader *r, char *text, size_t n) {
    struct csv_row row;
    int at[FIELD_COUNT];
    unsigned next_line = 1;
    for (size_t used, columns = 0; n > 0; text += used, n -= used) {
        r->line = next_line;
        if ((used = csv_read(text, n, true, &row, r->e)) == 0) return false;
        next_line += row.lines;
        if (columns == 0) {
            if (!read_header(r, &row, at)) return false;
            columns = row.n;
            continue;
        }
        if (row.n == 1 && row.field[0].n == 0) continue;
        if (row.n != columns)
            return err_set(r->e, ERR_INPUT, "%u columns, the header has %zu (is a comma or quote not escaped?)", row.n,
                           columns);
        struct values v = {0};
        for (unsigned c = 0; c < FIELD_COUNT; c++)
            if (at[c] >= 0) v.of[c] = csv_text(row.field[at[c]]);
        if (!read_add_row(r, &v)) return false;
    }
    return true;
}

static bool read_object(struct reader *r, yyjson_val *object) {
    if (!yyjson_is_obj(object)) return err_set(r->e, ERR_INPUT, "expected a JSON object");
    struct values v = {0};
    for (unsigned f = 0; f < FIELD_COUNT; f++) v.of[f] = field_in_object(object, (enum field)f);
    return read_add_row(r, &v);
}

static bool read_json_line(struct reader *r, struct span line) {
    yyjson_read_err bad;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)line.p, line.n, 0, NULL, &bad);
    if (!doc) return err_set(r->e, ERR_INPUT, "byte %zu: %s", bad.pos + 1, bad.msg);
    bool ok = read_object(r, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return ok;
}

static bool read_json_lines(struct reader *r, struct span text) {
    for (r->line = 1; text.n > 0; r->line++) {
        struct span line = span_trim(span_take_line(&text));
        if (line.n > 0 && !read_json_line(r, line)) return false;
    }
    return true;
}

bool dataset_read(struct dataset *d, const char *path, struct label_set *labels, bool grow, struct err *e) {
    struct span file;
    if (!file_read(path, FILE_BYTES_MAX, &file, e)) return false;
    struct reader r = {.d = d, .labels = labels, .grow = grow, .line = 1, .e = e};
    size_t before = d->n;
    struct span text = span_trim(file);
    bool ok =
        text.n > 0 && text.p[0] == '{' ? read_json_lines(&r, file) : read_csv(&r, (char *)(uintptr_t)file.p, file.n);
    file_free(&file);
    if (!ok) return err_prefix(e, "%s:%u", path, r.line);
    if (d->n == before) return err_set(e, ERR_INPUT, "%s: no labelled row in it", path);
    return true;
}

/* The id before the first '|' of a labels file's line. */
static struct span label_of_line(struct span line) {
    const char *bar = memchr(line.p, '|', line.n);
    return span_trim(span_sub(line, 0, bar ? (size_t)(bar - line.p) : line.n));
}

bool dataset_read_examples(struct dataset *d, const char *path, const struct label_set *labels, struct err *e) {
    struct span text, rest;
    if (!file_read(path, FILE_BYTES_MAX, &text, e)) return false;
    bool ok = true;
    int label = -1;
    rest = text;
    for (uint32_t line_no = 1; ok && rest.n > 0; line_no++) {
        struct span line = span_trim(span_take_line(&rest));
        if (line.n == 0 || line.p[0] == '#') continue;
        if (line.p[0] != '-') {
            label = label_find(labels, label_of_line(line));
            MUST(label >= 0);
            continue;
        }
        MUST(label >= 0);
        struct dataset_row row = {
            .message = span_trim(span_sub(line, 1, line.n)), .line = line_no, .label = (uint8_t)label, .sure = true};
        ok = row.message.n > 0 ? dataset_add(d, &row, SPAN_LIT(""), e)
                               : err_set(e, ERR_INPUT, "an example without text");
        ok = ok || err_prefix(e, "%s:%u", path, line_no);
    }
    file_free(&text);
    return ok;
}
