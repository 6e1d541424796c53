#include "stream/form.h"

#include "base/json_out.h"
#include "base/must.h"
#include "data/result_json.h"
#include "metrics/metrics.h"
#include "text/utf8.h"

#include <stdio.h>
#include <time.h>

static const char *const FORM_NAME[FORM_COUNT] = {"jsonl", "annotated", "ecs", "mmexternal", "syslog", "csv", "table"};
static const char *const SEVERITY[] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};

int form_find(const char *name) {
    for (int i = 0; i < FORM_COUNT; i++)
        if (strcmp(FORM_NAME[i], name) == 0) return i;
    return -1;
}

void form_close(struct form *f) {
    writer_close(&f->writer);
}

/* ---- parts ---- */

/* A string of any bytes, however long. */
static void form_text(struct buf *out, struct span s) {
    char fixed[3 * 4096];
    if (utf8_valid(s) == s.n) {
        json_out_string(out, s);
        return;
    }
    buf_putc(out, '"');
    for (size_t from = 0, to; from < s.n; from = to) {
        to = from + 4096 < s.n ? from + 4096 : s.n;
        for (int back = 0; back < 3 && to < s.n && ((unsigned char)s.p[to] & 0xc0) == 0x80; back++)
            to--; /* whole characters */
        size_t at = out->n;
        json_out_string(out, (struct span){fixed, utf8_repair(span_sub(s, from, to), fixed)});
        if (out->failed) return;
        memmove(out->p + at, out->p + at + 1, out->n - at - 2); /* without its quotes */
        out->n -= 2;
    }
    buf_putc(out, '"');
}

static void form_member(struct buf *out, const char *key, struct span value) {
    if (value.n == 0) return;
    buf_puts(out, ",\"");
    buf_puts(out, key);
    buf_puts(out, "\":");
    form_text(out, value);
}

static void form_attrs(struct buf *out, const char *key, const struct origin *o) {
    if (!o || o->attr_n == 0) return;
    buf_printf(out, ",\"%s\":{", key);
    for (uint32_t i = 0; i < o->attr_n; i++) {
        if (i) buf_putc(out, ',');
        form_text(out, o->attr[i].key);
        buf_putc(out, ':');
        form_text(out, o->attr[i].value);
    }
    buf_putc(out, '}');
}

static struct span body_of(const struct record *rec, const struct origin *o) {
    return o && o->body.p ? o->body : rec->message;
}

/* ---- one record ---- */

struct form_item {
    const struct label_set *labels;
    const struct record *rec;
    const struct result *res;
    const struct origin *o; /* NULL: not known */
    const char *sd_id;
};

void form_origin(struct buf *out, const struct record *rec, const struct origin *o) {
    static const struct origin NONE = {0};
    char time[RFC3339_BYTES];
    if (!o) o = &NONE;
    form_member(out, "log_time", chunk_time(o, time));
    form_member(out, "log_host", o->host);
    form_member(out, "log_source", rec->source);
    form_member(out, "log_file", o->file);
    if (o->severity > 0) buf_printf(out, ",\"log_severity\":\"%s\"", SEVERITY[o->severity - 1]);
    form_attrs(out, "log_attributes", o);
    if (o->truncated) buf_puts(out, ",\"truncated\":true");
    buf_puts(out, ",\"log_message\":");
    form_text(out, body_of(rec, o));
}

static void form_jsonl(struct buf *out, const struct form_item *i) {
    buf_putc(out, '{');
    result_json_members(out, i->labels, i->res);
    form_origin(out, i->rec, i->o);
    buf_puts(out, "}\n");
}

/* The object that came in, byte for byte, with three members more before its last '}'; what is none as JSON lines. */
static void form_annotated(struct buf *out, const struct form_item *i) {
    struct span body = span_trim(i->o && i->o->raw.p ? i->o->raw : body_of(i->rec, i->o));
    const struct label *l = &i->labels->label[i->res->label];
    if (body.n < 2 || body.p[0] != '{' || body.p[body.n - 1] != '}') {
        form_jsonl(out, i);
        return;
    }
    bool empty = span_trim(span_sub(body, 1, body.n - 1)).n == 0;
    buf_put(out, body.p, body.n - 1);
    buf_printf(out, "%s\"logclass_label\":\"%s\",\"logclass_confidence\":", empty ? "" : ",", l->id);
    result_json_number(out, i->res->confidence);
    buf_printf(out, ",\"logclass_stage\":\"%s\"}\n", decider_name(i->res->decider));
}

static void form_mmexternal(struct buf *out, const struct form_item *i) {
    const struct label *l = &i->labels->label[i->res->label];
    buf_printf(out, "{\"$!\":{\"logclass\":{\"label\":\"%s\",\"confidence\":", l->id);
    result_json_number(out, i->res->confidence);
    buf_printf(out, ",\"stage\":\"%s\"}}}\n", decider_name(i->res->decider));
}

