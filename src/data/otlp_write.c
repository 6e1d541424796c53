/* Records → requests. A record that came as OTLP is spliced: all its fields are copied as they are, but for attributes
 * under our names, and ours are put behind them. */
#include "data/otlp.h"

#include "data/otlp_wire.h"

static const struct origin NO_ORIGIN;

static const struct origin *origin_of(const struct chunk *c, uint32_t i) {
    return c->origin ? &c->origin[i] : &NO_ORIGIN;
}

static size_t string_attr_size(struct span key, struct span text) {
    size_t value = proto_bytes_size(VALUE_STRING, text.n);
    return proto_bytes_size(KEY_VALUE_KEY, key.n) + proto_bytes_size(KEY_VALUE_VALUE, value);
}

static char *text_at(char *p, struct span s) {
    if (s.n > 0) memcpy(p, s.p, s.n);
    return p + s.n;
}

/* An attribute all of whose lengths fit in a byte, as nearly all do. */
static char *short_attr_at(char *p, uint32_t number, struct span key, struct span text) {
    enum { BYTES = PROTO_BYTES };
    size_t value = 2 + text.n;
    *p++ = (char)(number << 3 | BYTES), *p++ = (char)(2 + key.n + 2 + value);
    *p++ = KEY_VALUE_KEY << 3 | BYTES, *p++ = (char)key.n;
    p = text_at(p, key);
    *p++ = KEY_VALUE_VALUE << 3 | BYTES, *p++ = (char)value;
    *p++ = VALUE_STRING << 3 | BYTES, *p++ = (char)text.n;
    return text_at(p, text);
}

static char *string_attr_at(char *p, uint32_t number, struct span key, struct span text) {
    enum { SHORT_MAX = 0x7f - 6 };
    if (key.n + text.n <= SHORT_MAX) return short_attr_at(p, number, key, text);
    p = proto_head_at(p, number, string_attr_size(key, text));
    p = text_at(proto_head_at(p, KEY_VALUE_KEY, key.n), key);
    p = proto_head_at(p, KEY_VALUE_VALUE, proto_bytes_size(VALUE_STRING, text.n));
    return text_at(proto_head_at(p, VALUE_STRING, text.n), text);
}

static const struct span LABEL = {"logclass.label", 14}, STAGE = {"logclass.stage", 14},
                         CONFIDENCE = {"logclass.confidence", 19};

/* The same shape each time, but for the number. */
static char *confidence_at(char *p, double v) {
    static const char HEAD[] = {RECORD_ATTRIBUTES << 3 | PROTO_BYTES, 2 + 19 + 2 + 9, KEY_VALUE_KEY << 3 | PROTO_BYTES,
                                19},
                      TAIL[] = {KEY_VALUE_VALUE << 3 | PROTO_BYTES, 9, VALUE_DOUBLE << 3 | PROTO_FIXED64};
    uint64_t bits;
    p = text_at(p, (struct span){HEAD, sizeof HEAD});
    p = text_at(p, CONFIDENCE);
    p = text_at(p, (struct span){TAIL, sizeof TAIL});
    memcpy(&bits, &v, sizeof bits);
    for (unsigned i = 0; i < sizeof bits; i++) *p++ = (char)(bits >> 8 * i);
    return p;
}

/* Every record has one, so room is made for all of it at once. */
static void put_answer(struct buf *out, const struct otlp_answer *a) {
    enum { FIXED = 12 * PROTO_HEAD_MAX + 14 + 14 + 19 + 9 };
    char *room = buf_reserve(out, FIXED + a->label.n + a->stage.n);
    if (!room) return;
    char *p = string_attr_at(room, RECORD_ATTRIBUTES, LABEL, a->label);
    p = confidence_at(p, a->confidence);
    p = string_attr_at(p, RECORD_ATTRIBUTES, STAGE, a->stage);
    out->n += (size_t)(p - room);
}

static bool otlp_is_old_answer(const struct proto_field *f) {
    struct span key, value;
    if (f->number != RECORD_ATTRIBUTES || f->type != PROTO_BYTES || !otlp_wire_pair(f->bytes, &key, &value))
        return false;
    return span_eq(key, LABEL) || span_eq(key, CONFIDENCE) || span_eq(key, STAGE);
}

static void put_without_answer(struct buf *out, struct span record) {
    struct proto_field f;
    while (proto_take(&record, &f))
        if (!otlp_is_old_answer(&f)) buf_put(out, f.whole.p, f.whole.n);
}

/* ---- records of other sources ---- */

static void put_attr(struct buf *out, uint32_t number, struct span key, struct span text) {
    char *room = buf_reserve(out, 4 * PROTO_HEAD_MAX + key.n + text.n);
    if (room) out->n += (size_t)(string_attr_at(room, number, key, text) - room);
}

static void put_attr_unless_empty(struct buf *out, uint32_t number, struct span key, struct span text) {
    if (text.n > 0) put_attr(out, number, key, text);
}

