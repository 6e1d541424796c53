#include "data/record_json.h"

#include "base/must.h"
#include "data/field.h"
#include "text/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <yyjson.h>

enum { KEEP_TEXT_BYTES = 512 * 1024, NO_INDEX = -1 };

/* Numbers are never needed, so they are not converted (and can't overflow). */
static const yyjson_read_flag READ_FLAGS = YYJSON_READ_NUMBER_AS_RAW | YYJSON_READ_INSITU;

/* What reading one text needs everywhere. */
struct reading {
    const struct record_json_limits *lim;
    struct arena *arena;
    struct err *err;
    enum record_json_trouble refused;
    struct record_json_reader *reader;
    bool line;     /* one of an NDJSON text */
    bool question; /* the described services' form: the message is called "message" */
};

static bool record_json_fail(struct reading *r, enum record_json_trouble why, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static bool record_json_fail(struct reading *r, enum record_json_trouble why, enum err_code code, const char *fmt,
                             ...) {
    va_list args;
    char text[ERR_MSG_MAX];
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    r->refused = why;
    return err_set(r->err, code, "%s", text);
}

static bool no_memory(struct reading *r) {
    return record_json_fail(r, RECORD_JSON_MEMORY, ERR_MEMORY, "no memory for the entries");
}

/* ---- before the parser: nesting, and escapes of half a surrogate pair ---- */

/* Bytes before the next '"' or '\', eight at a time: x has a zero byte where (x - 01…) & ~x & 80… is not zero. The
 * lowest such byte is exact, and the lowest is the first in memory on the machines that Hyperscan runs on. */
static size_t plain_run(const char *p, size_t n) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    size_t i = 0;
    for (uint64_t w; i + sizeof w <= n; i += sizeof w) {
        memcpy(&w, p + i, sizeof w);
        uint64_t q = w ^ (ones * '"'), b = w ^ (ones * '\\');
        uint64_t found = (((q - ones) & ~q) | ((b - ones) & ~b)) & tops;
        if (found) return i + (size_t)__builtin_ctzll(found) / 8;
    }
    while (i < n && p[i] != '"' && p[i] != '\\') i++;
    return i;
}

/* The code unit of an escape "\uXXXX" at p; -1: there is none. */
static int code_unit(const char *p, size_t n) {
    if (n < 6 || p[0] != '\\' || p[1] != 'u') return -1;
    int v = 0;
    for (int i = 2; i < 6; i++) {
        char c = p[i], lower = (char)(c | 0x20);
        bool digit = c >= '0' && c <= '9', letter = lower >= 'a' && lower <= 'f';
        if (!digit && !letter) return -1;
        v = v * 16 + (digit ? c - '0' : lower - 'a' + 10);
    }
    return v;
}

/* Steps over the escape at p; half a surrogate pair becomes \ufffd in place. */
static size_t pass_escape(char *p, size_t n) {
    int unit = code_unit(p, n);
    if (unit < 0xd800 || unit > 0xdfff) return n < 2 ? n : 2;
    int second = unit < 0xdc00 ? code_unit(p + 6, n - 6) : -1;
    if (second >= 0xdc00 && second <= 0xdfff) return 12;
    memcpy(p + 2, "fffd", 4);
    return 6;
}

/* From behind the opening quote to behind the closing one. */
static size_t pass_string(char *p, size_t n) {
    for (size_t i = 0; i < n;) {
        i += plain_run(p + i, n - i);
        if (i < n && p[i] == '"') return i + 1;
        if (i < n) i += pass_escape(p + i, n - i);
    }
    return n;
}

void record_json_mend(char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (text[i] == '"') i += pass_string(text + i + 1, n - i - 1);
}

/* Whether no value lies deeper than depth_max. Does not check anything else: that is the parser's. */
static bool record_json_prepare(struct reading *r, char *p, size_t n) {
    unsigned depth = 0;
    for (size_t i = 0; i < n; i++) {
        switch (p[i]) {
        case '"': i += pass_string(p + i + 1, n - i - 1); break;
        case '[':
        case '{':
            if (++depth > r->lim->depth_max)
                return record_json_fail(r, RECORD_JSON_DEPTH, ERR_LIMIT, "byte %zu: nested deeper than %u (depth-max)",
                                        i, r->lim->depth_max);
            break;
        case ']':
        case '}': depth -= depth > 0; break;
        default: break;
        }
    }
    return true;
}

/* ---- after it: values → records ---- */

static const char *type_name(yyjson_val *v) {
    return yyjson_is_raw(v) ? "number" : yyjson_get_type_desc(v);
}

/* "[3].source" in an array, "source" alone. */
static const char *record_json_place(char *to, size_t size, int index, const char *field) {
    if (index == NO_INDEX)
        snprintf(to, size, "%s", field);
    else
        snprintf(to, size, "[%d]%s%s", index, field[0] ? "." : "", field);
    return to;
}

