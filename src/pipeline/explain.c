#include "pipeline/explain.h"

#include "base/json_out.h"
#include "data/result_json.h"
#include "text/utf8.h"

enum { EXPLAIN_TEXT_MAX = 4096 }; /* of a template or a match that is written */

static void find_likely(struct explanation *x, const float *prob, unsigned wanted) {
    bool taken[LABEL_MAX] = {false};
    unsigned n = x->eng->labels.n;
    for (x->likely_n = 0; x->likely_n < n && x->likely_n < wanted; x->likely_n++) {
        unsigned best = LABEL_MAX;
        for (unsigned k = 0; k < n; k++)
            if (!taken[k] && (best == LABEL_MAX || prob[k] > prob[best])) best = k;
        taken[best] = true;
        x->likely[x->likely_n] = (struct explain_likely){best, (double)prob[best]};
    }
}

void explain_find(struct explanation *x, const struct engine *eng, struct engine_scratch *s, const struct record *rec,
                  const struct result *res, const struct explain_opts *o) {
    float prob[LABEL_MAX];
    x->eng = eng, x->rec = rec, x->res = res;
    x->reason = reason_of(res, &eng->labels);
    x->likely_n = 0;
    x->template = (struct span){x->text, template_write(rec->source, rec->message, engine_uses_source(eng), x->text)};
    bool asked = o->always || (res->decider != DECIDER_REGEX && !res->correction);
    if (asked && engine_probabilities(eng, s, rec, prob)) find_likely(x, prob, o->labels);
}

static bool explain_has_rule(const struct explanation *x) {
    return x->res->decider == DECIDER_REGEX && !x->res->correction && x->eng->rules &&
           x->res->rule < rules_count(x->eng->rules);
}

/* ---- for programs ---- */

static void explain_json_text(struct buf *out, struct span s) {
    char fixed[3 * EXPLAIN_TEXT_MAX];
    json_out_string(out, (struct span){fixed, utf8_repair(span_sub(s, 0, EXPLAIN_TEXT_MAX), fixed)});
}

void explain_json_likely(struct buf *out, const struct explanation *x) {
    buf_putc(out, '{');
    for (unsigned k = 0; k < x->likely_n; k++) {
        if (k) buf_putc(out, ',');
        json_out_string(out, span_of(x->eng->labels.label[x->likely[k].label].id));
        buf_printf(out, ":%.4f", x->likely[k].probability);
    }
    buf_putc(out, '}');
}

static void json_rule(struct buf *out, const struct explanation *x) {
    const struct result *r = x->res;
    buf_puts(out, "\"rule\":");
    json_out_string(out, span_of(rules_get(x->eng->rules, r->rule)->name));
    buf_printf(out, ",\"span\":[%u,%u],\"matched\":", r->match_from, r->match_to);
    explain_json_text(out, span_sub(x->rec->message, r->match_from, r->match_to));
}

static void json_encoder(struct buf *out, const struct explanation *x) {
    buf_printf(out, "\"memo\":%s", x->res->from_memo ? "true" : "false");
    if (x->likely_n > 0) {
        buf_puts(out, ",\"nearest\":");
        explain_json_likely(out, x);
        buf_puts(out, ",\"threshold\":");
        result_json_number(out, x->eng->threshold[x->likely[0].label]);
    }
    if (x->reason) buf_printf(out, ",\"reason\":\"%s\"", reason_name(x->reason));
    if (x->res->err) buf_printf(out, ",\"error\":\"%s\"", err_name((enum err_code)x->res->err));
}

void explain_json(struct buf *out, const struct explanation *x) {
    buf_putc(out, '{');
    if (x->res->correction)
        buf_printf(out, "\"correction\":{\"id\":%u}", x->res->correction);
    else if (explain_has_rule(x))
        json_rule(out, x);
    else
        json_encoder(out, x);
    buf_puts(out, ",\"template\":");
    explain_json_text(out, x->template);
    buf_putc(out, '}');
}

/* ---- for people ---- */

static void words_likely(struct buf *out, const struct explanation *x) {
    for (unsigned k = 0; k < x->likely_n; k++)
        buf_printf(out, "%s%s %.0f %%", k ? ", " : "", x->eng->labels.label[x->likely[k].label].id,
                   100 * x->likely[k].probability);
}

static void words_encoder(struct buf *out, const struct explanation *x) {
    const struct result *r = x->res;
    buf_printf(out, "%s: ", r->decider == DECIDER_LLM ? "LLM; the encoder says" : "encoder");
    words_likely(out, x);
    if (x->likely_n == 0) buf_puts(out, "not asked");
    if (x->reason == REASON_UNSURE && x->likely_n > 0)
        buf_printf(out, ", less than the %.0f %% that are needed", 100 * x->eng->threshold[x->likely[0].label]);
    else if (x->reason)
        buf_printf(out, "; %s", reason_about(x->reason));
    if (r->from_memo) buf_puts(out, "; remembered");
}

void explain_words(struct buf *out, const struct explanation *x) {
    if (x->res->correction) {
        buf_printf(out, "correction %u: a person said so", x->res->correction);
    } else if (explain_has_rule(x)) {
        struct span m = span_sub(x->rec->message, x->res->match_from, x->res->match_to);
        buf_printf(out, "rule \"%s\": \"", rules_get(x->eng->rules, x->res->rule)->name);
        buf_put(out, m.p, m.n);
        buf_putc(out, '"');
    } else {
        words_encoder(out, x);
    }
    buf_puts(out, "; template \"");
    buf_put(out, x->template.p, x->template.n);
    buf_putc(out, '"');
}
