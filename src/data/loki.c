#include "data/loki.h"

#include "data/field.h"
#include "data/loki_wire.h"
#include "text/proto.h"
#include "text/rfc3339.h"

#include <stdlib.h>
#include <yyjson.h>

enum { LABEL_TEXT_MAX = 64 << 10, NANOS_DIGITS_MAX = 19 };

static const uint64_t NS = 1000000000u;

struct loki_reader {
    struct intake *in;
    struct err *e;
    struct arena texts; /* of one stream's labels, and of messages in lines */
    struct attr attr[INTAKE_ATTRS_MAX];
    uint32_t stream_n, n; /* labels; with the metadata of one entry behind them */
};

struct loki_entry {
    struct span line;
    uint64_t time_ns;
};

static bool loki_broken(struct loki_reader *r, const char *what) {
    return intake_malformed(r->in, r->e, what);
}

static void loki_add_attr(struct loki_reader *r, struct span key, struct span value) {
    if (key.n > 0 && value.n > 0 && r->n < INTAKE_ATTRS_MAX) r->attr[r->n++] = (struct attr){key, value};
}

/* ---- one entry into the chunk ---- */

static struct span loki_attr(const struct loki_reader *r, const char *const *names) {
    for (; *names; names++)
        for (uint32_t i = 0; i < r->n; i++)
            if (span_eq(r->attr[i].key, span_of(*names))) return r->attr[i].value;
    return (struct span){0};
}

/* A line that is a JSON object is judged by its message. */
static struct span loki_message(struct loki_reader *r, struct span line) {
    struct span trimmed = span_trim(line);
    if (trimmed.n < 2 || trimmed.p[0] != '{' || trimmed.p[trimmed.n - 1] != '}') return (struct span){0};
    yyjson_doc *doc = yyjson_read(trimmed.p, trimmed.n, 0);
    struct span message = field_in_object(yyjson_doc_get_root(doc), FIELD_MESSAGE);
    if (message.p) message = arena_copy(&r->texts, message);
    yyjson_doc_free(doc);
    return message;
}

static bool loki_store(struct loki_reader *r, const struct loki_entry *entry) {
    static const char *const SOURCE[] = {"service_name", "app", "job", "unit", NULL};
    static const char *const HOST[] = {"host", "hostname", "host_name", NULL};
    struct span message = loki_message(r, entry->line), source = loki_attr(r, SOURCE), host = loki_attr(r, HOST);
    size_t bytes = r->n * sizeof(struct attr) + entry->line.n + message.n + source.n + host.n;
    for (uint32_t i = 0; i < r->n; i++) bytes += r->attr[i].key.n + r->attr[i].value.n;
    if (!intake_room(r->in, bytes)) return false;
    struct attr *v = intake_attrs(r->in, r->n);
    struct span line = intake_copy(r->in, entry->line), judged = message.p ? intake_copy(r->in, message) : line;
    struct span own_source = intake_copy(r->in, source);
    struct origin *o = intake_add(r->in, own_source, span_sub(judged, 0, CHUNK_LINE_MAX));
    if (message.p || line.n > CHUNK_LINE_MAX) o->body = line;
    if (message.p) o->raw = line;
    for (uint32_t i = 0; i < r->n; i++)
        v[i] = (struct attr){intake_copy(r->in, r->attr[i].key), intake_copy(r->in, r->attr[i].value)};
    o->attr = v;
    o->attr_n = r->n;
    o->stream_n = r->stream_n;
    o->time_ns = entry->time_ns;
    o->host = intake_copy(r->in, host);
    return true;
}

/* ---- labels: {name="value", …} with the escapes of Go ---- */

static void loki_skip_blanks(struct span *s) {
    while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == ',' || s->p[0] == '\t')) *s = span_sub(*s, 1, s->n);
}