enum { PLACE_MAX = 48 };

/* A field under the name that the form gives it: it must be a string, of duplicates the last counts. */
static bool record_json_take_field(struct reading *r, int index, const char *name, yyjson_val *v, struct span *to) {
    char at[PLACE_MAX];
    if (!yyjson_is_str(v))
        return record_json_fail(r, RECORD_JSON_MALFORMED, ERR_INPUT, "%s: expected a string, not %s",
                                record_json_place(at, sizeof at, index, name), type_name(v));
    *to = (struct span){yyjson_get_str(v), yyjson_get_len(v)};
    if (to->n <= r->lim->line_bytes_max) return true;
    return record_json_fail(r, RECORD_JSON_LINE_BYTES, ERR_LIMIT, "%s: %zu bytes, the limit is %zu (line-bytes-max)",
                            record_json_place(at, sizeof at, index, name), to->n, r->lim->line_bytes_max);
}

/* Fields that are not there under that name: under one of their others, where the value is a string. */
static bool record_json_take_others(struct reading *r, int index, yyjson_val *entry, bool message, bool source,
                                    struct record *rec) {
    struct span other[2] = {source ? (struct span){0} : field_in_object(entry, FIELD_SOURCE),
                            message ? (struct span){0} : field_in_object(entry, FIELD_MESSAGE)};
    char at[PLACE_MAX];
    for (unsigned i = 0; i < 2; i++)
        if (other[i].n > r->lim->line_bytes_max)
            return record_json_fail(
                r, RECORD_JSON_LINE_BYTES, ERR_LIMIT, "%s: %zu bytes, the limit is %zu (line-bytes-max)",
                record_json_place(at, sizeof at, index, i ? "message" : "source"), other[i].n, r->lim->line_bytes_max);
    if (other[0].p) rec->source = other[0];
    if (other[1].p) rec->message = other[1];
    r->reader->without_message += !message && !other[1].p;
    return true;
}

static bool take_entry(struct reading *r, int index, yyjson_val *entry, struct record *rec) {
    char at[PLACE_MAX];
    *rec = (struct record){{"", 0}, {"", 0}};
    if (!yyjson_is_obj(entry)) {
        record_json_place(at, sizeof at, index, "");
        return record_json_fail(r, RECORD_JSON_MALFORMED, ERR_INPUT, "%s%sexpected an object, not %s", at,
                                at[0] ? ": " : "", type_name(entry));
    }
    const char *name = r->question ? "message" : "log_message";
    bool message = false, source = false;
    yyjson_obj_iter it;
    yyjson_obj_iter_init(entry, &it);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it)) != NULL;) {
        yyjson_val *v = yyjson_obj_iter_get_val(key);
        bool is_message = yyjson_equals_str(key, name), is_source = !is_message && yyjson_equals_str(key, "source");
        if (is_message && !record_json_take_field(r, index, name, v, &rec->message)) return false;
        if (is_source && !record_json_take_field(r, index, "source", v, &rec->source)) return false;
        message |= is_message, source |= is_source;
    }
    return (message && source) || r->question || record_json_take_others(r, index, entry, message, source, rec);
}

static bool record_json_make_room(struct reading *r, struct batch *b, size_t n) {
    b->n = (uint32_t)n;
    b->rec = arena_alloc(r->arena, n * sizeof *b->rec);
    b->res = arena_alloc(r->arena, n * sizeof *b->res);
    if (!b->rec || !b->res) return no_memory(r);
    memset(b->res, 0, n * sizeof *b->res);
    return true;
}

static bool take_question(struct reading *r, yyjson_val *root, struct batch *b) {
    if (!record_json_make_room(r, b, 1) || !take_entry(r, NO_INDEX, root, b->rec)) return false;
    return yyjson_obj_get(root, "message") ||
           record_json_fail(r, RECORD_JSON_MALFORMED, ERR_INPUT, "message: expected a string, but it is missing");
}

static bool take_array(struct reading *r, yyjson_val *root, struct batch *b) {
    if (yyjson_is_null(root) || (yyjson_is_arr(root) && yyjson_arr_size(root) == 0))
        return record_json_fail(r, RECORD_JSON_MALFORMED, ERR_INPUT, "no log entries provided");
    if (!yyjson_is_arr(root))
        return record_json_fail(r, RECORD_JSON_MALFORMED, ERR_INPUT, "expected an array of entries, not %s",
                                type_name(root));
    size_t n = yyjson_arr_size(root);
    if (n > r->lim->entries_max)
        return record_json_fail(r, RECORD_JSON_ENTRIES, ERR_LIMIT, "%zu entries, the limit is %u (entries-max)", n,
                                r->lim->entries_max);
    if (!record_json_make_room(r, b, n)) return false;
    yyjson_arr_iter it;
    yyjson_arr_iter_init(root, &it);
    for (uint32_t i = 0; i < b->n; i++)
        if (!take_entry(r, (int)i, yyjson_arr_iter_next(&it), &b->rec[i])) return false;
    return true;
}

