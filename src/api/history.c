/* GET /api/corrections: what people said, newest first. GET /api/corrections/export: what is in force, as a file. */
#include "api/context.h"
#include "api/desk.h"
#include "api/handlers.h"
#include "api/history_put.h"
#include "api/json_put.h"
#include "api/params.h"
#include "rules/rule_pattern.h"
#include "rules/rules.h"
#include "text/mask.h"

#include <inttypes.h>

enum { HISTORY_PAGE_MAX = 500, EXPORT_BYTES_MAX = 128 << 20 };

static struct words *words_of(struct exchange *x) {
    struct book *b = api_of(x)->book;
    if (!b) exchange_refuse(x, REFUSE_ROUTE, "kinds of line are not kept (kinds-max is 0)");
    return b ? book_words(b) : NULL;
}

static unsigned answer_history(struct exchange *x) {
    struct param p[] = {{.name = "after"}, {.name = "by"}, {.name = "limit"}};
    uint64_t after, limit;
    if (!params_read(x, p, 3) || !params_number(x, &p[0], 0, UINT32_MAX, UINT32_MAX, &after) ||
        !params_number(x, &p[2], 1, HISTORY_PAGE_MAX, 100, &limit))
        return 0;
    struct words *w = words_of(x);
    if (x->refused) return 0;
    const struct corrections *log = w ? words_log(w) : NULL;
    uint64_t n = 0, last = 0;
    buf_puts(&x->out, "{\"items\":[");
    for (size_t i = log ? log->n : 0; i-- > 0 && n < limit;) {
        const struct correction *c = &log->row[i];
        if (c->id >= after || (p[1].value.n > 0 && !span_eq(p[1].value, c->by))) continue;
        if (n++) buf_putc(&x->out, ',');
        history_put(&x->out, c);
        last = c->id;
    }
    buf_printf(&x->out, n == limit ? "],\"next\":\"%" PRIu64 "\"" : "],\"next\":null", last);
    buf_printf(&x->out, ",\"words\":%zu,\"in_force\":%zu}", log ? log->n : 0, words_in_force(w));
    words_unref(w);
    return 200;
}

enum step api_corrections(struct exchange *x) {
    return desk_run(x, answer_history);
}

/* ---- export ---- */

static void export_jsonl(struct buf *out, const struct correction *c) {
    buf_puts(out, "{\"label\":");
    json_put_text(out, span_of(c->label));
    json_put_member(out, "source", c->source);
    json_put_member(out, "log_message", c->message);
    json_put_member(out, "by", c->by);
    json_put_member(out, "at", c->at);
    json_put_member(out, "note", c->note);
    buf_puts(out, "}\n");
}

/* Lines and sources are compared by their templates (review/overlay.h); so are those of the rule. */
static bool export_pattern(struct buf *out, const char *key, struct span text, struct err *e) {
    char masked[MASK_OUTPUT_MAX];
    struct buf pattern;
    buf_init(&pattern, 2 * RULES_PATTERN_MAX);
    bool ok = rule_pattern_whole(&pattern, (struct span){masked, mask_line(text, masked)}, e);
    if (ok) buf_printf(out, "%s = %.*s\n", key, (int)pattern.n, pattern.p);
    buf_release(&pattern);
    return ok;
}

static void export_rule(struct buf *out, const struct correction *c) {
    struct err e = {0};
    size_t from = out->n;
    buf_printf(out, "[rule correction %u]\n; %.*s %.*s\nlabel = %s\n", c->id, (int)c->at.n, c->at.p, (int)c->by.n,
               c->by.p, c->label);
    bool ok = !c->redacted || err_set(&e, ERR_INPUT, "its text is redacted, so no line can be compared with it");
    ok = ok && export_pattern(out, "pattern", c->message, &e);
    ok = ok && (c->source.n == 0 || export_pattern(out, "source", c->source, &e));
    if (!ok) {
        out->n = from;
        buf_printf(out, "; correction %u is no rule: %s\n", c->id, e.msg);
    }
    buf_putc(out, '\n');
}

static const struct export {
    const char *as, *file, *head;
    void (*put)(struct buf * out, const struct correction *c);
}
EXPORTS[] = {{"jsonl", "corrections.jsonl", "", export_jsonl},
             {"csv", "corrections.csv", CORRECTIONS_CSV_HEAD, corrections_put_csv},
             {"rules", "corrections-rules.conf", "; Corrections as rules. Look through them before they are used.\n\n",
              export_rule}};

static unsigned answer_export(struct exchange *x) {
    struct param p[] = {{.name = "as"}};
    const struct export *how = NULL;
    if (!params_read(x, p, 1)) return 0;
    for (size_t i = 0; i < sizeof EXPORTS / sizeof EXPORTS[0]; i++)
        if (span_eq(p[0].value, span_of(EXPORTS[i].as))) how = &EXPORTS[i];
    if (!how) {
        exchange_refuse(x, REFUSE_MALFORMED, "query: as: expected jsonl, csv or rules");
        return 0;
    }
    struct words *w = words_of(x);
    if (x->refused) return 0;
    const struct corrections *log = w ? words_log(w) : NULL;
    buf_puts(&x->out, how->head);
    for (size_t i = 0; log && i < log->n; i++) {
        const struct correction *c = &log->row[i];
        if (!c->undone && c->label[0]) how->put(&x->out, c);
    }
    words_unref(w);
    x->file = how->file;
    desk_set_type(x, "text/plain; charset=utf-8");
    return 200;
}

enum step api_corrections_export(struct exchange *x) {
    return desk_run(x, answer_export);
}
