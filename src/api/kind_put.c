#include "api/kind_put.h"

#include "api/json_put.h"
#include "base/json_out.h"
#include "data/decider.h"

#include <inttypes.h>
#include <string.h>

void kind_put_id(struct buf *out, uint64_t id) {
    buf_printf(out, "\"%016" PRIx64 "\"", id);
}

void kind_put_likely(struct buf *out, const struct kinds *k, uint8_t label, uint16_t p) {
    if (!label) {
        buf_puts(out, "null");
        return;
    }
    buf_puts(out, "{\"label_id\":");
    json_put_text(out, span_of(kinds_label_id(k, label)));
    buf_printf(out, ",\"p\":%.4f}", p / 1e4);
}

static void put_decision(struct buf *out, const struct kinds *k, const struct kind_view *v,
                         const struct kind_decision *d) {
    enum decider stage = d->word ? DECIDER_REGEX : (enum decider)v->stage;
    double confidence = d->word || stage == DECIDER_REGEX ? 1 : stage == DECIDER_FALLBACK ? 0 : v->p1 / 1e4;
    json_put_member(out, "label_id", d->label[0] ? span_of(d->label) : SPAN_LIT("UNCLASSIFIED"));
    buf_printf(out, ",\"stage\":\"%s\",\"confidence\":%.4g,\"best\":", decider_name(stage), confidence);
    kind_put_likely(out, k, v->best, v->p1);
    buf_puts(out, ",\"second\":");
    kind_put_likely(out, k, v->second, v->p2);
    buf_printf(out, ",\"state\":\"%s\",\"undecided\":%s,\"unsure\":%s,\"corrected_by\":", kind_state_name(v->state),
               d->property & KINDS_UNDECIDED ? "true" : "false", d->property & KINDS_UNSURE ? "true" : "false");
    if (d->word)
        json_put_text(out, d->word->by);
    else
        buf_puts(out, "null");
    buf_printf(out, ",\"rev\":%u", d->rev);
}

static void kind_put_sources(struct buf *out, const struct kind_view *v) {
    buf_puts(out, ",\"sources\":[");
    if (v->message_at >= 2) {
        buf_putc(out, '[');
        json_put_text(out, span_sub(v->text, 0, v->message_at - 2U));
        buf_printf(out, ",%u]", v->lines_24h);
    }
    buf_putc(out, ']');
}

/* As it was when it began to rise, where that is known; later its own lines are among the busiest hour's. */
static void kind_put_rise(struct buf *out, struct kinds *k, const struct kind_view *v) {
    struct kinds_rise rise[KINDS_RISES_MAX], r = {.lines = v->lines_1h, .busiest = v->busiest};
    if (v->state != KIND_RISING) return;
    for (unsigned i = kinds_rises(k, rise); i-- > 0;)
        if (rise[i].id == v->id) r = rise[i];
    if (r.at && v->lines_1h > r.lines && kinds_now(k) - r.at < 3600) r.lines = v->lines_1h;
    if (r.busiest > 0)
        buf_printf(out, ",\"rise\":%.1f,\"rise_lines\":%u,\"busiest\":%u,\"rise_at\":%u", (double)r.lines / r.busiest,
                   r.lines, r.busiest, r.at ? r.at : v->state_at);
}

void kind_put_members(struct buf *out, struct kinds *k, const struct words *w, const struct kind_view *v, bool whole) {
    struct kind_decision d = kind_decide(k, w, v);
    bool cut = !whole && v->text.n > KIND_PUT_TEXT_MAX;
    buf_puts(out, "\"id\":");
    kind_put_id(out, v->id);
    buf_puts(out, ",\"family\":");
    kind_put_id(out, v->family);
    json_put_member(out, "template", span_sub(v->text, 0, cut ? KIND_PUT_TEXT_MAX : v->text.n));
    buf_printf(out, ",\"cut\":%s", cut ? "true" : "false");
    put_decision(out, k, v, &d);
    buf_printf(out, ",\"lines_24h\":%u,\"lines_1h\":%u,\"lines\":%" PRIu64 ",\"first\":%u,\"last\":%u,\"hours\":[",
               v->lines_24h, v->lines_1h, v->lines, v->first, v->last);
    for (unsigned i = 0; i < KINDS_HOURS; i++) buf_printf(out, "%s%u", i ? "," : "", v->hour[i]);
    buf_putc(out, ']');
    kind_put_sources(out, v);
    kind_put_rise(out, k, v);
    buf_printf(out, ",\"silent\":%s", d.property & KINDS_SILENT ? "true" : "false");
    buf_printf(out, ",\"by_rule\":%s", v->by_rule ? "true" : "null");
}

uint64_t kind_lines_24h(struct book *b) {
    uint64_t sum = 0;
    uint32_t hour = kinds_now(b->kinds) / 3600;
    for (unsigned h = 0; h < 24; h++)
        for (unsigned l = 1; l <= kinds_labels(b->kinds) && l < LABEL_MAX; l++)
            for (unsigned d = 0; d < DECIDER_COUNT; d++) sum += totals_hour(b->totals, hour - h, l, d);
    return sum;
}