/* What is true of a label by its definition (docs/labels.md), in ECS's closed lists; labels of one's own get the last.
 */
static const struct {
    const char *id, *members;
} ECS[] = {
    {"AUTH_ERROR", ",\"category\":[\"authentication\"],\"type\":[\"start\"],\"outcome\":\"failure\""},
    {"DB_ERROR", ",\"category\":[\"database\"],\"type\":[\"error\"],\"outcome\":\"failure\""},
    {"WORKFLOW_ERROR", ",\"category\":[\"process\"],\"type\":[\"info\"],\"outcome\":\"failure\""},
    {"SYSTEM_NOTIFICATION", ",\"category\":[\"host\"],\"type\":[\"info\"]"},
    {"UNCLASSIFIED", ""},
    {NULL, ",\"type\":[\"info\"]"},
};

static const char *ecs_members(const char *id) {
    size_t i = 0;
    while (ECS[i].id && strcmp(ECS[i].id, id) != 0) i++;
    return ECS[i].members;
}

static struct span ecs_now(char text[32]) {
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(text + n, 32 - n, ".%03ldZ", now.tv_nsec / 1000000);
    return (struct span){text, n};
}

static void ecs_nested(struct buf *out, const char *key, const char *inner, struct span value) {
    if (value.n == 0) return;
    buf_printf(out, ",\"%s\":{\"%s\":", key, inner);
    form_text(out, value);
    buf_putc(out, '}');
}

static void form_ecs(struct buf *out, const struct form_item *i) {
    static const struct origin NONE = {0};
    char now[32], text[RFC3339_BYTES];
    const struct origin *o = i->o ? i->o : &NONE;
    const struct label *l = &i->labels->label[i->res->label];
    bool level = o->severity > 0;
    buf_puts(out, "{\"@timestamp\":");
    struct span time = chunk_time(o, text);
    form_text(out, time.n ? time : ecs_now(now));
    buf_printf(out, ",\"event\":{\"kind\":\"event\"%s}", ecs_members(l->id));
    if (level || o->file.n) {
        buf_puts(out, ",\"log\":{");
        if (level) buf_printf(out, "\"level\":\"%s\"%s", SEVERITY[o->severity - 1], o->file.n ? "," : "");
        if (o->file.n) buf_puts(out, "\"file\":{\"path\":"), form_text(out, o->file), buf_putc(out, '}');
        buf_putc(out, '}');
    }
    ecs_nested(out, "host", "name", o->host);
    ecs_nested(out, "service", "name", i->rec->source);
    form_attrs(out, "labels", o);
    buf_printf(out, ",\"logclass\":{\"label\":\"%s\",\"confidence\":", l->id);
    result_json_number(out, i->res->confidence);
    buf_printf(out, ",\"stage\":\"%s\"},\"message\":", decider_name(i->res->decider));
    form_text(out, body_of(i->rec, i->o));
    buf_puts(out, "}\n");
}

/* ---- syslog ---- */

enum { USER = 1, NOTICE = 5, HOST_BYTES_MAX = 255, APP_BYTES_MAX = 48, PID_BYTES_MAX = 128, MSGID_BYTES_MAX = 32 };

static const char *const SYSLOG_FACILITY[] = {"kern",   "user",     "mail",    "daemon",       "auth",     "syslog",
                                              "lpr",    "news",     "uucp",    "cron",         "authpriv", "ftp",
                                              "ntp",    "security", "console", "solaris-cron", "local0",   "local1",
                                              "local2", "local3",   "local4",  "local5",       "local6",   "local7"};

static struct span attr_of(const struct origin *o, const char *key) {
    for (uint32_t i = 0; o && i < o->attr_n; i++)
        if (span_eq(o->attr[i].key, span_of(key))) return o->attr[i].value;
    return (struct span){0};
}

static unsigned facility_of(const struct origin *o) {
    struct span name = attr_of(o, "syslog.facility");
    for (unsigned i = 0; i < sizeof SYSLOG_FACILITY / sizeof SYSLOG_FACILITY[0]; i++)
        if (span_eq(name, span_of(SYSLOG_FACILITY[i]))) return i;
    return USER;
}

/* A field of the header: printable ASCII without blanks; "-" when there is nothing to say. */
static void syslog_field(struct buf *out, struct span s, size_t bytes_max) {
    s = span_sub(s, 0, bytes_max);
    for (size_t i = 0; i < s.n; i++) buf_putc(out, s.p[i] > ' ' && s.p[i] < 0x7f ? s.p[i] : '_');
    buf_puts(out, s.n ? " " : "- ");
}

/* What came as structured data, without an element of our own name: a second logclass replaces the first one's answer.
 */
