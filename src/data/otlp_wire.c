#include "data/otlp_wire.h"

#include "base/json_out.h"
#include "text/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool otlp_wire_pair(struct span pair, struct span *key, struct span *value) {
    struct proto_field f;
    *key = *value = (struct span){0};
    while (proto_take(&pair, &f)) {
        if (f.number == KEY_VALUE_KEY && f.type == PROTO_BYTES) *key = f.bytes;
        if (f.number == KEY_VALUE_VALUE && f.type == PROTO_BYTES) *value = f.bytes;
    }
    return pair.n == 0;
}

/* The field that the value consists of: the last one wins. */
static bool otlp_wire_value(struct span value, struct proto_field *of) {
    struct proto_field f;
    *of = (struct proto_field){0};
    while (proto_take(&value, &f))
        if (f.number >= VALUE_STRING && f.number <= VALUE_BYTES) *of = f;
    return value.n == 0;
}

bool otlp_wire_string(struct span value, struct span *text, uint32_t *kind) {
    struct proto_field f;
    *text = (struct span){0};
    if (!otlp_wire_value(value, &f)) return false;
    *kind = f.number;
    if (f.number == VALUE_STRING && f.type == PROTO_BYTES) *text = f.bytes.p ? f.bytes : SPAN_LIT("");
    return true;
}

static void put_json_string(struct buf *out, struct span s) {
    if (s.n == 0) s = SPAN_LIT("");
    if (utf8_valid(s) == s.n) {
        json_out_string(out, s);
        return;
    }
    char *fixed = malloc(3 * s.n + 1);
    if (fixed)
        json_out_string(out, (struct span){fixed, utf8_repair(s, fixed)});
    else
        out->failed = true;
    free(fixed);
}

static void put_json_double(struct buf *out, uint64_t bits) {
    char text[40];
    double v;
    memcpy(&v, &bits, sizeof v);
    if (!isfinite(v)) {
        buf_puts(out, isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    snprintf(text, sizeof text, "%.15g", v);
    if (strtod(text, NULL) < v || strtod(text, NULL) > v) snprintf(text, sizeof text, "%.17g", v);
    buf_puts(out, text);
}

static bool put_json_array(struct buf *out, struct span list, unsigned depth) {
    struct proto_field f;
    const char *before = "";
    buf_putc(out, '[');
    while (proto_take(&list, &f)) {
        if (f.number != LIST_VALUES || f.type != PROTO_BYTES) continue;
        buf_puts(out, before);
        before = ",";
        if (!otlp_wire_json(out, f.bytes, depth + 1)) return false;
    }
    buf_putc(out, ']');
    return list.n == 0;
}

static bool put_json_object(struct buf *out, struct span list, unsigned depth) {
    struct proto_field f;
    struct span key, value;
    const char *before = "";
    buf_putc(out, '{');
    while (proto_take(&list, &f)) {
        if (f.number != LIST_VALUES || f.type != PROTO_BYTES) continue;
        if (!otlp_wire_pair(f.bytes, &key, &value)) return false;
        buf_puts(out, before);
        before = ",";
        put_json_string(out, key);
        buf_putc(out, ':');
        if (!otlp_wire_json(out, value, depth + 1)) return false;
    }
    buf_putc(out, '}');
    return list.n == 0;
}

bool otlp_wire_json(struct buf *out, struct span value, unsigned depth) {
    struct proto_field f;
    if (depth > OTLP_DEPTH_MAX || !otlp_wire_value(value, &f)) return false;
    bool bytes = f.type == PROTO_BYTES;
    if (f.number == VALUE_STRING && bytes)
        put_json_string(out, f.bytes);
    else if (f.number == VALUE_BOOL && f.type == PROTO_VARINT)
        buf_puts(out, f.value ? "true" : "false");
    else if (f.number == VALUE_INT && f.type == PROTO_VARINT)
        buf_printf(out, "%" PRId64, (int64_t)f.value);
    else if (f.number == VALUE_DOUBLE && f.type == PROTO_FIXED64)
        put_json_double(out, f.value);
    else if (f.number == VALUE_ARRAY && bytes)
        return put_json_array(out, f.bytes, depth);
    else if (f.number == VALUE_KVLIST && bytes)
        return put_json_object(out, f.bytes, depth);
    else if (f.number == VALUE_BYTES && bytes)
        json_out_base64(out, f.bytes);
    else
        buf_puts(out, "null");
    return true;
}
