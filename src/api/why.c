#include "api/why.h"

#include "api/json_put.h"
#include "data/result_json.h"
#include "pipeline/explain.h"

#include <stdlib.h>

static void put_top(struct buf *out, const struct explanation *x) {
    buf_puts(out, ",\"top\":[");
    for (unsigned i = 0; i < x->likely_n; i++) {
        buf_puts(out, i ? ",{\"label_id\":" : "{\"label_id\":");
        json_put_text(out, span_of(x->eng->labels.label[x->likely[i].label].id));
        buf_printf(out, ",\"p\":%.4f}", x->likely[i].probability);
    }
    buf_putc(out, ']');
}

/* A masked template is masked to itself, so it stands for its lines. */
static struct record record_of(const struct kind_view *v) {
    return (struct record){.source = span_sub(v->text, 0, v->message_at >= 2 ? v->message_at - 2U : 0),
                           .message = span_sub(v->text, v->message_at, v->text.n)};
}

static void put_word(struct buf *out, const struct correction *c) {
    buf_puts(out, "\"correction\":");
    if (!c) {
        buf_puts(out, "null");
        return;
    }
    buf_printf(out, "{\"id\":%u", c->id);
    json_put_member(out, "by", c->by);
    json_put_member(out, "at", c->at);
    json_put_member(out, "note", c->note);
    buf_putc(out, '}');
}

void why_put(struct buf *out, const struct kind_view *v, const struct words *w, struct trial *t) {
    static const struct explain_opts OPTS = {EXPLAIN_LABELS, true};
    struct explanation *x = t ? calloc(1, sizeof *x) : NULL;
    buf_puts(out, ",\"why\":{");
    put_word(out, words_about(w, v->id, v->family).label);
    if (!x) {
        buf_puts(out, "},\"top\":[]");
        return;
    }
    struct record rec = record_of(v);
    struct result res;
    trial_run(t, &rec, &res, 1);
    explain_find(x, trial_engine(t), trial_scratch(t), &rec, &res, &OPTS);
    bool rule = res.decider == DECIDER_REGEX && !res.correction && x->eng->rules;
    if (rule) json_put_member(out, "rule", span_of(rules_get(x->eng->rules, res.rule)->name));
    buf_puts(out, ",\"threshold\":");
    result_json_number(out, x->likely_n ? x->eng->threshold[x->likely[0].label] : 0);
    if (x->reason) json_put_member(out, "reason", span_of(reason_about(x->reason)));
    buf_puts(out, ",\"now\":");
    explain_json(out, x);
    buf_putc(out, '}');
    put_top(out, x);
    free(x);
}
