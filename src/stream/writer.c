#include "stream/writer.h"

#include "base/json_out.h"
#include "base/must.h"
#include "data/result_json.h"
#include "stream/writer_table.h"
#include "text/csv.h"
#include "text/severity.h"
#include "text/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

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
    writer_filter_fit(&w->filter, &eng->labels, &e); /* words that are no labels any more take nothing */
    if (w->explain || w->top > 0) MUST(engine_scratch_open(eng, &w->scratch, &e)); /* fails for want of a few MB only */
}

int writer_format_find(const char *name) {
    static const char *const NAME[WRITER_FORMAT_COUNT] = {"jsonl", "csv", "tsv", "table"};
    for (int i = 0; i < WRITER_FORMAT_COUNT; i++)
        if (strcmp(NAME[i], name) == 0) return i;
    return -1;
}

static void json_text(struct buf *out, struct span s) {
    if (utf8_valid(s) == s.n) {
        json_out_string(out, s);
        return;
    }
    char *fixed = must_calloc(3, s.n);
    json_out_string(out, (struct span){fixed, utf8_repair(s, fixed)});
    free(fixed);
}

/* ---- what stands behind the four fields ---- */

struct writer_item {
    const struct record *rec;
    const struct result *res;
    const struct place *place; /* NULL: not known */
    const char *prefix;        /* of the names */
};

/* ,"<prefix>name": */
static void json_name(struct buf *out, const struct writer_item *t, const char *name) {
    buf_puts(out, ",\"");
    buf_puts(out, t->prefix);
    buf_puts(out, name);
    buf_puts(out, "\":");
}

/* A name of ours, which needs no escapes. */
static void json_word(struct buf *out, const char *word) {
    buf_putc(out, '"');
    buf_puts(out, word);
    buf_putc(out, '"');
}

/* With four decimals, like printf: times 10,000 a float is exact in a double. */
static void json_four_decimals(struct buf *out, float p) {
    uint64_t k = (uint64_t)rint((double)p * 10000);
    char text[6] = {(char)('0' + k / 10000), '.'};
    for (size_t i = sizeof text - 1; i > 1; i--, k /= 10) text[i] = (char)('0' + k % 10);
    buf_put(out, text, sizeof text);
}

static enum severity item_severity(const struct writer_item *t) {
    if (t->place && t->place->severity != SEVERITY_NONE) return t->place->severity;
    return severity_of_line(t->rec->message);
}

static void json_place(const struct writer *w, struct buf *out, const struct writer_item *t) {
    if (!t->place || t->place->line == 0) return;
    if (w->with_file) {
        buf_puts(out, ",\"file\":");
        json_text(out, span_of(t->place->file));
    }
    buf_puts(out, ",\"line\":");
    buf_put_number(out, t->place->line);
}

/* Which of the two kinds of UNCLASSIFIED it is, and what was likeliest. */
static void json_reason(const struct writer *w, struct buf *out, const struct writer_item *t) {
    enum reason why = reason_of(t->res, &w->eng->labels);
    if (why == REASON_NONE) return;
    json_name(out, t, "reason");
    json_word(out, reason_name(why));
    if (t->res->nearest_p <= 0) return;
    json_name(out, t, "likeliest");
    buf_putc(out, '{');
    json_out_string(out, span_of(w->eng->labels.label[t->res->nearest].id));
    buf_putc(out, ':');
    json_four_decimals(out, t->res->nearest_p);
    buf_putc(out, '}');
}

/* Members that need the probabilities anew. */
static void json_why(struct writer *w, struct buf *out, const struct writer_item *t) {
    if (!w->explain && w->top == 0) return;
    struct explanation *x = must_calloc(1, sizeof *x);
    const struct explain_opts o = {w->top > EXPLAIN_LABELS ? w->top : EXPLAIN_LABELS, w->top > 0};
    explain_find(x, w->eng, &w->scratch, t->rec, t->res, &o);
    if (w->explain) {
        buf_printf(out, ",\"%sexplain\":", t->prefix);
        explain_json(out, x);
    }
    if (w->top > 0) {
        if (x->likely_n > w->top) x->likely_n = w->top;
        buf_printf(out, ",\"%stop\":", t->prefix);
        explain_json_likely(out, x);
    }
    free(x);
}

static void json_more(struct writer *w, struct buf *out, const struct writer_item *t) {
    if (w->with_message) json_reason(w, out, t);
    if (w->severity) {
        json_name(out, t, "severity");
        json_word(out, severity_name(item_severity(t)));
    }
    json_why(w, out, t);
}

/* ---- the formats ---- */

/* An object of the input, whose answer can be put before its last brace. */
static bool can_merge(const struct writer *w, const struct writer_item *t) {
    return w->merge_prefix && t->place && t->place->is_object;
}

