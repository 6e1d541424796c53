/* OTLP's JSON form, proto3's but for ids, which are hexadecimal: member by member into the wire form. 64-bit numbers
 * may be strings or numbers, enumerations are numbers. */
#include "data/otlp.h"

#include "data/otlp_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <yyjson.h>

enum { PART_BYTES_MAX = 64 << 20, NUMBER_BYTES_MAX = 32 };

struct otlp_json {
    struct err *e;
};

static bool json_bad(struct otlp_json *j, const char *what) {
    return err_set(j->e, ERR_INPUT, "%s", what);
}

/* A number, or a string of digits; false: neither. */
static bool json_uint(yyjson_val *v, uint64_t *n) {
    if (yyjson_is_uint(v)) {
        *n = yyjson_get_uint(v);
        return true;
    }
    if (yyjson_is_sint(v)) {
        *n = (uint64_t)yyjson_get_sint(v);
        return true;
    }
    const char *s = yyjson_get_str(v);
    char *end;
    if (!s || !*s || strlen(s) > NUMBER_BYTES_MAX) return false;
    errno = 0;
    *n = *s == '-' ? (uint64_t)strtoll(s, &end, 10) : strtoull(s, &end, 10);
    return errno == 0 && !*end && *s != ' ' && *s != '+';
}

static bool json_double(yyjson_val *v, double *d) {
    if (yyjson_is_num(v)) {
        *d = yyjson_get_num(v);
        return true;
    }
    const char *s = yyjson_get_str(v);
    char *end;
    if (!s || !*s) return false;
    *d = strtod(s, &end);
    return !*end;
}

static struct span json_string(yyjson_val *v) {
    return yyjson_is_str(v) ? (struct span){yyjson_get_str(v), yyjson_get_len(v)} : (struct span){0};
}

/* ---- bytes ---- */

static int json_hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool json_put_hex(struct buf *out, uint32_t number, struct span hex) {
    if (hex.n % 2) return false;
    proto_put_head(out, number, hex.n / 2);
    for (size_t i = 0; i < hex.n; i += 2) {
        int high = json_hex_digit(hex.p[i]), low = json_hex_digit(hex.p[i + 1]);
        if (high < 0 || low < 0) return false;
        buf_putc(out, (char)(high << 4 | low));
    }
    return true;
}

static int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static bool json_put_base64(struct buf *out, uint32_t number, struct span s) {
    while (s.n > 0 && s.p[s.n - 1] == '=') s.n--;
    if (s.n % 4 == 1) return false;
    proto_put_head(out, number, s.n / 4 * 3 + (s.n % 4 ? s.n % 4 - 1 : 0));
    unsigned v = 0, bits = 0;
    for (size_t i = 0; i < s.n; i++) {
        int digit = base64_digit(s.p[i]);
        if (digit < 0) return false;
        v = v << 6 | (unsigned)digit;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        buf_putc(out, (char)(v >> bits));
    }
    return true;
}

/* ---- messages: each is written into a buffer of its own, then framed ---- */

typedef bool json_write(struct otlp_json *j, struct buf *out, yyjson_val *v, unsigned depth);

static bool json_framed(struct otlp_json *j, struct buf *out, uint32_t number, yyjson_val *v, json_write *write,
                        unsigned depth) {
    struct buf part;
    buf_init(&part, PART_BYTES_MAX);
    bool ok = write(j, &part, v, depth);
    out->failed |= part.failed;
    if (ok) proto_put_bytes(out, number, buf_span(&part));
    buf_release(&part);
    return ok;
}

/* Every element of the array; not there is fine. */
struct json_list {
    uint32_t number;
    const char *name;
    json_write *write;
};

static bool json_each(struct otlp_json *j, struct buf *out, yyjson_val *parent, const struct json_list *l,
                      unsigned depth) {
    yyjson_val *list = yyjson_obj_get(parent, l->name), *v;
    yyjson_arr_iter it;
    if (!list || yyjson_is_null(list)) return true;
    if (!yyjson_is_arr(list)) return err_set(j->e, ERR_INPUT, "%s: expected an array", l->name);
    yyjson_arr_iter_init(list, &it);
    while ((v = yyjson_arr_iter_next(&it)))
        if (!json_framed(j, out, l->number, v, l->write, depth)) return false;
    return true;
}

