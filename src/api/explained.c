#include "api/explained.h"

#include "base/must.h"
#include "http/exchange.h"
#include "http/query.h"
#include "pipeline/explain.h"

#include <stdlib.h>

enum { EXPLAINED_BYTES_MAX = 64 << 20 };

bool explained_query(struct exchange *x, bool *wanted) {
    struct span rest = x->req.query, name, value;
    *wanted = false;
    while (query_next(&rest, &name, &value)) {
        bool yes = span_eq(value, SPAN_LIT("1")) || span_eq(value, SPAN_LIT("true"));
        bool no = span_eq(value, SPAN_LIT("0")) || span_eq(value, SPAN_LIT("false"));
        if (!span_eq(name, SPAN_LIT("explain")))
            return exchange_refuse(x, REFUSE_MALFORMED, "query: unknown word '%.*s'; known is explain",
                                   (int)(name.n < 60 ? name.n : 60), name.p);
        if (!yes && !no)
            return exchange_refuse(x, REFUSE_MALFORMED, "query: explain is '%.*s'; expected 1, true, 0 or false",
                                   (int)(value.n < 60 ? value.n : 60), value.p);
        *wanted = yes;
    }
    return true;
}

struct explained *explained_open(const struct batch *b) {
    static const struct explain_opts OPTS = {EXPLAIN_LABELS, false};
    struct explained *to = calloc(1, sizeof *to);
    struct explanation *x = calloc(1, sizeof *x);
    struct engine_scratch scratch;
    struct err e = {0};
    bool ok = to && x && engine_scratch_open(b->engine, &scratch, &e);
    if (to) buf_init(&to->text, EXPLAINED_BYTES_MAX);
    for (uint32_t i = 0; ok && i < b->n && i < EXPLAINED_ENTRIES_MAX && !to->text.failed; i++) {
        explain_find(x, b->engine, &scratch, &b->rec[i], &b->res[i], &OPTS);
        explain_json(&to->text, x);
        to->end[++to->n] = to->text.n;
    }
    if (ok) engine_scratch_close(&scratch);
    free(x);
    if (ok && !to->text.failed) return to;
    explained_close(to);
    return NULL;
}

void explained_close(struct explained *x) {
    if (!x) return;
    buf_release(&x->text);
    free(x);
}

struct span explained_of(const struct explained *x, uint32_t i) {
    if (!x || i >= x->n) return SPAN_LIT("null");
    return span_sub(buf_span(&x->text), x->end[i], x->end[i + 1]);
}