/* ---- the two texts ---- */

static yyjson_doc *record_json_parse(struct reading *r, struct record_json_reader *reader, char *p, size_t n) {
    if (!record_json_prepare(r, p, n)) return NULL;
    yyjson_read_err why;
    yyjson_doc *doc = yyjson_read_opts(p, n, READ_FLAGS, reader->memory, &why);
    if (doc) return doc;
    if (why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        no_memory(r);
    else
        record_json_fail(r, RECORD_JSON_MALFORMED, ERR_INPUT, "byte %zu: %s%s", why.pos, why.msg,
                         why.pos > 0 || r->line ? ""
                         : r->question          ? "; expected {\"message\":\"…\"}"
                                                : "; expected [{\"source\":\"…\",\"log_message\":\"…\"}, …]");
    return NULL;
}

/* The parser's allocator only grows: after a large text it starts anew. */
static void forget_large(struct record_json_reader *r, size_t text_bytes) {
    if (text_bytes <= KEEP_TEXT_BYTES) return;
    struct yyjson_alc *fresh = yyjson_alc_dyn_new();
    if (!fresh) return;
    yyjson_alc_dyn_free(r->memory);
    r->memory = fresh;
}

/* Makes text valid UTF-8, with the room behind it that parsing in place needs. Offsets in messages are those of the
 * valid text. */
static bool make_valid(struct reading *r, struct buf *text) {
    if (utf8_valid(buf_span(text)) != text->n) {
        char *valid = arena_alloc(r->arena, 3 * text->n);
        if (!valid) return no_memory(r);
        size_t n = utf8_repair(buf_span(text), valid);
        text->n = 0;
        buf_put(text, valid, n);
    }
    char *padding = buf_reserve(text, YYJSON_PADDING_SIZE);
    if (!padding) return no_memory(r);
    memset(padding, 0, YYJSON_PADDING_SIZE);
    return true;
}

static enum record_json_trouble record_json_read_body(struct reading *r, struct record_json_reader *reader,
                                                      struct buf *text, struct batch *b) {
    if (text->n == 0) {
        record_json_fail(r, RECORD_JSON_MALFORMED, ERR_INPUT, "the body is empty: expected %s",
                         r->question ? "an object" : "an array of entries");
        return r->refused;
    }
    if (!make_valid(r, text)) return r->refused;
    yyjson_doc *doc = record_json_parse(r, reader, text->p, text->n);
    if (doc) (r->question ? take_question : take_array)(r, yyjson_doc_get_root(doc), b);
    yyjson_doc_free(doc);
    forget_large(reader, text->n);
    return r->refused;
}

enum record_json_trouble record_json_read_array(struct record_json_reader *reader, const struct record_json_limits *lim,
                                                struct buf *text, struct arena *a, struct batch *b, struct err *e) {
    struct reading r = {.lim = lim, .reader = reader, .arena = a, .err = e};
    return record_json_read_body(&r, reader, text, b);
}

enum record_json_trouble record_json_read_question(struct record_json_reader *reader,
                                                   const struct record_json_limits *lim, struct buf *text,
                                                   struct arena *a, struct batch *b, struct err *e) {
    struct reading r = {.lim = lim, .reader = reader, .arena = a, .err = e, .question = true};
    return record_json_read_body(&r, reader, text, b);
}

enum record_json_trouble record_json_read_line(struct record_json_reader *reader, const struct record_json_limits *lim,
                                               struct span line, struct arena *a, struct record *rec, struct err *e) {
    struct reading r = {.lim = lim, .reader = reader, .arena = a, .err = e, .line = true};
    char *valid = arena_alloc(a, 3 * line.n + YYJSON_PADDING_SIZE);
    if (!valid) {
        no_memory(&r);
        return r.refused;
    }
    size_t n = utf8_repair(line, valid);
    memset(valid + n, 0, YYJSON_PADDING_SIZE);
    yyjson_doc *doc = record_json_parse(&r, reader, valid, n);
    if (doc) take_entry(&r, NO_INDEX, yyjson_doc_get_root(doc), rec);
    yyjson_doc_free(doc);
    forget_large(reader, n);
    return r.refused;
}

bool record_json_reader_init(struct record_json_reader *r) {
    r->memory = yyjson_alc_dyn_new();
    return r->memory != NULL;
}

void record_json_reader_release(struct record_json_reader *r) {
    if (r->memory) yyjson_alc_dyn_free(r->memory);
    r->memory = NULL;
}
