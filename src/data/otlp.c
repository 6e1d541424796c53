#include "data/otlp.h"

#include "data/field.h"
#include "data/otlp_wire.h"

#include <stdio.h>
#include <yyjson.h>

enum { OTLP_TEXT_MAX = 8 << 20, OTLP_SHARED_MAX = INTAKE_ATTRS_MAX / 2, ID_BYTES_MAX = 16 };

static const char *const OURS[] = {"logclass.label", "logclass.confidence", "logclass.stage"};

static bool otlp_is_ours(struct span key) {
    for (size_t i = 0; i < sizeof OURS / sizeof OURS[0]; i++)
        if (span_eq(key, span_of(OURS[i]))) return true;
    return false;
}

/* What one request is read with. Spans lie in the request, or in `texts` where they had to be made. */
struct otlp_reader {
    struct intake *in;
    struct err *e;
    struct buf text;    /* a value that is being made */
    struct arena texts; /* of one record; and of one resource: */
    struct arena shared_texts;
    struct buf resource_logs, scope_logs; /* without what is in them */
    struct span service, host;
    struct attr shared[OTLP_SHARED_MAX]; /* of the resource */
    uint32_t shared_n;
    const struct chunk *copied_to; /* the chunk that has the scope below; NULL: none */
    const struct otlp_scope *scope;
    struct span own_service, own_host; /* there */
    struct attr own[OTLP_SHARED_MAX];
};

/* A LogRecord, taken apart. */
struct otlp_record {
    struct span raw, body, judged, object;
    uint64_t time_ns, severity;
    uint32_t n; /* attributes */
    bool answered;
    /* what follows is not cleared for each record */
    struct attr attr[INTAKE_ATTRS_MAX];
};

static bool otlp_broken(struct otlp_reader *r, const char *what) {
    return intake_malformed(r->in, r->e, what);
}

/* ---- values ---- */

/* The value as text: a string as it is, other kinds, of which *kind tells, as JSON. */
static bool otlp_value_text(struct otlp_reader *r, struct arena *to, struct span value, struct span *text,
                            uint32_t *kind) {
    if (!otlp_wire_string(value, text, kind)) return otlp_broken(r, "an AnyValue is not well-formed");
    if (text->p || *kind == 0) return true;
    buf_reset(&r->text);
    if (!otlp_wire_json(&r->text, value, 0))
        return otlp_broken(r, "an AnyValue is not well-formed, or nested too deep");
    *text = r->text.failed ? (struct span){0} : arena_copy(to, buf_span(&r->text));
    if (text->p) return true;
    r->in->trouble = INTAKE_TOO_LARGE;
    return false;
}

static bool otlp_add_attr(struct otlp_reader *r, struct otlp_record *o, struct span pair) {
    struct span key, value, text;
    uint32_t kind;
    if (!otlp_wire_pair(pair, &key, &value)) return otlp_broken(r, "an attribute is not well-formed");
    bool ours = otlp_is_ours(key);
    if (ours) o->answered = true;
    if (ours || o->n + r->shared_n >= INTAKE_ATTRS_MAX) return true;
    if (!otlp_value_text(r, &r->texts, value, &text, &kind)) return false;
    if (text.n > 0) o->attr[o->n++] = (struct attr){key, text};
    return true;
}

static void otlp_add_id(struct otlp_reader *r, struct otlp_record *o, const char *key, struct span id) {
    char hex[2 * ID_BYTES_MAX + 1] = "";
    if (id.n == 0 || id.n > ID_BYTES_MAX || o->n + r->shared_n >= INTAKE_ATTRS_MAX) return;
    for (size_t i = 0; i < id.n; i++) snprintf(hex + 2 * i, 3, "%02x", (unsigned char)id.p[i]);
    struct span text = arena_copy(&r->texts, span_of(hex));
    if (text.p) o->attr[o->n++] = (struct attr){span_of(key), text};
}

/* What is judged: a string, the message in an object, else the value as JSON. */
static bool otlp_body(struct otlp_reader *r, struct otlp_record *o, struct span value) {
    uint32_t kind;
    if (!otlp_value_text(r, &r->texts, value, &o->body, &kind)) return false;
    o->judged = o->body;
    if (kind != VALUE_KVLIST) return true;
    yyjson_doc *doc = yyjson_read(o->body.p, o->body.n, 0);
    struct span message = field_in_object(yyjson_doc_get_root(doc), FIELD_MESSAGE);
    o->object = o->body;
    if (message.p) o->judged = arena_copy(&r->texts, message);
    yyjson_doc_free(doc);
    return o->judged.p != NULL || otlp_broken(r, "a record's body is too large");
}

/* ---- a record into the chunk ---- */

