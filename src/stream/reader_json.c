#include "stream/reader_json.h"

#include "base/must.h"
#include "data/field.h"
#include "stream/reader.h"

#include <yyjson.h>

/* yyjson needs at most 12 times the text plus a little for a parse; longer lines are not taken as JSON. */
enum { JSON_POOL_BYTES = 12 * CHUNK_LINE_MAX + 4096 };

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

bool reader_json_line(struct reader_json *j, struct arena *a, struct span line, struct record *rec) {
    yyjson_val *object = parse_object(j, line);
    struct span message = object ? field_in_object(object, FIELD_MESSAGE) : (struct span){0};
    if (!message.p || !(message = arena_copy(a, message)).p) return false;
    struct span source = arena_copy(a, field_in_object(object, FIELD_SOURCE));
    if (source.n > 0) rec->source = source;
    rec->message = message;
    return true;
}
