#include "llm/budget.h"

#include <time.h>

static const struct {
    const char *name;
    int64_t seconds;
} WINDOW[BUDGET_WINDOWS] = {{"minute", 60}, {"day", 86400}};

static int64_t budget_real_now_s(void) {
    return (int64_t)time(NULL);
}

void budget_init(struct budget *b, const struct budget_opts *o, struct store *store, int64_t (*now_s)(void)) {
    *b = (struct budget){.opts = *o, .store = store, .now_s = now_s ? now_s : budget_real_now_s};
}

static struct store_window window_of(const struct budget *b, int kind, int64_t now_s) {
    const struct budget_opts *o = &b->opts;
    return (struct store_window){
        .kind = kind,
        .start = now_s - now_s % WINDOW[kind].seconds,
        .calls_max = kind == BUDGET_MINUTE ? o->calls_minute : o->calls_day,
        .tokens_max = kind == BUDGET_MINUTE ? o->tokens_minute : o->tokens_day,
    };
}

static bool has_limit(const struct budget_opts *o) {
    return (o->calls_minute | o->tokens_minute | o->calls_day | o->tokens_day) != 0;
}

bool budget_reserve(struct budget *b, uint64_t tokens, struct budget_call *call, struct err *e) {
    int64_t now_s = b->now_s();
    *call = (struct budget_call){.tokens = tokens};
    for (int kind = 0; kind < BUDGET_WINDOWS; kind++) {
        struct store_window *w = &call->window[kind];
        *w = window_of(b, kind, now_s);
    }
    if (!has_limit(&b->opts)) {
        store_owe(b->store, call->window, BUDGET_WINDOWS, &(struct store_debt){1, (int64_t)tokens, 0});
        return true;
    }
    if (store_is_lost(b->store))
        return err_set(e, ERR_BUSY, "the LLM is not asked: its budget can't be kept, since its store is in memory");
    if (store_spend(b->store, call->window, BUDGET_WINDOWS, &(struct store_cost){1, tokens}, e)) return true;
    bool used_up = e->code == ERR_LIMIT;
    if (!used_up) store_tell(b->store, e);
    e->code = ERR_BUSY;
    return err_prefix(e, used_up ? "the LLM budget is used up" : "the LLM is not asked: its budget can't be kept");
}

void budget_charge(struct budget *b, const struct budget_call *call, uint64_t tokens_in, uint64_t tokens_out) {
    int64_t more = (int64_t)(tokens_in + tokens_out) - (int64_t)call->tokens;
    struct store_debt debt = {0, more, (int64_t)tokens_out};
    if (more != 0 || tokens_out != 0) store_owe(b->store, call->window, BUDGET_WINDOWS, &debt);
}

double budget_price(const struct budget_opts *o, uint64_t tokens_in, uint64_t tokens_out) {
    return ((double)tokens_in * o->price_in + (double)tokens_out * o->price_out) / 1e6;
}