static size_t otlp_shared_bytes(const struct otlp_reader *r) {
    size_t n = sizeof *r->scope + r->resource_logs.n + r->scope_logs.n + r->service.n + r->host.n + INTAKE_ALIGNMENT;
    for (uint32_t i = 0; i < r->shared_n; i++) n += r->shared[i].key.n + r->shared[i].value.n;
    return n;
}

/* What its records share, once a chunk, in front of its first record. */
static void otlp_copy_scope(struct otlp_reader *r) {
    struct intake *in = r->in;
    struct otlp_scope *s = (void *)intake_attrs(in, 1);
    *s = (struct otlp_scope){intake_copy(in, buf_span(&r->resource_logs)), intake_copy(in, buf_span(&r->scope_logs))};
    r->own_service = intake_copy(in, r->service);
    r->own_host = intake_copy(in, r->host);
    for (uint32_t i = 0; i < r->shared_n; i++) {
        r->own[i].key = intake_copy(in, r->shared[i].key);
        r->own[i].value = intake_copy(in, r->shared[i].value);
    }
    intake_align(in);
    r->scope = s;
    r->copied_to = in->now;
}

/* Room for a record, in a chunk that has its scope. */
static bool otlp_room(struct otlp_reader *r, size_t bytes) {
    bool known = r->in->now && r->copied_to == r->in->now;
    if (known && bytes <= INTAKE_RECORD_MAX && intake_room_here(r->in, bytes)) return true;
    if (!intake_room(r->in, otlp_shared_bytes(r) + bytes)) return false;
    otlp_copy_scope(r);
    return true;
}

/* A span of the request's record in the chunk's copy of it; what is not of the record is copied. */
static struct span otlp_moved(struct otlp_reader *r, const struct otlp_record *o, struct span copy, struct span s) {
    bool within = s.p && s.p >= o->raw.p && s.p + s.n <= o->raw.p + o->raw.n;
    return within ? (struct span){copy.p + (s.p - o->raw.p), s.n} : intake_copy(r->in, s);
}

static size_t otlp_made(const struct otlp_record *o, struct span s) {
    bool within = s.p && s.p >= o->raw.p && s.p + s.n <= o->raw.p + o->raw.n;
    return within ? 0 : s.n;
}

static uint8_t otlp_severity(uint64_t number) {
    static const uint8_t OF[25] = {0, 8, 8, 8, 8, 8, 8, 8, 8, 7, 6, 6, 6, 5, 5, 5, 5, 4, 3, 2, 2, 1, 1, 1, 1};
    return number < sizeof OF ? OF[number] : 0;
}

static bool otlp_store(struct otlp_reader *r, const struct otlp_record *o) {
    size_t bytes =
        o->raw.n + otlp_made(o, o->body) + otlp_made(o, o->judged) + (o->n + r->shared_n) * sizeof(struct attr);
    for (uint32_t i = 0; i < o->n; i++) bytes += otlp_made(o, o->attr[i].key) + otlp_made(o, o->attr[i].value);
    if (!otlp_room(r, bytes)) return false;
    struct attr *v = intake_attrs(r->in, o->n + r->shared_n);
    struct span raw = intake_copy(r->in, o->raw);
    struct span body = otlp_moved(r, o, raw, o->body);
    bool same = o->judged.p == o->body.p;
    struct span judged = span_sub(same ? body : otlp_moved(r, o, raw, o->judged), 0, CHUNK_LINE_MAX);
    struct origin *to = intake_add(r->in, r->own_service, judged);
    if (judged.n != body.n || !same) to->body = body;
    if (o->object.p) to->raw = body;
    for (uint32_t i = 0; i < o->n; i++)
        v[i] = (struct attr){otlp_moved(r, o, raw, o->attr[i].key), otlp_moved(r, o, raw, o->attr[i].value)};
    for (uint32_t i = 0; i < r->shared_n; i++) v[o->n + i] = r->own[i];
    to->attr = v;
    to->attr_n = o->n + r->shared_n;
    to->time_ns = o->time_ns;
    to->host = r->own_host;
    to->severity = otlp_severity(o->severity);
    to->otlp = raw;
    to->answered = o->answered;
    to->scope = r->scope;
    return true;
}

/* ---- the walk ---- */

static bool otlp_record_field(struct otlp_reader *r, struct otlp_record *o, const struct proto_field *f) {
    if (f->type == PROTO_FIXED64 && f->number == RECORD_TIME && f->value) o->time_ns = f->value;
    if (f->type == PROTO_FIXED64 && f->number == RECORD_OBSERVED_TIME && !o->time_ns) o->time_ns = f->value;
    if (f->type == PROTO_VARINT && f->number == RECORD_SEVERITY) o->severity = f->value;
    if (f->type != PROTO_BYTES) return true;
    if (f->number == RECORD_BODY) return otlp_body(r, o, f->bytes);
    if (f->number == RECORD_ATTRIBUTES) return otlp_add_attr(r, o, f->bytes);
    if (f->number == RECORD_TRACE_ID) otlp_add_id(r, o, "trace_id", f->bytes);
    if (f->number == RECORD_SPAN_ID) otlp_add_id(r, o, "span_id", f->bytes);
    return true;
}