/* A quoted value; false: it is none. */
static bool loki_take_quoted(struct loki_reader *r, struct span *s, struct span *value) {
    char *to = s->n > 0 ? arena_alloc(&r->texts, s->n) : NULL;
    size_t i = 1, n = 0;
    if (!to || s->p[0] != '"') return false;
    for (; i < s->n && s->p[i] != '"'; i++) {
        char c = s->p[i];
        if (c == '\\' && ++i < s->n)
            c = s->p[i] == 'n' ? '\n' : s->p[i] == 't' ? '\t' : s->p[i] == 'r' ? '\r' : s->p[i];
        to[n++] = c;
    }
    if (i >= s->n) return false;
    *value = (struct span){to, n};
    *s = span_sub(*s, i + 1, s->n);
    return true;
}

static bool loki_take_labels(struct loki_reader *r, struct span text) {
    text = span_trim(text);
    if (text.n == 0) return true;
    if (text.n > LABEL_TEXT_MAX || text.n < 2 || text.p[0] != '{' || text.p[text.n - 1] != '}') return false;
    text = span_sub(text, 1, text.n - 1);
    for (loki_skip_blanks(&text); text.n > 0; loki_skip_blanks(&text)) {
        const char *eq = memchr(text.p, '=', text.n);
        struct span key, value;
        if (!eq) return false;
        key = span_trim(span_sub(text, 0, (size_t)(eq - text.p)));
        text = span_trim(span_sub(text, (size_t)(eq - text.p) + 1, text.n));
        if (!loki_take_quoted(r, &text, &value)) return false;
        loki_add_attr(r, key, value);
    }
    return true;
}

/* ---- the wire form ---- */

static bool loki_read_time(struct span s, uint64_t *ns) {
    struct proto_field f;
    uint64_t seconds = 0, nanos = 0;
    while (proto_take(&s, &f)) {
        if (f.type != PROTO_VARINT) continue;
        if (f.number == TIME_SECONDS) seconds = f.value;
        if (f.number == TIME_NANOS) nanos = f.value;
    }
    bool sane = seconds < UINT64_MAX / NS && nanos < NS;
    *ns = sane ? seconds * NS + nanos : 0;
    return s.n == 0;
}

static bool loki_read_pair(struct loki_reader *r, struct span pair) {
    struct proto_field f;
    struct span key = {0}, value = {0};
    while (proto_take(&pair, &f)) {
        if (f.number == PAIR_NAME && f.type == PROTO_BYTES) key = f.bytes;
        if (f.number == PAIR_VALUE && f.type == PROTO_BYTES) value = f.bytes;
    }
    loki_add_attr(r, key, value);
    return pair.n == 0;
}

static bool loki_read_entry(struct loki_reader *r, struct span entry) {
    struct loki_entry x = {.line = SPAN_LIT("")};
    struct proto_field f;
    bool ok = true;
    r->n = r->stream_n;
    while (ok && proto_take(&entry, &f)) {
        if (f.type != PROTO_BYTES) continue;
        if (f.number == ENTRY_TIME) ok = loki_read_time(f.bytes, &x.time_ns);
        if (f.number == ENTRY_LINE && f.bytes.n > 0) x.line = f.bytes;
        if (f.number == ENTRY_METADATA) ok = loki_read_pair(r, f.bytes);
    }
    if (!ok || entry.n > 0) return loki_broken(r, "an entry is not well-formed");
    return loki_store(r, &x);
}

static bool loki_read_stream(struct loki_reader *r, struct span stream) {
    struct proto_field f;
    struct span rest = stream, labels = {0};
    arena_reset(&r->texts);
    r->n = 0;
    while (proto_take(&rest, &f))
        if (f.number == STREAM_LABELS && f.type == PROTO_BYTES) labels = f.bytes;
    if (rest.n > 0) return loki_broken(r, "a stream is not well-formed");
    if (!loki_take_labels(r, labels)) return loki_broken(r, "labels: expected {name=\"value\", …}");
    r->stream_n = r->n;
    while (proto_take(&stream, &f))
        if (f.number == STREAM_ENTRIES && f.type == PROTO_BYTES && !loki_read_entry(r, f.bytes)) return false;
    return true;
}