static void json_put_text(struct buf *out, uint32_t number, yyjson_val *parent, const char *name) {
    struct span s = json_string(yyjson_obj_get(parent, name));
    if (s.n > 0) proto_put_bytes(out, number, s);
}

static bool json_put_number(struct otlp_json *j, struct buf *out, uint32_t number, yyjson_val *parent,
                            const char *name) {
    uint64_t n;
    yyjson_val *v = yyjson_obj_get(parent, name);
    if (!v || yyjson_is_null(v)) return true;
    if (!json_uint(v, &n)) return err_set(j->e, ERR_INPUT, "%s: expected a number", name);
    if (n) proto_put_uint(out, number, n);
    return true;
}

static json_write json_value;

static bool json_pair(struct otlp_json *j, struct buf *out, yyjson_val *v, unsigned depth) {
    if (!yyjson_is_obj(v)) return json_bad(j, "an attribute: expected an object");
    json_put_text(out, KEY_VALUE_KEY, v, "key");
    yyjson_val *value = yyjson_obj_get(v, "value");
    return !value || yyjson_is_null(value) || json_framed(j, out, KEY_VALUE_VALUE, value, json_value, depth + 1);
}

static bool json_values(struct otlp_json *j, struct buf *out, yyjson_val *v, unsigned depth) {
    return json_each(j, out, v, &(struct json_list){LIST_VALUES, "values", json_value}, depth + 1);
}

static bool json_pairs(struct otlp_json *j, struct buf *out, yyjson_val *v, unsigned depth) {
    return json_each(j, out, v, &(struct json_list){LIST_VALUES, "values", json_pair}, depth + 1);
}

static bool json_value(struct otlp_json *j, struct buf *out, yyjson_val *v, unsigned depth) {
    yyjson_val *of;
    uint64_t n;
    double d;
    if (depth > OTLP_DEPTH_MAX) return json_bad(j, "a value is nested too deep");
    if (!yyjson_is_obj(v)) return json_bad(j, "a value: expected an object");
    if ((of = yyjson_obj_get(v, "stringValue")))
        proto_put_bytes(out, VALUE_STRING, json_string(of));
    else if ((of = yyjson_obj_get(v, "boolValue")))
        proto_put_uint(out, VALUE_BOOL, yyjson_get_bool(of));
    else if ((of = yyjson_obj_get(v, "intValue")))
        return json_uint(of, &n) ? proto_put_uint(out, VALUE_INT, n), true : json_bad(j, "intValue: expected a number");
    else if ((of = yyjson_obj_get(v, "doubleValue")))
        return json_double(of, &d) ? proto_put_double(out, VALUE_DOUBLE, d),
               true                : json_bad(j, "doubleValue: expected a number");
    else if ((of = yyjson_obj_get(v, "arrayValue")))
        return json_framed(j, out, VALUE_ARRAY, of, json_values, depth);
    else if ((of = yyjson_obj_get(v, "kvlistValue")))
        return json_framed(j, out, VALUE_KVLIST, of, json_pairs, depth);
    else if ((of = yyjson_obj_get(v, "bytesValue")))
        return json_put_base64(out, VALUE_BYTES, json_string(of)) || json_bad(j, "bytesValue: expected base64");
    return true;
}

static bool json_put_time(struct otlp_json *j, struct buf *out, uint32_t number, yyjson_val *parent, const char *name) {
    uint64_t n;
    yyjson_val *v = yyjson_obj_get(parent, name);
    if (!v || yyjson_is_null(v)) return true;
    if (!json_uint(v, &n)) return err_set(j->e, ERR_INPUT, "%s: expected nanoseconds since the epoch", name);
    if (n) proto_put_fixed64(out, number, n);
    return true;
}

static bool json_put_id(struct otlp_json *j, struct buf *out, uint32_t number, yyjson_val *parent, const char *name) {
    struct span hex = json_string(yyjson_obj_get(parent, name));
    return hex.n == 0 || json_put_hex(out, number, hex) || err_set(j->e, ERR_INPUT, "%s: expected hexadecimal", name);
}

