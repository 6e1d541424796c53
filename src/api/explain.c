/* POST /api/explain: what would become of lines, and why. Nothing is counted, and nobody is asked over the network but
 * where the request wants the LLM to be (api/ask_llm.h). */
#include "api/ask_llm.h"
#include "api/body.h"
#include "api/context.h"
#include "api/desk.h"
#include "api/handlers.h"
#include "api/json_put.h"
#include "api/kind_put.h"
#include "api/near.h"
#include "data/result_json.h"
#include "pipeline/explain.h"
#include "pipeline/trial.h"
#include "text/mask.h"

#include <stdlib.h>

enum { EXPLAIN_ENTRIES_MAX = 200, EXPLAIN_BYTES_MAX = 64 * 1024, EXPLAIN_NEAREST = 5 };

struct explaining {
    struct exchange *x;
    struct trial *trial;
    struct words *words;
    struct explanation *why;
    struct record rec[EXPLAIN_ENTRIES_MAX];
    struct result res[EXPLAIN_ENTRIES_MAX];
    uint32_t n;
};

static bool explain_read_entries(struct explaining *g, yyjson_val *root) {
    yyjson_val *entries = yyjson_obj_get(root, "entries"), *one;
    size_t i, n = yyjson_arr_size(entries), bytes = 0;
    if (!yyjson_is_arr(entries) || n == 0)
        return exchange_refuse(g->x, REFUSE_MALFORMED, "entries: expected an array of objects");
    if (n > EXPLAIN_ENTRIES_MAX)
        return exchange_refuse(g->x, REFUSE_ENTRIES, "%zu entries, at most %d are explained at a time", n,
                               EXPLAIN_ENTRIES_MAX);
    yyjson_arr_foreach(entries, i, n, one) {
        struct record *r = &g->rec[g->n++];
        if (!yyjson_is_obj(one)) return exchange_refuse(g->x, REFUSE_MALFORMED, "entries: expected objects");
        if (!body_text(g->x, one, "source", EXPLAIN_BYTES_MAX, &r->source) ||
            !body_text(g->x, one, "log_message", EXPLAIN_BYTES_MAX, &r->message))
            return false;
        bytes += r->source.n + r->message.n;
    }
    return bytes <= EXPLAIN_BYTES_MAX ||
           exchange_refuse(g->x, REFUSE_LINE_BYTES, "%zu bytes of lines, at most %d are explained at a time", bytes,
                           EXPLAIN_BYTES_MAX);
}

/* The kind that the line is of, whether it was seen or not. */
static void put_kind_of_line(struct explaining *g, struct span template, struct span message) {
    struct api *a = api_of(g->x);
    struct buf *out = &g->x->out;
    char text[KINDS_TEXT_MAX], masked[MASK_OUTPUT_MAX];
    struct kind_view v = {.id = kinds_id_of(template)};
    bool seen = a->book && kinds_find(a->book->kinds, v.id, &v, text);
    if (!seen) {
        v.family = kinds_id_of((struct span){masked, mask_line(message, masked)});
        v.text = template;
    }
    buf_puts(out, seen ? ",\"id\":" : ",\"kind\":");
    kind_put_id(out, v.id);
    buf_printf(out, ",\"seen\":%s,\"rev\":%u,\"nearest\":[", seen ? "true" : "false",
               words_about(g->words, v.id, v.family).rev);
    if (a->book) near_put(out, a, g->words, &v, g->trial, EXPLAIN_NEAREST);
    buf_putc(out, ']');
}

static void put_likeliest(struct buf *out, const struct explanation *y) {
    buf_puts(out, ",\"top\":[");
    for (unsigned i = 0; i < y->likely_n; i++)
        buf_printf(out, "%s{\"label_id\":\"%s\",\"p\":%.4f}", i ? "," : "", y->eng->labels.label[y->likely[i].label].id,
                   y->likely[i].probability);
    buf_puts(out, "],\"thresholds\":{\"classifier\":");
    result_json_number(out, y->likely_n ? y->eng->threshold[y->likely[0].label] : 0);
    buf_puts(out, ",\"pipeline\":");
    result_json_number(out, y->eng->pipeline_threshold);
    buf_putc(out, '}');
}