static void syslog_other_data(struct buf *out, struct span data, const char *sd_id) {
    size_t n = strlen(sd_id);
    while (data.n > 0 && data.p[0] == '[') {
        size_t i = 1;
        for (bool quoted = false; i < data.n && (quoted || data.p[i] != ']'); i++) {
            if (quoted && data.p[i] == '\\')
                i++;
            else if (data.p[i] == '"')
                quoted = !quoted;
        }
        struct span element = span_sub(data, 0, i + 1);
        bool whole = element.n == i + 1, ours = element.n > n + 1 && memcmp(element.p + 1, sd_id, n) == 0 &&
                                                (element.p[n + 1] == ' ' || element.p[n + 1] == ']');
        if (whole && !ours) buf_put(out, element.p, element.n);
        data = span_sub(data, i + 1, data.n);
    }
}

/* "LENGTH <PRI>1 TIME HOST APP PROCID MSGID [logclass@32473 label="…" confidence="…" stage="…"]… MESSAGE". */
static void form_syslog(struct buf *out, const struct form_item *i) {
    static const struct origin NONE = {0};
    const struct origin *o = i->o ? i->o : &NONE;
    char length[16], time[RFC3339_BYTES];
    size_t at = out->n;
    buf_printf(out, "<%u>1 ", facility_of(o) * 8 + (o->severity > 0 ? o->severity - 1u : NOTICE));
    syslog_field(out, chunk_time(o, time), 40);
    syslog_field(out, o->host, HOST_BYTES_MAX);
    syslog_field(out, i->rec->source, APP_BYTES_MAX);
    syslog_field(out, attr_of(o, "process.pid"), PID_BYTES_MAX);
    syslog_field(out, attr_of(o, "syslog.msgid"), MSGID_BYTES_MAX);
    buf_printf(out, "[%s label=\"%s\" confidence=\"", i->sd_id, i->labels->label[i->res->label].id);
    result_json_number(out, i->res->confidence);
    buf_printf(out, "\" stage=\"%s\"]", decider_name(i->res->decider));
    syslog_other_data(out, attr_of(o, "syslog.structured_data"), i->sd_id);
    buf_putc(out, ' ');
    struct span body = body_of(i->rec, i->o);
    buf_put(out, body.p, body.n);
    if (out->failed) return;
    int n = snprintf(length, sizeof length, "%zu ", out->n - at);
    if (!buf_reserve(out, (size_t)n)) return;
    memmove(out->p + at + n, out->p + at, out->n - at);
    memcpy(out->p + at, length, (size_t)n);
    out->n += (size_t)n;
}

/* ---- a chunk ---- */

static bool is_in_list(const char *list, const char *id) {
    size_t n = strlen(id);
    for (const char *at = list; (at = strstr(at, id)); at += n) {
        bool begins = at == list || strchr(", ", at[-1]), ends = at[n] == '\0' || strchr(", ", at[n]);
        if (begins && ends) return true;
    }
    return false;
}

/* An engine that came by a reload may have other labels. */
static void form_follow_engine(struct form *f, const struct engine *eng) {
    if (!f->drop || (f->drop_is_known && f->drop_version == eng->version)) return;
    f->drop_is_known = true;
    f->drop_version = eng->version;
    for (unsigned i = 0; i < eng->labels.n; i++) f->dropped[i] = is_in_list(f->drop, eng->labels.label[i].id);
}

void form_one(struct form *f, struct buf *out, const struct chunk *c, uint32_t i) {
    static void (*const WRITE[])(struct buf *, const struct form_item *) = {form_jsonl, form_annotated, form_ecs,
                                                                            form_mmexternal, form_syslog};
    struct form_item item = {&c->batch.engine->labels, &c->rec[i], &c->res[i], c->origin ? &c->origin[i] : NULL,
                             f->sd_id};
    if (f->id >= FORM_CSV)
        writer_record(&f->writer, out, &c->batch, i);
    else
        WRITE[f->id](out, &item);
}

void form_start(struct form *f, const struct chunk *c) {
    form_follow_engine(f, c->batch.engine);
    memset(f->counted, 0, sizeof f->counted);
}

bool form_drops(struct form *f, const struct chunk *c, uint32_t i) {
    unsigned label = c->res[i].label;
    if (!f->drop || !f->dropped[label]) return false;
    f->counted[c->batch.engine->metric[label]]++;
    return true;
}

void form_chunk(struct form *f, struct buf *out, const struct chunk *c) {
    form_start(f, c);
    for (uint32_t i = 0; i < c->batch.n; i++)
        if (!form_drops(f, c, i)) form_one(f, out, c, i);
}

void form_count(const struct form *f) {
    for (unsigned i = 0; i < FORM_METRICS_MAX; i++)
        if (f->counted[i]) metrics_add(METRIC_SINK_DROPPED, i, 0, 0, f->counted[i]);
}