/* OTLP's number and text for syslog's severities (OpenTelemetry's logs data model, appendix B). */
static void put_severity(struct buf *out, unsigned severity) {
    static const struct {
        uint8_t number;
        const char *text;
    } OF[] = {{21, "emerg"},   {19, "alert"},  {18, "crit"}, {17, "err"},
              {13, "warning"}, {10, "notice"}, {9, "info"},  {5, "debug"}};
    if (severity == 0) return;
    proto_put_uint(out, RECORD_SEVERITY, OF[severity - 1].number);
    proto_put_bytes(out, RECORD_SEVERITY_TEXT, span_of(OF[severity - 1].text));
}

static void put_encoded(struct buf *out, const struct record *rec, const struct origin *o) {
    struct span body = o->body.p ? o->body : rec->message;
    uint64_t ns = chunk_time_ns(o);
    if (ns) proto_put_fixed64(out, RECORD_TIME, ns);
    put_severity(out, o->severity);
    proto_put_head(out, RECORD_BODY, proto_bytes_size(VALUE_STRING, body.n));
    proto_put_bytes(out, VALUE_STRING, body);
    put_attr_unless_empty(out, RECORD_ATTRIBUTES, SPAN_LIT("log.file.path"), o->file);
    for (uint32_t i = 0; i < o->attr_n; i++) put_attr(out, RECORD_ATTRIBUTES, o->attr[i].key, o->attr[i].value);
    if (o->truncated) put_attr(out, RECORD_ATTRIBUTES, SPAN_LIT("logclass.truncated"), SPAN_LIT("true"));
}

void otlp_put_record(struct buf *out, const struct chunk *c, uint32_t i, const struct otlp_answer *a) {
    enum { HEAD_MAX = 16, HEAD_LIKELY = 3 /* of 128 to 16,383 bytes; another one is moved */ };
    const struct origin *o = origin_of(c, i);
    char *room = buf_reserve(out, HEAD_MAX);
    size_t at = out->n, head;
    if (!room) return;
    out->n += HEAD_LIKELY;
    if (o->otlp.p && !o->answered)
        buf_put(out, o->otlp.p, o->otlp.n);
    else if (o->otlp.p)
        put_without_answer(out, o->otlp);
    else
        put_encoded(out, &c->rec[i], o);
    put_answer(out, a);
    if (!buf_reserve(out, HEAD_MAX)) return;
    size_t n = out->n - at - HEAD_LIKELY;
    head = proto_bytes_size(SCOPE_LOGS_RECORDS, n) - n;
    if (head != HEAD_LIKELY) memmove(out->p + at + head, out->p + at + HEAD_LIKELY, n);
    out->n = at;
    proto_put_head(out, SCOPE_LOGS_RECORDS, n);
    out->n += n;
}

/* ---- what stands around them ---- */

bool otlp_is_same_group(const struct chunk *c, uint32_t a, uint32_t b) {
    const struct origin *x = origin_of(c, a), *y = origin_of(c, b);
    if (x->scope || y->scope) return x->scope == y->scope;
    return span_eq(x->host, y->host) && span_eq(c->rec[a].source, c->rec[b].source);
}

static void put_made_group(struct buf *out, const struct record *rec, const struct origin *o, struct span records) {
    struct span scope_name = SPAN_LIT("logclass");
    size_t scope = proto_bytes_size(SCOPE_NAME, scope_name.n), resource = 0;
    struct span service = SPAN_LIT("service.name"), host = SPAN_LIT("host.name");
    if (rec->source.n) resource += proto_bytes_size(RESOURCE_ATTRIBUTES, string_attr_size(service, rec->source));
    if (o->host.n) resource += proto_bytes_size(RESOURCE_ATTRIBUTES, string_attr_size(host, o->host));
    size_t scope_logs = proto_bytes_size(SCOPE_LOGS_SCOPE, scope) + records.n;
    proto_put_head(out, REQUEST_RESOURCE_LOGS,
                   proto_bytes_size(RESOURCE_LOGS_RESOURCE, resource) +
                       proto_bytes_size(RESOURCE_LOGS_SCOPE_LOGS, scope_logs));
    proto_put_head(out, RESOURCE_LOGS_RESOURCE, resource);
    put_attr_unless_empty(out, RESOURCE_ATTRIBUTES, service, rec->source);
    put_attr_unless_empty(out, RESOURCE_ATTRIBUTES, host, o->host);
    proto_put_head(out, RESOURCE_LOGS_SCOPE_LOGS, scope_logs);
    proto_put_head(out, SCOPE_LOGS_SCOPE, scope);
    proto_put_bytes(out, SCOPE_NAME, scope_name);
    buf_put(out, records.p, records.n);
}

void otlp_put_group(struct buf *out, const struct chunk *c, uint32_t i, struct span records) {
    const struct origin *o = origin_of(c, i);
    if (!o->scope) {
        put_made_group(out, &c->rec[i], o, records);
        return;
    }
    struct span resource = o->scope->resource_logs, scope = o->scope->scope_logs;
    size_t scope_logs = scope.n + records.n;
    proto_put_head(out, REQUEST_RESOURCE_LOGS, resource.n + proto_bytes_size(RESOURCE_LOGS_SCOPE_LOGS, scope_logs));
    buf_put(out, resource.p, resource.n);
    proto_put_head(out, RESOURCE_LOGS_SCOPE_LOGS, scope_logs);
    buf_put(out, scope.p, scope.n);
    buf_put(out, records.p, records.n);
}
