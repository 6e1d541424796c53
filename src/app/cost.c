#include "app/cost.h"

#include "app/network.h"
#include "base/must.h"
#include "llm/budget.h"
#include "llm/store_usage.h"
#include "metrics/metrics.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_SECONDS = 86400, SERVICE_LLM = 1 };

/* Of the options, what the figures need. */
struct cost_terms {
    struct budget_opts budget;
    bool configured;
    char store[PATH_MAX]; /* "": in memory */
};

struct cost {
    pthread_mutex_t lock;
    struct cost_terms terms;
};

struct cost *cost_open(void) {
    struct cost *c = must_calloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void cost_close(struct cost *c) {
    if (!c) return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void cost_set(struct cost *c, const struct conf *conf) {
    struct cost_terms *t = must_calloc(1, sizeof *t);
    struct err ignored;
    t->budget = network_budget(conf);
    t->configured = !conf->offline && network_has_llm(conf);
    if (!network_store_path(conf, t->store, sizeof t->store, &ignored)) t->store[0] = '\0';
    pthread_mutex_lock(&c->lock);
    c->terms = *t;
    pthread_mutex_unlock(&c->lock);
    free(t);
}

/* ---- figures ---- */

static bool has_price(const struct budget_opts *o) {
    return o->price_in > 0 || o->price_out > 0;
}

static double price_of(const struct budget_opts *o, const struct store_usage_day *d) {
    uint64_t out = d->tokens_out < d->tokens ? d->tokens_out : d->tokens;
    return budget_price(o, d->tokens - out, out);
}

static void put_money(struct buf *out, const char *name, const struct budget_opts *o, double money) {
    if (has_price(o))
        buf_printf(out, ",\"%s\":%.6g", name, money);
    else
        buf_printf(out, ",\"%s\":null", name);
}

static void put_day(struct buf *out, const struct budget_opts *o, const struct store_usage_day *d) {
    time_t start = (time_t)d->start;
    struct tm utc;
    char day[16];
    gmtime_r(&start, &utc);
    strftime(day, sizeof day, "%Y-%m-%d", &utc);
    buf_printf(out, "{\"at\":%lld,\"day\":\"%s\",\"calls\":%" PRIu64 ",\"tokens\":%" PRIu64 ",\"tokens_out\":%" PRIu64,
               (long long)d->start, day, d->calls, d->tokens, d->tokens_out);
    put_money(out, "cost", o, price_of(o, d));
    buf_putc(out, '}');
}

static void put_terms(struct buf *out, const struct cost_terms *t) {
    const struct budget_opts *o = &t->budget;
    buf_printf(out, "{\"configured\":%s", t->configured ? "true" : "false");
    put_money(out, "price_in", o, o->price_in);
    put_money(out, "price_out", o, o->price_out);
    buf_printf(out,
               ",\"limits\":{\"calls_minute\":%" PRIu64 ",\"tokens_minute\":%" PRIu64 ",\"calls_day\":%" PRIu64
               ",\"tokens_day\":%" PRIu64 "}",
               o->calls_minute, o->tokens_minute, o->calls_day, o->tokens_day);
}

/* What was recalled would have cost as much a call as those that were made. */
static void put_saved(struct buf *out, const struct cost_terms *t, const struct store_usage_day *day, int n) {
    double recalled = metrics_value(METRIC_LLM_RECALLED, 0, 0, 0), money = 0, calls = 0;
    for (int i = 0; i < n; i++) money += price_of(&t->budget, &day[i]), calls += (double)day[i].calls;
    buf_printf(out, ",\"recalled\":%.0f", recalled);
    put_money(out, "saved", &t->budget, calls > 0 ? recalled * money / calls : 0);
    buf_printf(out, ",\"refused\":%.0f,\"breaker_open\":%s}", metrics_value(METRIC_LLM_REFUSED, 0, 0, 0),
               metrics_value(METRIC_BREAKER_OPEN, SERVICE_LLM, 0, 0) > 0 ? "true" : "false");
}

bool cost_json(struct cost *c, unsigned days, struct buf *out, struct err *e) {
    struct cost_terms *t = must_calloc(1, sizeof *t);
    struct store_usage_day day[STORE_USAGE_DAYS_MAX + 1];
    int64_t now = (int64_t)time(NULL), today = now - now % DAY_SECONDS;
    if (days > STORE_USAGE_DAYS_MAX) days = STORE_USAGE_DAYS_MAX;
    pthread_mutex_lock(&c->lock);
    *t = c->terms;
    pthread_mutex_unlock(&c->lock);
    int n = t->store[0] ? store_usage_read(t->store, today - (int64_t)(days - 1) * DAY_SECONDS, day, e) : 0;
    if (n >= 0) {
        struct store_usage_day none = {.start = today};
        put_terms(out, t);
        buf_puts(out, ",\"today\":");
        put_day(out, &t->budget, n > 0 && day[n - 1].start == today ? &day[n - 1] : &none);
        buf_puts(out, ",\"days\":[");
        for (int i = 0; i < n; i++) {
            if (i > 0) buf_putc(out, ',');
            put_day(out, &t->budget, &day[i]);
        }
        buf_putc(out, ']');
        put_saved(out, t, day, n);
    }
    free(t);
    return n >= 0;
}
