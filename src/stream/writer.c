#include "stream/writer.h"

#include "base/must.h"
#include "base/json_out.h"
#include "data/result_json.h"
#include "text/csv.h"
#include "text/template.h"
#include "text/utf8.h"

#include <stdio.h>

enum { EXPLAIN_LABELS = 3 };

void writer_close(struct writer *w) {
    engine_scratch_close(&w->scratch);
    engine_unref(w->eng);
    w->eng = NULL;
}

static void writer_follow_engine(struct writer *w, struct engine *eng) {
    struct err e = {0};
    if (w->eng == eng) return;
    writer_close(w);
    w->eng = engine_ref(eng);
    if (w->explain) MUST(engine_scratch_open(eng, &w->scratch, &e)); /* fails for want of a few MB only */
}

int writer_format_find(const char *name) {
    static const char *const NAME[WRITER_FORMAT_COUNT] = {"jsonl", "csv", "table"};
    for (int i = 0; i < WRITER_FORMAT_COUNT; i++)
        if (strcmp(NAME[i], name) == 0) return i;
    return -1;
}

/* ---- why ---- */

/* The labels with the highest probabilities, best first. */
static unsigned best_labels(const struct engine *eng, const float *prob, unsigned *best) {
    unsigned n = eng->labels.n < EXPLAIN_LABELS ? eng->labels.n : EXPLAIN_LABELS;
    for (unsigned k = 0; k < n; k++) {
        best[k] = UINT32_MAX;
        for (unsigned l = 0; l < eng->labels.n; l++) {
            bool taken = false;
            for (unsigned m = 0; m < k; m++) taken |= best[m] == l;
            if (!taken && (best[k] == UINT32_MAX || prob[l] > prob[best[k]])) best[k] = l;
        }
    }
    return n;
}

static void json_text(struct buf *out, struct span s) {
    char fixed[3 * 4096];
    struct span cut = span_sub(s, 0, 4096);
    json_out_string(out, (struct span){fixed, utf8_repair(cut, fixed)});
}

static void explain_rule(struct writer *w, struct buf *out, const struct record *rec, const struct result *res) {
    buf_puts(out, "\"rule\":");
    json_text(out, span_of(rules_get(w->eng->rules, res->rule)->name));
    buf_printf(out, ",\"span\":[%u,%u],\"matched\":", res->match_from, res->match_to);
    json_text(out, span_sub(rec->message, res->match_from, res->match_to));
}

static void explain_labels(struct writer *w, struct buf *out, const struct record *rec, const struct result *res) {
    char text[TEMPLATE_MAX];
    float prob[LABEL_MAX];
    unsigned best[EXPLAIN_LABELS];
    buf_printf(out, "\"memo\":%s,\"template\":", res->from_memo ? "true" : "false");
    json_text(out, (struct span){text, template_write(rec->source, rec->message, engine_uses_source(w->eng), text)});
    if (!engine_probabilities(w->eng, &w->scratch, rec, prob)) return;
    unsigned n = best_labels(w->eng, prob, best);
    buf_puts(out, ",\"nearest\":{");
    for (unsigned k = 0; k < n; k++)
        buf_printf(out, "%s\"%s\":%.4f", k ? "," : "", w->eng->labels.label[best[k]].id, (double)prob[best[k]]);
    buf_putc(out, '}');
}

/* {"rule":…} or {"memo":…,"template":…,"nearest":{…}} */
static void writer_explain(struct writer *w, struct buf *out, const struct record *rec, const struct result *res) {
    buf_putc(out, '{');
    if (res->decider == DECIDER_REGEX) {
        explain_rule(w, out, rec, res);
    } else {
        explain_labels(w, out, rec, res);
    }
    if (res->err) buf_printf(out, ",\"error\":\"%s\"", err_name(res->err));
    buf_putc(out, '}');
}

/* ---- the formats ---- */

