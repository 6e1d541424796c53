#include "data/label.h"

#include "base/file.h"
#include "text/utf8.h"

#include <stdio.h>
#include <xxhash.h>

enum { LABEL_FILE_BYTES_MAX = 256 * 1024 };

static const struct label_set DEFAULT = {
#define LABELS "data/label.def"
#include "data/label_set.def"
    .unclassified = 8,
};

static const struct label_set OPS = {
#define LABELS "data/label_ops.def"
#include "data/label_set.def"
    .unclassified = 15, .parts = 0x7f00, /* SECURITY_ALERT to SERVICE_ERROR */
};

const struct label_set *label_ops(void) {
    return &OPS;
}

const struct label_set *label_default(void) {
    return &DEFAULT;
}

int label_find(const struct label_set *set, struct span id) {
    for (unsigned i = 0; i < set->n; i++)
        if (span_eq(span_of(set->label[i].id), id)) return (int)i;
    return -1;
}

int label_fold(const struct label_set *set, struct span id) {
    int i = label_find(set, id);
    return i < 0 && label_find(&OPS, id) >= 0 ? (int)set->unclassified : i;
}

uint64_t label_hash(const struct label_set *set) {
    uint64_t h = 0;
    for (unsigned i = 0; i < set->n; i++) {
        struct span id = span_of(set->label[i].id);
        h = XXH3_64bits_withSeed(id.p, id.n, h + i + 1);
    }
    return h;
}

uint64_t label_parts(const struct label_set *set) {
    return label_hash(set) == label_hash(&OPS) ? OPS.parts : 0;
}

/* Takes the text up to the next '|' off the front of *rest, trimmed, into out[size]. */
static bool label_take_field(struct span *rest, char *out, size_t size, const char *what, struct err *e) {
    const char *bar = memchr(rest->p, '|', rest->n);
    size_t n = bar ? (size_t)(bar - rest->p) : rest->n;
    struct span f = span_trim(span_sub(*rest, 0, n));
    *rest = span_sub(*rest, bar ? n + 1 : n, rest->n);
    if (f.n >= size) return err_set(e, ERR_INPUT, "the %s is longer than %zu bytes", what, size - 1);
    memcpy(out, f.p, f.n);
    out[f.n] = '\0';
    return true;
}

bool label_id_is_valid(struct span id) {
    if (id.n == 0 || id.n >= LABEL_ID_MAX || utf8_valid(id) != id.n || span_trim(id).n != id.n) return false;
    for (size_t i = 0; i < id.n; i++) {
        unsigned char c = (unsigned char)id.p[i];
        if (c < ' ' || c == 0x7f || c == '"' || c == '\\' || c == '|') return false;
    }
    return id.p[0] != '#' && id.p[0] != '-';
}

static bool label_add_line(struct label_set *set, struct span line, struct err *e) {
    struct label l = {0};
    if (!label_take_field(&line, l.id, sizeof l.id, "id", e) ||
        !label_take_field(&line, l.name, sizeof l.name, "name", e) ||
        !label_take_field(&line, l.description, sizeof l.description, "description", e))
        return false;
    if (!label_id_is_valid(span_of(l.id)))
        return err_set(e, ERR_INPUT, "invalid label id '%s': expected UTF-8 text without quotes, backslashes and '|'",
                       l.id);
    if (label_find(set, span_of(l.id)) >= 0) return err_set(e, ERR_INPUT, "duplicate label '%s'", l.id);
    if (set->n == LABEL_MAX - 1) return err_set(e, ERR_LIMIT, "more than %d labels", LABEL_MAX - 1);
    if (!l.name[0]) snprintf(l.name, sizeof l.name, "%s", l.id);
    set->label[set->n++] = l;
    return true;
}

static bool label_parse(struct label_set *set, struct span text, const char *path, struct err *e) {
    for (unsigned line_no = 1; text.n > 0; line_no++) {
        struct span line = span_trim(span_take_line(&text));
        if (line.n == 0 || line.p[0] == '#' || (line.p[0] == '-' && set->n > 0)) continue;
        if (!label_add_line(set, line, e)) return err_prefix(e, "%s:%u", path, line_no);
    }
    if (set->n == 0)
        return err_set(e, ERR_INPUT, "%s: no label in it; expected lines of 'ID | Name | description'", path);
    return true;
}

bool label_load(struct label_set *set, const char *path, struct err *e) {
    *set = strcmp(path, "ops") == 0 ? OPS : (struct label_set){0};
    if (set->n > 0) return true;
    struct span text;
    if (!file_read(path, LABEL_FILE_BYTES_MAX, &text, e)) return false;
    bool ok = label_parse(set, text, path, e);
    file_free(&text);
    if (!ok) return false;
    int i = label_find(set, SPAN_LIT("UNCLASSIFIED"));
    if (i < 0) {
        i = (int)set->n;
        set->label[set->n++] = DEFAULT.label[DEFAULT.unclassified];
    }
    set->unclassified = (unsigned)i;
    return true;
}
