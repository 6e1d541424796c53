#include "api/classify.h"

#include "data/result_json.h"
#include "api/api.h"
#include "api/ndjson.h"
#include "http/response.h"
#include "http/internal.h"

/* "explain=1" among the query's parameters. */
bool classify_explains(const struct exchange *x) {
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
    if (b->explain) b->explain(b->self, &x->batch, i, &x->out);
    buf_putc(&x->out, '}');
}

void classify_result(struct exchange *x, uint32_t i) {
    buf_putc(&x->out, '{');
    result_json_members(&x->out, x->labels, &x->batch.res[i]);
    if (x->batch.explain) put_explanation(x, i);
    buf_putc(&x->out, '}');
}

static enum step classify_answer(struct exchange *x) {
    buf_putc(&x->out, '[');
    for (uint32_t i = 0; i < x->batch.n; i++) {
        if (i > 0) buf_putc(&x->out, ',');
        classify_result(x, i);
    }
    buf_putc(&x->out, ']');
    return response_send(x, 200, RESPONSE_JSON);
}

bool classify_read(struct exchange *x,
                   enum refusal (*read)(struct entry_reader *r, const struct entry_limits *lim, struct buf *text,
                                        struct arena *a, struct batch *b, struct err *e)) {
    struct loop *l = x->loop;
    const struct server_opts *o = &l->set->o;
    struct entry_limits lim = {o->entries_max, o->depth_max, o->line_bytes_max};
    struct err e = {0};
    if (x->req.encoding != INFLATE_PLAIN && !exchange_decode_body(x)) return false;
    enum refusal why = read(&l->entries, &lim, &x->body, &x->arena, &x->batch, &e);
    return why == REFUSE_NONE || exchange_refuse(x, why, "%s", e.msg);
}

static enum step classify_submit(struct exchange *x) {
    if (!classify_read(x, entry_read_array)) return STEP_SEND;
    x->batch.explain = classify_explains(x);
    x->phase = PHASE_ANSWER;
    if (exchange_decide(x)) return classify_answer(x);
    return exchange_submit(x) ? STEP_WAIT : STEP_SEND;
}

enum step api_classify(struct exchange *x) {
    if (x->streams) return ndjson_run(x);
    return x->phase == PHASE_ANSWER ? classify_answer(x) : classify_submit(x);
}
