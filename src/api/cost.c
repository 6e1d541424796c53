/* GET /api/cost: what asking the LLM costs. */
#include "api/context.h"
#include "api/desk.h"
#include "api/ask.h"
#include "api/handlers.h"
#include "http/query.h"

enum { COST_DAYS = 40, COST_DAYS_MAX = 366 };

static unsigned days_of(struct span text) {
    unsigned n = 0;
    for (size_t i = 0; i < text.n && text.p[i] >= '0' && text.p[i] <= '9' && n < COST_DAYS_MAX; i++)
        n = n * 10 + (unsigned)(text.p[i] - '0');
    return n > 0 ? n : 1;
}

static unsigned cost_look(struct exchange *x) {
    const struct api_places *p = &api_of(x)->places;
    struct err e = {0};
    struct span rest = x->req.query, name, value;
    unsigned days = COST_DAYS;
    while (query_next(&rest, &name, &value))
        if (span_eq(name, SPAN_LIT("days"))) days = days_of(value);
    if (!p->cost) return ask_error(x, 404, "nobody counts the cost here");
    return p->cost(p->ctx, days, &x->out, &e) ? 200 : ask_error(x, 500, "%s", e.msg);
}

enum step api_cost(struct exchange *x) {
    return desk_run(x, cost_look);
}
