#include "api/history_put.h"

#include "api/json_put.h"
#include "api/kind_put.h"

enum { HISTORY_MAX = 50 };

static void put_or_null(struct buf *out, const char *name, struct span text) {
    if (text.n > 0)
        json_put_member(out, name, text);
    else
        buf_printf(out, ",\"%s\":null", name);
}

void history_put(struct buf *out, const struct correction *c) {
    buf_printf(out, "{\"id\":\"%u\",\"batch\":\"%u\",\"at\":%u", c->id, c->batch, corrections_time(c->at));
    json_put_member(out, "by", c->by);
    put_or_null(out, "label_id", span_of(c->label));
    put_or_null(out, "was", c->was);
    put_or_null(out, "state", span_of(c->state));
    buf_puts(out, ",\"kind\":");
    if (c->kind)
        kind_put_id(out, c->kind);
    else
        buf_puts(out, "null");
    buf_puts(out, ",\"family\":");
    kind_put_id(out, c->family);
    buf_printf(out, ",\"scope\":\"%s\"", c->source.n > 0 ? "source" : "family");
    put_or_null(out, "source", c->source);
    json_put_member(out, "template", c->message);
    json_put_member(out, "note", c->note);
    buf_printf(out, ",\"undone\":%s", c->undone ? "true" : "false");
    buf_printf(out, ",\"undone_at\":%u", c->undone ? corrections_time(c->undone_at) : 0);
    put_or_null(out, "undone_by", c->undone ? c->undone_by : (struct span){0});
    put_or_null(out, "on", c->on);
    if (c->lost) buf_printf(out, ",\"lost\":\"%u\"", c->lost);
    buf_putc(out, '}');
}

void history_put_kind(struct buf *out, const struct words *w, const struct kind_view *v) {
    const struct corrections *log = w ? words_log(w) : NULL;
    unsigned n = 0;
    for (size_t i = log ? log->n : 0; i-- > 0 && n < HISTORY_MAX;) {
        const struct correction *c = &log->row[i];
        if (c->family != v->family || (c->source.n > 0 && c->kind != v->id)) continue;
        if (n++) buf_putc(out, ',');
        history_put(out, c);
    }
}