bool loki_read(struct span request, struct intake *in, struct err *e) {
    struct loki_reader r = {.in = in, .e = e};
    struct proto_field f;
    bool ok = true;
    arena_init(&r.texts, 8 * (size_t)INTAKE_RECORD_MAX);
    while (ok && proto_take(&request, &f))
        if (f.number == PUSH_STREAMS && f.type == PROTO_BYTES) ok = loki_read_stream(&r, f.bytes);
    if (ok && request.n > 0) ok = loki_broken(&r, "it is no PushRequest");
    arena_release(&r.texts);
    return ok;
}

/* ---- JSON ---- */

static struct span loki_string(yyjson_val *v) {
    return yyjson_is_str(v) ? (struct span){yyjson_get_str(v), yyjson_get_len(v)} : (struct span){0};
}

static bool loki_json_pairs(struct loki_reader *r, yyjson_val *object) {
    yyjson_obj_iter it;
    yyjson_val *key;
    if (!object) return true;
    if (!yyjson_is_obj(object)) return false;
    yyjson_obj_iter_init(object, &it);
    while ((key = yyjson_obj_iter_next(&it))) {
        yyjson_val *v = yyjson_obj_iter_get_val(key);
        if (!yyjson_is_str(v)) return false;
        loki_add_attr(r, loki_string(key), loki_string(v));
    }
    return true;
}

/* Nanoseconds since the epoch, as a string of digits or a number. */
static bool loki_json_time(yyjson_val *v, uint64_t *ns) {
    struct span s = loki_string(v);
    *ns = yyjson_is_uint(v) ? yyjson_get_uint(v) : 0;
    if (yyjson_is_uint(v)) return true;
    if (s.n == 0 || s.n > NANOS_DIGITS_MAX) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
        *ns = 10 * *ns + (uint64_t)(s.p[i] - '0');
    }
    return true;
}

static bool loki_json_value(struct loki_reader *r, yyjson_val *v) {
    struct loki_entry x = {0};
    yyjson_val *line = yyjson_arr_get(v, 1);
    r->n = r->stream_n;
    if (!yyjson_is_str(line) || !loki_json_time(yyjson_arr_get(v, 0), &x.time_ns) ||
        !loki_json_pairs(r, yyjson_arr_get(v, 2)))
        return loki_broken(r,
                           "a value: expected [\"nanoseconds\", \"line\"], perhaps with an object of strings behind");
    x.line = loki_string(line);
    return loki_store(r, &x);
}

static bool loki_json_stream(struct loki_reader *r, yyjson_val *stream) {
    yyjson_val *values = yyjson_obj_get(stream, "values"), *v;
    yyjson_arr_iter it;
    arena_reset(&r->texts);
    r->n = 0;
    if (!loki_json_pairs(r, yyjson_obj_get(stream, "stream")))
        return loki_broken(r, "stream: expected an object of strings");
    r->stream_n = r->n;
    if (!yyjson_is_arr(values)) return loki_broken(r, "values: expected an array");
    yyjson_arr_iter_init(values, &it);
    while ((v = yyjson_arr_iter_next(&it)))
        if (!loki_json_value(r, v)) return false;
    return true;
}

bool loki_read_json(struct span request, struct intake *in, struct err *e) {
    struct loki_reader r = {.in = in, .e = e};
    yyjson_doc *doc = request.n ? yyjson_read(request.p, request.n, 0) : NULL;
    yyjson_val *streams = yyjson_obj_get(yyjson_doc_get_root(doc), "streams"), *v;
    yyjson_arr_iter it;
    arena_init(&r.texts, 8 * (size_t)INTAKE_RECORD_MAX);
    bool ok = yyjson_is_arr(streams) || loki_broken(&r, "expected a JSON object with an array of streams");
    if (ok) yyjson_arr_iter_init(streams, &it);
    while (ok && (v = yyjson_arr_iter_next(&it))) ok = loki_json_stream(&r, v);
    arena_release(&r.texts);
    yyjson_doc_free(doc);
    return ok;
}