static void write_jsonl(struct writer *w, struct buf *out, const struct record *rec, const struct result *res) {
    buf_putc(out, '{');
    result_json_members(out, &w->eng->labels, res);
    if (w->with_message) {
        buf_puts(out, ",\"log_source\":");
        json_text(out, rec->source);
        buf_puts(out, ",\"log_message\":");
        json_text(out, rec->message);
    }
    if (w->explain) {
        buf_puts(out, ",\"explain\":");
        writer_explain(w, out, rec, res);
    }
    buf_puts(out, "}\n");
}

static void write_csv(struct writer *w, struct buf *out, const struct record *rec, const struct result *res) {
    const struct label *l = &w->eng->labels.label[res->label];
    csv_put(out, span_of(l->id));
    buf_putc(out, ',');
    csv_put(out, span_of(l->name));
    buf_printf(out, ",%s,", decider_name(res->decider));
    result_json_number(out, res->confidence);
    if (w->with_message) {
        buf_putc(out, ',');
        csv_put(out, rec->source);
        buf_putc(out, ',');
        csv_put(out, rec->message);
    }
    if (w->explain) {
        struct buf why;
        buf_init(&why, 1 << 16);
        writer_explain(w, &why, rec, res);
        buf_putc(out, ',');
        csv_put(out, buf_span(&why));
        buf_release(&why);
    }
    buf_putc(out, '\n');
}

/* One colour a label, so that the eye can follow: errors warm, routine calm. Labels of one's own get none. */
static const struct {
    const char *id, *code;
} COLOURS[] = {
    {"AUTH_ERROR", "31"},          {"DB_ERROR", "35"}, {"WORKFLOW_ERROR", "33"},
    {"DEPRECATION_WARNING", "93"}, {"BACKUP", "36"},   {"USER_ACTION", "32"},
    {"SYSTEM_NOTIFICATION", "34"}, {"INFO", "37"},     {"UNCLASSIFIED", "90"},
};

static const char *colour_of(const char *id) {
    for (size_t i = 0; i < sizeof COLOURS / sizeof COLOURS[0]; i++)
        if (strcmp(COLOURS[i].id, id) == 0) return COLOURS[i].code;
    return "0";
}

/* A line for the eye: control characters would move the cursor or change the terminal; they become spaces. */
static void put_printable(struct buf *out, struct span s, size_t columns) {
    size_t shown = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool starts = (c & 0xc0) != 0x80; /* a character; its other bytes belong to the same column */
        if (columns > 0 && starts && shown == columns) return;
        bool c1 = c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0;
        buf_putc(out, c < 0x20 || c == 0x7f || c1 ? ' ' : (char)c);
        i += c1;
        shown += starts;
    }
}

static void write_table(struct writer *w, struct buf *out, const struct record *rec, const struct result *res) {
    const char *id = w->eng->labels.label[res->label].id;
    if (w->colour) buf_printf(out, "\033[%sm", colour_of(id));
    buf_printf(out, "%-20s", id);
    if (w->colour) buf_puts(out, "\033[0m");
    buf_printf(out, " %6.4f %-8s ", res->confidence, decider_name(res->decider));
    size_t used = 20 + 1 + 6 + 1 + 8 + 1;
    put_printable(out, rec->message, w->columns > used ? w->columns - used : 0);
    buf_putc(out, '\n');
    if (!w->explain) return;
    buf_puts(out, "    ");
    writer_explain(w, out, rec, res);
    buf_putc(out, '\n');
}

void writer_header(const struct writer *w, struct buf *out) {
    if (w->format != WRITER_CSV) return;
    buf_puts(out, "label_id,label,source,confidence");
    if (w->with_message) buf_puts(out, ",log_source,log_message");
    if (w->explain) buf_puts(out, ",explain");
    buf_putc(out, '\n');
}

void writer_record(struct writer *w, struct buf *out, const struct batch *b, uint32_t i) {
    static void (*const WRITE[])(struct writer *, struct buf *, const struct record *, const struct result *) = {
        [WRITER_JSONL] = write_jsonl, [WRITER_CSV] = write_csv, [WRITER_TABLE] = write_table};
    MUST(w->format < WRITER_FORMAT_COUNT);
    writer_follow_engine(w, b->engine);
    WRITE[w->format](w, out, &b->rec[i], &b->res[i]);
}
