/* Records → entries and the streams they belong to. */
#include "data/loki.h"

#include "data/loki_wire.h"
#include "text/proto.h"
#include "text/rfc3339.h"

static const struct origin NO_ORIGIN;
static const uint64_t NS = 1000000000u;
static const char *const SEVERITY[] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};

static const struct origin *loki_origin(const struct chunk *c, uint32_t i) {
    return c->origin ? &c->origin[i] : &NO_ORIGIN;
}

/* A name as Loki allows it: letters, digits and underscores. */
static void loki_escaped(struct buf *out, struct span name) {
    if (name.n > 0 && name.p[0] >= '0' && name.p[0] <= '9') buf_putc(out, '_');
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i], lower = (char)(c | 0x20);
        bool fine = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
        buf_putc(out, fine ? c : '_');
    }
}

static void loki_quoted(struct buf *out, struct span s) {
    buf_putc(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') buf_putc(out, '\\');
        if (s.p[i] == '\n')
            buf_puts(out, "\\n");
        else
            buf_putc(out, s.p[i]);
    }
    buf_putc(out, '"');
}

static void put_label(struct buf *out, struct span name, struct span value, bool *any) {
    if (value.n == 0) return;
    buf_puts(out, *any ? ", " : "");
    loki_escaped(out, name);
    buf_putc(out, '=');
    loki_quoted(out, value);
    *any = true;
}

void loki_put_labels(struct buf *out, const struct attr *label, uint32_t n) {
    bool any = false;
    buf_putc(out, '{');
    for (uint32_t i = 0; i < n; i++) put_label(out, label[i].key, label[i].value, &any);
    buf_putc(out, '}');
}

static bool is_same_name(struct span a, struct span b) {
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++)
        if (a.p[i] != b.p[i] && !(a.p[i] == '.' && b.p[i] == '_')) return false;
    return true;
}

static struct span loki_value(const struct chunk *c, uint32_t i, struct span name, struct span label) {
    const struct origin *o = loki_origin(c, i);
    if (span_eq(name, SPAN_LIT("service_name"))) return c->rec[i].source;
    if (span_eq(name, SPAN_LIT("host"))) return o->host;
    if (span_eq(name, SPAN_LIT("filename"))) return o->file;
    if (span_eq(name, SPAN_LIT("logclass_label"))) return label;
    for (uint32_t k = 0; k < o->attr_n; k++)
        if (is_same_name(o->attr[k].key, name)) return o->attr[k].value;
    return (struct span){0};
}

void loki_put_stream(struct buf *out, const struct chunk *c, uint32_t i, const char *names, struct span label) {
    const struct origin *o = loki_origin(c, i);
    struct span list = span_of(names);
    bool any = false;
    if (o->stream_n > 0) {
        loki_put_labels(out, o->attr, o->stream_n);
        return;
    }
    buf_putc(out, '{');
    while (list.n > 0) {
        const char *comma = memchr(list.p, ',', list.n);
        size_t n = comma ? (size_t)(comma - list.p) : list.n;
        struct span name = span_trim(span_sub(list, 0, n));
        put_label(out, name, loki_value(c, i, name, label), &any);
        list = span_sub(list, n + 1, list.n);
    }
    if (!any) buf_puts(out, "job=\"logclass\"");
    buf_putc(out, '}');
}

uint64_t loki_time(const struct chunk *c, uint32_t i, uint64_t now_ns) {
    uint64_t ns = chunk_time_ns(loki_origin(c, i));
    return ns ? ns : now_ns;
}

/* ---- an entry ---- */

/* The name's dots become underscores, as Loki does with what comes by OTLP. */
static void put_metadata(struct buf *out, struct span name, struct span value) {
    if (value.n == 0) return;
    size_t escaped = name.n + (name.p[0] >= '0' && name.p[0] <= '9');
    proto_put_head(out, ENTRY_METADATA, proto_bytes_size(PAIR_NAME, escaped) + proto_bytes_size(PAIR_VALUE, value.n));
    proto_put_head(out, PAIR_NAME, escaped);
    loki_escaped(out, name);
    proto_put_bytes(out, PAIR_VALUE, value);
}

static bool loki_is_old_answer(struct span name) {
    return is_same_name(name, SPAN_LIT("logclass_label")) || is_same_name(name, SPAN_LIT("logclass_confidence")) ||
           is_same_name(name, SPAN_LIT("logclass_stage"));
}

static void put_time(struct buf *out, uint64_t ns) {
    uint64_t seconds = ns / NS, nanos = ns % NS;
    proto_put_head(out, ENTRY_TIME, 2 + proto_varint_size(seconds) + proto_varint_size(nanos));
    proto_put_uint(out, TIME_SECONDS, seconds);
    proto_put_uint(out, TIME_NANOS, nanos);
}

static void put_all_metadata(struct buf *out, const struct record *rec, const struct origin *o) {
    if (o->stream_n == 0) {
        put_metadata(out, SPAN_LIT("service_name"), rec->source);
        put_metadata(out, SPAN_LIT("host"), o->host);
    }
    put_metadata(out, SPAN_LIT("filename"), o->file);
    if (o->severity > 0) put_metadata(out, SPAN_LIT("severity_text"), span_of(SEVERITY[o->severity - 1]));
    for (uint32_t i = o->stream_n; i < o->attr_n; i++)
        if (o->attr[i].key.n > 0 && !loki_is_old_answer(o->attr[i].key))
            put_metadata(out, o->attr[i].key, o->attr[i].value);
    if (o->truncated) put_metadata(out, SPAN_LIT("logclass_truncated"), SPAN_LIT("true"));
}

void loki_put_entry(struct buf *out, const struct chunk *c, uint32_t i, uint64_t time_ns, const struct loki_answer *a) {
    enum { HEAD_MAX = 16 };
    const struct origin *o = loki_origin(c, i);
    struct span body = o->body.p ? o->body : c->rec[i].message;
    size_t at = out->n;
    if (!buf_reserve(out, HEAD_MAX)) return;
    out->n += HEAD_MAX;
    put_time(out, time_ns);
    proto_put_bytes(out, ENTRY_LINE, body);
    put_all_metadata(out, &c->rec[i], o);
    put_metadata(out, SPAN_LIT("logclass_label"), a->label);
    put_metadata(out, SPAN_LIT("logclass_confidence"), a->confidence);
    put_metadata(out, SPAN_LIT("logclass_stage"), a->stage);
    if (out->failed) return;
    size_t n = out->n - at - HEAD_MAX, head = proto_bytes_size(STREAM_ENTRIES, n) - n;
    memmove(out->p + at + head, out->p + at + HEAD_MAX, n);
    out->n = at;
    proto_put_head(out, STREAM_ENTRIES, n);
    out->n += n;
}