static bool otlp_read_record(struct otlp_reader *r, struct span raw) {
    struct otlp_record o;
    struct proto_field f;
    memset(&o, 0, offsetof(struct otlp_record, attr));
    o.raw = raw, o.body = o.judged = SPAN_LIT("");
    arena_reset(&r->texts);
    while (proto_take(&raw, &f))
        if (!otlp_record_field(r, &o, &f)) return false;
    if (raw.n > 0) return otlp_broken(r, "a LogRecord is not well-formed");
    return otlp_store(r, &o);
}

static bool otlp_read_scope(struct otlp_reader *r, struct span scope_logs) {
    struct proto_field f;
    struct span rest = scope_logs;
    buf_reset(&r->scope_logs);
    r->copied_to = NULL;
    while (proto_take(&rest, &f))
        if (f.number != SCOPE_LOGS_RECORDS || f.type != PROTO_BYTES) buf_put(&r->scope_logs, f.whole.p, f.whole.n);
    if (rest.n > 0 || r->scope_logs.failed) return otlp_broken(r, "a ScopeLogs is not well-formed");
    while (proto_take(&scope_logs, &f))
        if (f.number == SCOPE_LOGS_RECORDS && f.type == PROTO_BYTES && !otlp_read_record(r, f.bytes)) return false;
    return true;
}

static bool otlp_read_resource(struct otlp_reader *r, struct span resource) {
    struct proto_field f;
    struct span key, value, text;
    uint32_t kind;
    while (proto_take(&resource, &f)) {
        if (f.number != RESOURCE_ATTRIBUTES || f.type != PROTO_BYTES) continue;
        if (!otlp_wire_pair(f.bytes, &key, &value)) return otlp_broken(r, "a resource's attribute is not well-formed");
        if (!otlp_value_text(r, &r->shared_texts, value, &text, &kind)) return false;
        if (span_eq(key, SPAN_LIT("service.name")))
            r->service = text;
        else if (span_eq(key, SPAN_LIT("host.name")))
            r->host = text;
        else if (text.n > 0 && r->shared_n < OTLP_SHARED_MAX)
            r->shared[r->shared_n++] = (struct attr){key, text};
    }
    return resource.n == 0 || otlp_broken(r, "a Resource is not well-formed");
}

static bool otlp_read_resource_logs(struct otlp_reader *r, struct span logs) {
    struct proto_field f;
    struct span rest = logs;
    arena_reset(&r->shared_texts);
    buf_reset(&r->resource_logs);
    r->service = r->host = (struct span){0};
    r->shared_n = 0;
    while (proto_take(&rest, &f)) {
        if (f.number == RESOURCE_LOGS_SCOPE_LOGS && f.type == PROTO_BYTES) continue;
        buf_put(&r->resource_logs, f.whole.p, f.whole.n);
        bool resource = f.number == RESOURCE_LOGS_RESOURCE && f.type == PROTO_BYTES;
        if (resource && !otlp_read_resource(r, f.bytes)) return false;
    }
    if (rest.n > 0 || r->resource_logs.failed) return otlp_broken(r, "a ResourceLogs is not well-formed");
    while (proto_take(&logs, &f))
        if (f.number == RESOURCE_LOGS_SCOPE_LOGS && f.type == PROTO_BYTES && !otlp_read_scope(r, f.bytes)) return false;
    return true;
}

bool otlp_read(struct span request, struct intake *in, struct err *e) {
    struct otlp_reader r = {.in = in, .e = e};
    struct proto_field f;
    bool ok = true;
    buf_init(&r.text, OTLP_TEXT_MAX);
    buf_init(&r.resource_logs, INTAKE_RECORD_MAX);
    buf_init(&r.scope_logs, INTAKE_RECORD_MAX);
    arena_init(&r.texts, OTLP_TEXT_MAX);
    arena_init(&r.shared_texts, OTLP_TEXT_MAX);
    while (ok && proto_take(&request, &f))
        if (f.number == REQUEST_RESOURCE_LOGS && f.type == PROTO_BYTES) ok = otlp_read_resource_logs(&r, f.bytes);
    if (ok && request.n > 0) ok = otlp_broken(&r, "it is no ExportLogsServiceRequest");
    buf_release(&r.text);
    buf_release(&r.resource_logs);
    buf_release(&r.scope_logs);
    arena_release(&r.texts);
    arena_release(&r.shared_texts);
    return ok;
}