static void write_merged(struct writer *w, struct buf *out, struct writer_item *t) {
    struct span raw = span_trim(t->place->raw), inside = span_trim(span_sub(raw, 1, raw.n - 1));
    const struct label *l = &w->eng->labels.label[t->res->label];
    t->prefix = w->merge_prefix;
    buf_put(out, raw.p, raw.n - 1);
    buf_printf(out, "%s\"%slabel_id\":", inside.n > 0 ? "," : "", t->prefix);
    json_out_string(out, span_of(l->id));
    buf_printf(out, ",\"%slabel\":", t->prefix);
    json_out_string(out, span_of(l->name));
    buf_printf(out, ",\"%ssource\":\"%s\",\"%sconfidence\":", t->prefix, decider_name(t->res->decider), t->prefix);
    result_json_number(out, t->res->confidence);
    json_more(w, out, t);
    buf_puts(out, "}\n");
}

static void write_jsonl(struct writer *w, struct buf *out, struct writer_item *t) {
    if (can_merge(w, t)) {
        write_merged(w, out, t);
        return;
    }
    buf_putc(out, '{');
    result_json_members(out, &w->eng->labels, t->res);
    if (w->with_message) {
        buf_puts(out, ",\"log_source\":");
        json_text(out, t->rec->source);
        buf_puts(out, ",\"log_message\":");
        json_text(out, t->rec->message);
        json_place(w, out, t);
    }
    json_more(w, out, t);
    buf_puts(out, "}\n");
}

static void write_csv(struct writer *w, struct buf *out, struct writer_item *t) {
    const struct label *l = &w->eng->labels.label[t->res->label];
    csv_put(out, span_of(l->id));
    buf_putc(out, ',');
    csv_put(out, span_of(l->name));
    buf_printf(out, ",%s,", decider_name(t->res->decider));
    result_json_number(out, t->res->confidence);
    if (w->with_message) {
        buf_putc(out, ',');
        csv_put_text(out, t->rec->source);
        buf_putc(out, ',');
        csv_put_text(out, t->rec->message);
        buf_putc(out, ',');
        if (t->place && t->place->file) csv_put_text(out, span_of(t->place->file));
        buf_printf(out, ",%" PRIu64, t->place ? t->place->line : 0);
    }
    if (w->severity) buf_printf(out, ",%s", severity_name(item_severity(t)));
    if (w->explain || w->top) {
        struct buf why;
        buf_init(&why, 1 << 17);
        json_why(w, &why, t);
        buf_putc(out, ',');
        buf_drop_front(&why, why.n > 0 ? strcspn(why.p, ":") + 1 : 0);
        csv_put(out, buf_span(&why));
        buf_release(&why);
    }
    buf_putc(out, '\n');
}

/* One line a record, whatever it holds: tabs and line ends inside become spaces. */
static void write_tsv(struct writer *w, struct buf *out, struct writer_item *t) {
    buf_puts(out, w->eng->labels.label[t->res->label].id);
    if (w->with_file && t->place && t->place->file) buf_printf(out, "\t%s:%" PRIu64, t->place->file, t->place->line);
    if (w->severity) buf_printf(out, "\t%s", severity_name(item_severity(t)));
    if (w->with_message) {
        buf_putc(out, '\t');
        char *to = buf_reserve(out, t->rec->message.n);
        for (size_t i = 0; to && i < t->rec->message.n; i++) {
            char c = t->rec->message.p[i];
            to[i] = c == '\t' || c == '\n' || c == '\r' ? ' ' : c;
        }
        if (to) out->n += t->rec->message.n;
    }
    buf_putc(out, '\n');
}

void writer_header(const struct writer *w, struct buf *out) {
    if (w->format == WRITER_TABLE) writer_table_header(w, out);
    if (w->format != WRITER_CSV) return;
    buf_puts(out, "label_id,label,source,confidence");
    if (w->with_message) buf_puts(out, ",log_source,log_message,file,line");
    if (w->severity) buf_puts(out, ",severity");
    if (w->explain)
        buf_puts(out, ",explain");
    else if (w->top)
        buf_puts(out, ",top");
    buf_putc(out, '\n');
}

bool writer_record(struct writer *w, struct buf *out, const struct batch *b, uint32_t i) {
    static void (*const WRITE[])(struct writer *, struct buf *, struct writer_item *) = {
        [WRITER_JSONL] = write_jsonl, [WRITER_CSV] = write_csv, [WRITER_TSV] = write_tsv};
    MUST(w->format < WRITER_FORMAT_COUNT);
    writer_follow_engine(w, b->engine);
    if (!writer_filter_takes(&w->filter, &b->res[i], &w->eng->labels)) return false;
    struct writer_item t = {&b->rec[i], &b->res[i], b->place ? &b->place[i] : NULL, ""};
    if (w->format == WRITER_TABLE)
        writer_table_record(w, out, b, i);
    else
        WRITE[w->format](w, out, &t);
    return true;
}