static bool json_record(struct otlp_json *j, struct buf *out, yyjson_val *v, unsigned depth) {
    static const struct json_list ATTRIBUTES = {RECORD_ATTRIBUTES, "attributes", json_pair};
    uint64_t flags = 0;
    if (!yyjson_is_obj(v)) return json_bad(j, "a record: expected an object");
    yyjson_val *body = yyjson_obj_get(v, "body"), *flag = yyjson_obj_get(v, "flags");
    bool ok = json_put_time(j, out, RECORD_TIME, v, "timeUnixNano") &&
              json_put_time(j, out, RECORD_OBSERVED_TIME, v, "observedTimeUnixNano") &&
              json_put_number(j, out, RECORD_SEVERITY, v, "severityNumber") &&
              (!body || yyjson_is_null(body) || json_framed(j, out, RECORD_BODY, body, json_value, depth + 1)) &&
              json_each(j, out, v, &ATTRIBUTES, depth + 1) &&
              json_put_number(j, out, RECORD_DROPPED, v, "droppedAttributesCount") &&
              json_put_id(j, out, RECORD_TRACE_ID, v, "traceId") && json_put_id(j, out, RECORD_SPAN_ID, v, "spanId");
    json_put_text(out, RECORD_SEVERITY_TEXT, v, "severityText");
    json_put_text(out, RECORD_EVENT_NAME, v, "eventName");
    if (ok && flag && json_uint(flag, &flags) && flags) proto_put_fixed32(out, RECORD_FLAGS, (uint32_t)flags);
    return ok;
}

static bool json_scope(struct otlp_json *j, struct buf *out, yyjson_val *v, unsigned depth) {
    static const struct json_list ATTRIBUTES = {SCOPE_ATTRIBUTES, "attributes", json_pair};
    json_put_text(out, SCOPE_NAME, v, "name");
    json_put_text(out, SCOPE_VERSION, v, "version");
    return json_each(j, out, v, &ATTRIBUTES, depth + 1) &&
           json_put_number(j, out, SCOPE_DROPPED, v, "droppedAttributesCount");
}

static bool json_scope_logs(struct otlp_json *j, struct buf *out, yyjson_val *v, unsigned depth) {
    static const struct json_list RECORDS = {SCOPE_LOGS_RECORDS, "logRecords", json_record};
    yyjson_val *scope = yyjson_obj_get(v, "scope");
    if (!yyjson_is_obj(v)) return json_bad(j, "scopeLogs: expected objects");
    if (scope && !json_framed(j, out, SCOPE_LOGS_SCOPE, scope, json_scope, depth + 1)) return false;
    json_put_text(out, SCOPE_LOGS_SCHEMA_URL, v, "schemaUrl");
    return json_each(j, out, v, &RECORDS, depth + 1);
}

static bool json_resource(struct otlp_json *j, struct buf *out, yyjson_val *v, unsigned depth) {
    static const struct json_list ATTRIBUTES = {RESOURCE_ATTRIBUTES, "attributes", json_pair};
    return json_each(j, out, v, &ATTRIBUTES, depth + 1) &&
           json_put_number(j, out, RESOURCE_DROPPED, v, "droppedAttributesCount");
}

static bool json_resource_logs(struct otlp_json *j, struct buf *out, yyjson_val *v, unsigned depth) {
    static const struct json_list SCOPES = {RESOURCE_LOGS_SCOPE_LOGS, "scopeLogs", json_scope_logs};
    yyjson_val *resource = yyjson_obj_get(v, "resource");
    if (!yyjson_is_obj(v)) return json_bad(j, "resourceLogs: expected objects");
    if (resource && !json_framed(j, out, RESOURCE_LOGS_RESOURCE, resource, json_resource, depth + 1)) return false;
    json_put_text(out, RESOURCE_LOGS_SCHEMA_URL, v, "schemaUrl");
    return json_each(j, out, v, &SCOPES, depth + 1);
}

bool otlp_json_to_wire(struct span json, struct buf *out, struct err *e) {
    static const struct json_list LOGS = {REQUEST_RESOURCE_LOGS, "resourceLogs", json_resource_logs};
    struct otlp_json j = {e};
    yyjson_doc *doc = json.n ? yyjson_read(json.p, json.n, 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    bool ok = yyjson_is_obj(root) ? json_each(&j, out, root, &LOGS, 0)
                                  : json_bad(&j, "expected a JSON object with resourceLogs");
    yyjson_doc_free(doc);
    if (ok && out->failed) ok = err_set(e, ERR_LIMIT, "the request is too large");
    return ok;
}
