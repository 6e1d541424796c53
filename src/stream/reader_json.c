#include "stream/reader_json.h"

#include "base/must.h"
#include "data/field.h"
#include "data/record_json.h"
#include "stream/reader.h"

#include <stdio.h>
#include <yyjson.h>

/* yyjson needs at most 12 times the text plus a little for a parse; longer lines are not taken as JSON. */
enum { JSON_POOL_BYTES = 12 * CHUNK_LINE_MAX + 4096 };

void reader_json_init(struct reader_json *j) {
    *j = (struct reader_json){.pool = must_calloc(1, JSON_POOL_BYTES),
                              .pool_bytes = JSON_POOL_BYTES,
                              .mended = must_calloc(1, CHUNK_LINE_MAX)};
}

void reader_json_release(struct reader_json *j) {
    free(j->pool), free(j->mended);
}

static yyjson_val *parse_text(struct reader_json *j, struct span line) {
    yyjson_alc alc;
    if (!yyjson_alc_pool_init(&alc, j->pool, j->pool_bytes)) return NULL;
    union {
        const char *read_only;
        char *p; /* the parser's signature; without YYJSON_READ_INSITU it only reads */
    } text = {.read_only = line.p};
    yyjson_doc *doc = yyjson_read_opts(text.p, line.n, YYJSON_READ_ALLOW_INVALID_UNICODE, &alc, NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    return yyjson_is_obj(root) ? root : NULL;
}

/* Halves of surrogate pairs, which the parser refuses, are mended in a copy: seldom is there one. */
static yyjson_val *parse_object(struct reader_json *j, struct span line) {
    if (line.n > CHUNK_LINE_MAX) return NULL;
    yyjson_val *root = parse_text(j, line);
    if (root || line.n < 2 || line.p[0] != '{' || !memmem(line.p, line.n, "\\u", 2)) return root;
    memcpy(j->mended, line.p, line.n);
    record_json_mend(j->mended, line.n);
    return parse_text(j, (struct span){j->mended, line.n});
}

bool reader_json_is_object(struct reader_json *j, struct span line) {
    return parse_object(j, line) != NULL;
}

static struct span json_field(yyjson_val *object, const char *key, enum field f) {
    yyjson_val *v = key && key[0] ? field_at(object, key) : NULL;
    if (yyjson_is_str(v)) return (struct span){yyjson_get_str(v), yyjson_get_len(v)};
    return field_in_object(object, f);
}

/* journald writes a message that is not UTF-8 as an array of its bytes. */
static struct span json_bytes(struct arena *a, yyjson_val *v) {
    size_t n = yyjson_arr_size(v), i, max;
    char *to = n > 0 && n <= CHUNK_LINE_MAX ? arena_alloc(a, n) : NULL;
    if (!to) return (struct span){0};
    yyjson_val *byte;
    yyjson_arr_foreach(v, i, max, byte) to[i] = (char)yyjson_get_uint(byte);
    return (struct span){to, n};
}

static struct span json_message(struct reader_json *j, struct arena *a, yyjson_val *object) {
    struct span m = json_field(object, j->message_key, FIELD_MESSAGE);
    while (m.n > 0 && (m.p[m.n - 1] == '\n' || m.p[m.n - 1] == '\r')) m.n--; /* docker keeps the line's end */
    if (m.p) return m.n > 0 ? arena_copy(a, m) : (struct span){"", 0};
    yyjson_val *bytes = yyjson_obj_get(object, "MESSAGE");
    return yyjson_is_arr(bytes) ? json_bytes(a, bytes) : m;
}

static enum severity json_severity(yyjson_val *object) {
    static const char *const NUMBERS[] = {"level", "severity", "PRIORITY"};
    struct span word = field_in_object(object, FIELD_SEVERITY);
    char text[24];
    if (word.p) return severity_of_word(word);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        yyjson_val *v = yyjson_obj_get(object, NUMBERS[i]);
        if (!yyjson_is_uint(v)) continue;
        snprintf(text, sizeof text, "%llu", (unsigned long long)yyjson_get_uint(v));
        return severity_of_word(span_of(text));
    }
    return SEVERITY_NONE;
}

bool reader_json_line(struct reader_json *j, struct arena *a, struct span line, struct record *rec, struct place *at) {
    yyjson_val *object = parse_object(j, line);
    if (!object) return false;
    at->is_object = true;
    struct span message = json_message(j, a, object);
    if (!message.p) return false;
    struct span source = arena_copy(a, json_field(object, j->source_key, FIELD_SOURCE));
    if (source.n > 0) rec->source = source;
    rec->message = span_sub(message, 0, CHUNK_LINE_MAX);
    at->severity = json_severity(object);
    return true;
}
