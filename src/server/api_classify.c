#include "server/api_classify.h"

#include "data/result_json.h"
#include "server/api.h"
#include "server/api_stream.h"
#include "server/reply.h"
#include "server/state.h"

/* "explain=1" among the query's parameters. */
bool api_classify_explains(const struct exchange *x) {
    struct span rest = x->req.query;
    while (rest.n > 0) {
        const char *end = memchr(rest.p, '&', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        if (span_eq(span_sub(rest, 0, n), SPAN_LIT("explain=1"))) return true;
        rest = span_sub(rest, n + 1, rest.n);
    }
    return false;
}

static void put_explanation(struct exchange *x, uint32_t i) {
    const struct server_backend *b = &x->loop->server->backend;
    const struct result *r = &x->batch.res[i];
    buf_printf(&x->out, ",\"explain\":{\"memo\":%s", r->from_memo ? "true" : "false");
    if (r->err) buf_printf(&x->out, ",\"error\":\"%s\"", err_name((enum err_code)r->err));
    if (b->explain) b->explain(b->self, &x->batch.rec[i], r, &x->out);
    buf_putc(&x->out, '}');
}

void api_classify_result(struct exchange *x, uint32_t i) {
    const struct label_set *labels = &x->loop->server->labels;
    buf_putc(&x->out, '{');
    result_json_members(&x->out, labels, &x->batch.res[i]);
    if (x->batch.explain) put_explanation(x, i);
    buf_putc(&x->out, '}');
}

/* Replaces the body by what it decodes to. */
static bool decode_body(struct exchange *x) {
    size_t max = x->loop->server->o.body_bytes_max;
    struct err e = {0};
    struct decode *d = decode_open(x->req.encoding);
    if (!d) return exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory to decode the body");
    struct buf text;
    buf_init(&text, x->body.max);
    struct span in = buf_span(&x->body);
    bool ok = decode_some(d, &in, &text, max + 1, &e);
    if (!ok)
        exchange_refuse(x, REFUSE_MALFORMED, "%s", e.msg);
    else if (text.n > max)
        ok = exchange_refuse(x, REFUSE_BODY_BYTES, "the decoded body is larger than %zu bytes", max);
    else if (!decode_is_whole(d))
        ok = exchange_refuse(x, REFUSE_MALFORMED, "the compressed body ends too soon");
    decode_close(d);
    buf_release(&x->body);
    x->body = text;
    return ok && exchange_count_body(x, text.n);
}

static enum step submit(struct exchange *x) {
    struct loop *l = x->loop;
    const struct server_opts *o = &l->server->o;
    struct entry_limits lim = {o->entries_max, o->depth_max, o->line_bytes_max};
    struct err e = {0};
    if (x->req.encoding != DECODE_IDENTITY && !decode_body(x)) return STEP_SEND;
    enum refusal why = entry_read_array(&l->entries, &lim, &x->body, &x->arena, &x->batch, &e);
    if (why) {
        exchange_refuse(x, why, "%s", e.msg);
        return STEP_SEND;
    }
    x->batch.explain = api_classify_explains(x);
    x->phase = PHASE_ANSWER;
    return exchange_submit(x) ? STEP_WAIT : STEP_SEND;
}

static enum step answer(struct exchange *x) {
    buf_putc(&x->out, '[');
    for (uint32_t i = 0; i < x->batch.n; i++) {
        if (i > 0) buf_putc(&x->out, ',');
        api_classify_result(x, i);
    }
    buf_putc(&x->out, ']');
    return reply_send(x, 200, REPLY_JSON);
}

enum step api_classify(struct exchange *x) {
    if (x->streams) return api_stream_run(x);
    return x->phase == PHASE_ANSWER ? answer(x) : submit(x);
}
