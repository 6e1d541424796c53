#include "stream/reader_json.h"

#include "base/must.h"
#include "stream/reader.h"

#include <yyjson.h>

/* yyjson needs at most 12 times the text plus a little for a parse; longer lines are not taken as JSON. */
enum { JSON_POOL_BYTES = 12 * CHUNK_LINE_MAX + 4096 };

static const char *const MESSAGE_KEYS[] = {"log_message", "message", "msg", "log"};
static const char *const SOURCE_KEYS[] = {"source", "logger", "program", "service"};
enum { KEYS_N = 4 };

void reader_json_init(struct reader_json *j) {
    *j = (struct reader_json){.pool = must_calloc(1, JSON_POOL_BYTES), .pool_bytes = JSON_POOL_BYTES};
}

void reader_json_release(struct reader_json *j) {
    free(j->pool);
}

static yyjson_val *parse_object(struct reader_json *j, struct span line) {
    yyjson_alc alc;
    if (line.n > CHUNK_LINE_MAX || !yyjson_alc_pool_init(&alc, j->pool, j->pool_bytes)) return NULL;
    union {
        const char *read_only;
        char *p; /* the parser's signature; without YYJSON_READ_INSITU it only reads */
    } text = {.read_only = line.p};
    yyjson_doc *doc = yyjson_read_opts(text.p, line.n, YYJSON_READ_ALLOW_INVALID_UNICODE, &alc, NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    return yyjson_is_obj(root) ? root : NULL;
}

bool reader_json_is_object(struct reader_json *j, struct span line) {
    return parse_object(j, line) != NULL;
}

/* The first of the keys that holds a string. */
static yyjson_val *find_string(yyjson_val *object, const char *const *keys) {
    for (size_t i = 0; i < KEYS_N; i++) {
        yyjson_val *v = yyjson_obj_get(object, keys[i]);
        if (yyjson_is_str(v)) return v;
    }
    return NULL;
}

bool reader_json_line(struct reader_json *j, struct arena *a, struct span line, struct record *rec) {
    yyjson_val *object = parse_object(j, line);
    yyjson_val *message = object ? find_string(object, MESSAGE_KEYS) : NULL;
    if (!message) return false;
    struct span m = arena_copy(a, (struct span){yyjson_get_str(message), yyjson_get_len(message)});
    if (!m.p) return false;
    yyjson_val *source = find_string(object, SOURCE_KEYS);
    if (source) {
        struct span s = arena_copy(a, (struct span){yyjson_get_str(source), yyjson_get_len(source)});
        if (s.p) rec->source = s;
    }
    rec->message = m;
    return true;
}