static void put_correction(struct explaining *g, const struct result *r) {
    const struct corrections *log = g->words ? words_log(g->words) : NULL;
    struct buf *out = &g->x->out;
    for (size_t i = log ? log->n : 0; r->correction && i-- > 0;) {
        const struct correction *c = &log->row[i];
        if (c->id != r->correction) continue;
        buf_printf(out, ",\"correction\":{\"id\":%u", c->id);
        json_put_member(out, "by", c->by);
        json_put_member(out, "at", c->at);
        json_put_member(out, "note", c->note);
        buf_putc(out, '}');
        return;
    }
    buf_puts(out, ",\"correction\":null");
}

static void explain_put_rule(struct buf *out, const struct explanation *y) {
    const struct result *r = y->res;
    if (r->decider != DECIDER_REGEX || r->correction || !y->eng->rules) {
        buf_puts(out, ",\"rule\":null,\"span\":null,\"matched\":null");
        return;
    }
    json_put_member(out, "rule", span_of(rules_get(y->eng->rules, r->rule)->name));
    buf_printf(out, ",\"span\":[%u,%u]", r->match_from, r->match_to);
    json_put_member(out, "matched", span_sub(y->rec->message, r->match_from, r->match_to));
}

static void put_explained(struct explaining *g, uint32_t i) {
    static const struct explain_opts OPTS = {EXPLAIN_LABELS, true};
    struct engine *eng = trial_engine(g->trial);
    struct buf *out = &g->x->out;
    const struct result *r = &g->res[i];
    explain_find(g->why, eng, trial_scratch(g->trial), &g->rec[i], r, &OPTS);
    buf_puts(out, i ? ",{" : "{");
    result_json_members(out, &eng->labels, r);
    buf_printf(out, ",\"stage\":\"%s\"", decider_name((enum decider)r->decider));
    json_put_member(out, "template", g->why->template);
    explain_put_rule(out, g->why);
    put_likeliest(out, g->why);
    put_correction(g, r);
    if (g->why->reason)
        json_put_member(out, "reason", span_of(reason_name(g->why->reason)));
    else
        buf_puts(out, ",\"reason\":null");
    buf_printf(out, ",\"memo\":%s", trial_is_remembered(g->trial, &g->rec[i]) ? "true" : "false");
    put_kind_of_line(g, g->why->template, g->rec[i].message);
    ask_llm_put(g->x);
    buf_putc(out, '}');
}

static unsigned explain_all(struct explaining *g, yyjson_val *root) {
    struct err e = {0};
    struct book *b = api_of(g->x)->book;
    if (yyjson_is_true(yyjson_obj_get(root, "ask_llm")) && !desk_user(g->x))
        exchange_refuse(g->x, REFUSE_MALFORMED, "ask_llm: expected a body that is not compressed");
    if (g->x->refused || !explain_read_entries(g, root)) return 0;
    if (!(g->trial = trial_open(api_of(g->x)->pipeline, &e))) {
        exchange_refuse(g->x, REFUSE_QUEUE_FULL, "busy: %s", e.msg);
        return 0;
    }
    g->words = b ? book_words(b) : NULL;
    trial_run(g->trial, g->rec, g->res, g->n);
    buf_puts(&g->x->out, "{\"items\":[");
    for (uint32_t i = 0; i < g->n; i++) put_explained(g, i);
    buf_puts(&g->x->out, "]}");
    g->x->entries = g->n;
    return 200;
}

static unsigned answer_explain(struct exchange *x) {
    yyjson_doc *doc = body_read(x);
    struct explaining *g = doc ? calloc(1, sizeof *g) : NULL;
    unsigned status = 0;
    if (g && (g->why = calloc(1, sizeof *g->why))) {
        g->x = x;
        status = explain_all(g, yyjson_doc_get_root(doc));
        trial_close(g->trial);
        words_unref(g->words);
    } else {
        exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the explanation");
    }
    if (g) free(g->why);
    free(g);
    yyjson_doc_free(doc);
    return status;
}

enum step api_explain(struct exchange *x) {
    return ask_llm_is_wanted(x) ? ask_llm_run(x, answer_explain) : desk_run(x, answer_explain);
}
