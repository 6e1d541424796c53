#include "remote/dispatcher.h"

#include "base/log.h"
#include "base/must.h"
#include "base/rng.h"
#include "base/thread.h"
#include "metrics/metrics.h"
#include "remote/inbox.h"

#include <stdatomic.h>

enum { SLEEP_MS_MAX = 1000, BUDGET_REST_MS = 1000 };

/* One service and what the dispatcher knows about it. */
struct step {
    const struct service *service;
    struct breaker breaker;
    enum breaker_state shown; /* in the metrics and the log */
    unsigned metric;          /* index of the service */
    unsigned in_flight;
    bool unflushed;                /* answers have come since the last flush */
    atomic_ullong hold_until_ns;   /* the service asked us to stay away until then */
    atomic_ullong budget_until_ns; /* its budget was used up; not to be tried before then */
};

/* The network thread owns all of it but the inbox, which others post to, and what is atomic, which they read. */
struct dispatcher {
    struct dispatcher_opts opts;
    struct inbox inbox;
    struct step step[CALLS_STEPS_MAX];
    bool remembers; /* answers depend on the template only, whatever service gives them */
    struct http_client *http;
    struct rng rng;
    struct calls calls;
    unsigned metric; /* index of the stage */
    atomic_bool stopping;
    atomic_ullong stop_ns; /* when what is still on its way is given up; set before `stopping` is */
    pthread_t thread;
    bool joined; /* the closer's */
};

/* ---- answers ---- */

static void count_errors(const struct step *s, enum err_code code, unsigned records) {
    if (code == ERR_OK || records == 0) return;
    metrics_add(METRIC_CLASSIFICATION_ERRORS, s->service->decider, metrics_error_type(code), 0, records);
}

static void answer_one(struct dispatcher *d, struct pending *p, const struct answer *a, enum err_code why) {
    if (!d->remembers) p->key = (struct memo_key){0};
    d->opts.answer(d->opts.ctx, p, a, why);
}

/* How long the question was here, from the first of those who wait. */
static void dispatcher_count_answer(const struct dispatcher *d, const struct waiter *first) {
    uint64_t ns = clock_now_ns(d->opts.clock) - first->asked_ns;
    metrics_observe(METRIC_STAGE_DURATION, d->metric, 0, (double)ns * 1e-9, 1);
}

/* Everybody who waits for the call gets the answer; then the call ends. */
static void answer_all(struct dispatcher *d, struct call *call, const struct answer *a, enum err_code why) {
    struct waiter w;
    for (bool first = true; calls_take_waiter(&d->calls, call, &w); first = false) {
        if (first && a) dispatcher_count_answer(d, &w);
        answer_one(d, &w.pending, a, why != ERR_OK ? why : w.why);
    }
    calls_end(&d->calls, call);
}

/* The step has no answer: the next one is asked, or nobody. */
static void pass_on(struct dispatcher *d, struct call *call, enum err_code why) {
    count_errors(&d->step[call->step], why, call->waiting);
    if (!calls_forward(&d->calls, call, why, clock_now_ns(d->opts.clock))) answer_all(d, call, NULL, why);
}

static void dispatcher_fail(struct dispatcher *d, struct call *call, const struct err *e) {
    const char *url = http_endpoint_url(d->step[call->step].service->endpoint);
    if (e->code == ERR_CIRCUIT_OPEN || e->code == ERR_BUSY)
        log_debug("remote.refused", "%s: %s", url, e->msg);
    else
        log_warn("remote.failed", "%s: %s", url, e->msg);
    pass_on(d, call, e->code);
}

/* ---- attempts ---- */

static void pause_until(struct dispatcher *d, struct call *call, uint64_t resume_ns) {
    call->attempt.resume_ns = resume_ns;
    calls_set_state(&d->calls, call, CALL_PAUSED);
}

static void leave_breaker(struct step *s, struct breaker_pass pass, enum breaker_outcome outcome) {
    breaker_leave(&s->breaker, pass, outcome);
    enum breaker_state now = breaker_state(&s->breaker);
    if (now == s->shown) return;
    log_warn("breaker.turned", "%s: %s, was %s", http_endpoint_url(s->service->endpoint), breaker_state_name(now),
             breaker_state_name(s->shown));
    s->shown = now;
    metrics_gauge_set(METRIC_BREAKER_OPEN, s->metric, now != BREAKER_CLOSED);
}

/* Writes and sends the request; the breaker has let it pass. */
static bool send_request(struct dispatcher *d, struct call *call, uint64_t left_ns, struct err *e) {
    struct step *s = &d->step[call->step];
    struct http_call *http = http_client_take(d->http);
    MUST(http != NULL); /* there are as many as all services may have in flight */
    http->user = call;
    bool ok = s->service->write(s->service->self, &call->q, http, e) &&
              http_client_start(d->http, http, s->service->endpoint, left_ns / 1000000, e);
    if (!ok) {
        http_client_give_back(d->http, http);
        return false;
    }
    call->attempt.http = http;
    call->attempt.attempts++;
    s->in_flight++;
    metrics_gauge_add(METRIC_REMOTE_IN_FLIGHT, s->metric, 1);
    metrics_add(METRIC_REMOTE_CALLS, s->metric, 0, 0, 1);
    if (call->attempt.attempts > 1) metrics_add(METRIC_REMOTE_RETRIES, s->metric, 0, 0, 1);
    return true;
}

/* One attempt of a call that is CALLING. */
static void attempt(struct dispatcher *d, struct call *call) {
    struct err e = {0};
    struct step *s = &d->step[call->step];
    uint64_t now_ns = clock_now_ns(d->opts.clock),
             end_ns = call->attempt.begun_ns + clock_ns_of_ms(s->service->timeout_ms);
    uint64_t hold_ns = s->hold_until_ns, ready_ns = hold_ns > now_ns ? hold_ns : now_ns;
    if (ready_ns >= end_ns) {
        err_set(&e, now_ns >= end_ns ? ERR_TIMEOUT : ERR_HTTP_RETRY, "no attempt is possible before its time is over");
        dispatcher_fail(d, call, &e);
    } else if (ready_ns > now_ns) {
        pause_until(d, call, ready_ns);
    } else if (!breaker_enter(&s->breaker, &call->attempt.pass, &e)) {
        dispatcher_fail(d, call, &e);
    } else if (!send_request(d, call, end_ns - now_ns, &e)) {
        leave_breaker(s, call->attempt.pass, BREAKER_ABANDONED);
        if (e.code == ERR_BUSY) s->budget_until_ns = now_ns + clock_ns_of_ms(BUDGET_REST_MS);
        dispatcher_fail(d, call, &e);
    }
}

static void retry_or_fail(struct dispatcher *d, struct call *call, const struct err *e, int64_t asked_ms) {
    const struct service *s = d->step[call->step].service;
    uint64_t now_ns = clock_now_ns(d->opts.clock), spent_ms = (now_ns - call->attempt.begun_ns) / 1000000;
    struct retry_call so_far = {.attempts = call->attempt.attempts - call->attempt.changes,
                                .code = e->code,
                                .asked_ms = asked_ms,
                                .left_ms = (int64_t)s->timeout_ms - (int64_t)spent_ms};
    int64_t wait_ms = retry_wait_ms(&s->retry, &so_far, rng_next(&d->rng));
    if (wait_ms == RETRY_NEVER)
        dispatcher_fail(d, call, e);
    else
        pause_until(d, call, now_ns + clock_ns_of_ms((uint64_t)wait_ms));
}

/* The same question in another form. */
static void ask_again(struct dispatcher *d, struct call *call) {
    struct err e = {0};
    if (call->attempt.changes++ < SERVICE_CHANGES_MAX) {
        attempt(d, call);
        return;
    }
    err_set(&e, ERR_DECODE, "the service accepts no form of the question");
    dispatcher_fail(d, call, &e);
}

static enum service_verdict dispatcher_judge(const struct step *s, const struct call *call, struct answer *a,
                                             struct err *e) {
    const struct http_call *http = call->attempt.http;
    *e = http->err;
    if (http->err.code != ERR_OK) return SERVICE_FAILED;
    return s->service->read(s->service->self, &call->q, http, a, e);
}

static void finish_call(struct dispatcher *d, struct http_call *http) {
    struct call *call = http->user;
    struct step *s = &d->step[call->step];
    struct answer a;
    struct err e;
    enum service_verdict verdict = dispatcher_judge(s, call, &a, &e);
    int64_t asked_ms = http->retry_after_ms;
    if (asked_ms > 0) s->hold_until_ns = clock_now_ns(d->opts.clock) + clock_ns_of_ms((uint64_t)asked_ms);
    http_client_give_back(d->http, http);
    call->attempt.http = NULL;
    s->in_flight--;
    metrics_gauge_add(METRIC_REMOTE_IN_FLIGHT, s->metric, -1);
    leave_breaker(s, call->attempt.pass, verdict == SERVICE_FAILED ? BREAKER_FAILED : BREAKER_SUCCEEDED);
    s->unflushed = true;
    switch (verdict) {
    case SERVICE_ANSWERED: answer_all(d, call, &a, ERR_OK); break;
    case SERVICE_UNSURE: pass_on(d, call, e.code); break;
    case SERVICE_FAILED: retry_or_fail(d, call, &e, asked_ms); break;
    case SERVICE_AGAIN: ask_again(d, call); break;
    }
}

/* ---- what the loop does in each turn ---- */

/* Takes what was posted into the table. */
static void take_posted(struct dispatcher *d) {
    struct inbox_item item;
    if (!inbox_take(&d->inbox)) return;
    while (inbox_next(&d->inbox, &item)) {
        struct err e;
        if (calls_join(&d->calls, &item.pending, &item.q, item.posted_ns, &e)) continue;
        count_errors(&d->step[0], e.code, 1);
        answer_one(d, &item.pending, NULL, e.code);
    }
}

/* Answers what is known already; the rest is READY for a call. */
static void look_at_fresh(struct dispatcher *d, unsigned step) {
    const struct service *s = d->step[step].service;
    for (struct call *call; (call = calls_first(&d->calls, step, CALL_FRESH)) != NULL;) {
        struct answer a;
        enum service_verdict known = s->recall ? s->recall(s->self, &call->q, &a) : SERVICE_FAILED;
        if (known == SERVICE_ANSWERED)
            answer_all(d, call, &a, ERR_OK);
        else if (known == SERVICE_UNSURE)
            pass_on(d, call, ERR_OK);
        else
            calls_set_state(&d->calls, call, CALL_READY);
    }
}

static void expire(struct dispatcher *d) {
    uint64_t now_ns = clock_now_ns(d->opts.clock);
    for (struct calls_expiry x; calls_expire(&d->calls, now_ns, &x);) {
        count_errors(&d->step[x.step], ERR_TIMEOUT, 1);
        if (x.ended) answer_one(d, &x.pending, NULL, ERR_TIMEOUT);
    }
}

/* Takes the first paused call whose pause is over into CALLING; they are few, so they are simply looked through. */
static struct call *take_resumed(struct dispatcher *d, unsigned step, uint64_t now_ns) {
    struct call *call = calls_first(&d->calls, step, CALL_PAUSED);
    while (call && call->attempt.resume_ns > now_ns) call = calls_next(&d->calls, call);
    if (call) calls_set_state(&d->calls, call, CALL_CALLING);
    return call;
}

static struct call *take_ready(struct dispatcher *d, unsigned step, uint64_t now_ns) {
    bool stopping = atomic_load(&d->stopping);
    struct call *call = stopping ? calls_first(&d->calls, step, CALL_READY) : calls_ready(&d->calls, step);
    if (!call) return NULL;
    calls_set_state(&d->calls, call, CALL_CALLING);
    call->attempt = (struct call_attempt){.begun_ns = now_ns};
    return call;
}

static void start_calls(struct dispatcher *d, unsigned step) {
    struct step *s = &d->step[step];
    while (s->in_flight < s->service->calls_max) {
        uint64_t now_ns = clock_now_ns(d->opts.clock);
        struct call *call = take_resumed(d, step, now_ns);
        if (!call) call = take_ready(d, step, now_ns);
        if (!call) return;
        attempt(d, call);
    }
}

static void flush_services(struct dispatcher *d) {
    for (unsigned i = 0; i < d->opts.services; i++) {
        const struct service *s = d->step[i].service;
        if (d->step[i].unflushed && s->flush) s->flush(s->self);
        d->step[i].unflushed = false;
    }
}

/* The flush comes last: where a service writes something of its own before a call, what has just been answered goes
 * with it. */
static void dispatcher_turn(struct dispatcher *d) {
    for (struct http_call *done; (done = http_client_step(d->http)) != NULL;) finish_call(d, done);
    take_posted(d);
    for (unsigned step = 0; step < d->opts.services; step++) look_at_fresh(d, step);
    expire(d);
    for (unsigned step = 0; step < d->opts.services; step++) start_calls(d, step);
    flush_services(d);
}

/* ---- the thread ---- */

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* How long a turn would find nothing to do; what is posted meanwhile wakes us. */
static int idle_ms(struct dispatcher *d) {
    uint64_t now_ns = clock_now_ns(d->opts.clock), next_ns = now_ns + clock_ns_of_ms(SLEEP_MS_MAX);
    if (inbox_is_filled(&d->inbox)) return 0;
    next_ns = earlier(next_ns, calls_next_end_ns(&d->calls));
    if (atomic_load(&d->stopping)) next_ns = earlier(next_ns, atomic_load(&d->stop_ns));
    for (unsigned i = 0; i < d->opts.services; i++) {
        if (calls_first(&d->calls, i, CALL_FRESH)) return 0;
        if (d->step[i].in_flight >= d->step[i].service->calls_max) continue;
        for (struct call *c = calls_first(&d->calls, i, CALL_PAUSED); c; c = calls_next(&d->calls, c))
            next_ns = earlier(next_ns, c->attempt.resume_ns);
    }
    return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns) / 1000000 + 1);
}

/* Stopped, and nothing is worth waiting for any more, or its time is over. */
static bool dispatcher_is_over(struct dispatcher *d) {
    if (!atomic_load(&d->stopping)) return false;
    unsigned in_flight = 0;
    for (unsigned i = 0; i < d->opts.services; i++) in_flight += d->step[i].in_flight;
    bool idle = in_flight == 0 && d->calls.waiting == 0 && !inbox_is_filled(&d->inbox);
    return idle || clock_now_ns(d->opts.clock) >= atomic_load(&d->stop_ns);
}

static void cancel(struct dispatcher *d, struct call *call) {
    struct step *s = &d->step[call->step];
    if (call->attempt.http && call->state == CALL_CALLING) {
        http_client_give_back(d->http, call->attempt.http);
        leave_breaker(s, call->attempt.pass, BREAKER_ABANDONED);
        metrics_gauge_add(METRIC_REMOTE_IN_FLIGHT, s->metric, -1);
    }
    count_errors(s, ERR_CANCELLED, call->waiting);
    answer_all(d, call, NULL, ERR_CANCELLED);
}

/* Nothing is posted any more: the inbox was closed before we were told to stop. */
static void cancel_all(struct dispatcher *d) {
    take_posted(d);
    for (unsigned step = 0; step < d->opts.services; step++)
        for (unsigned state = 0; state < CALL_STATES; state++)
            for (struct call *c; (c = calls_first(&d->calls, step, (enum call_state)state)) != NULL;) cancel(d, c);
}

static void *dispatcher_main(void *arg) {
    struct dispatcher *d = arg;
    for (dispatcher_turn(d); !dispatcher_is_over(d); dispatcher_turn(d)) http_client_wait(d->http, idle_ms(d));
    cancel_all(d);
    flush_services(d);
    return NULL;
}

/* ---- open, call, stop ---- */

static void open_step(struct dispatcher *d, unsigned i, const struct service *service) {
    struct step *s = &d->step[i];
    int metric = metrics_find(METRIC_SET_SERVICE, decider_name(service->decider));
    MUST(metric >= 0 && service->calls_max > 0 && service->timeout_ms > 0);
    *s = (struct step){.service = service, .metric = (unsigned)metric};
    breaker_init(&s->breaker, &service->breaker, d->opts.clock);
    metrics_gauge_set(METRIC_BREAKER_OPEN, s->metric, 0);
    d->remembers = d->remembers && service->by_template;
}

struct dispatcher *dispatcher_open(const struct dispatcher_opts *o, struct err *e) {
    MUST(o->services >= 1 && o->services <= CALLS_STEPS_MAX);
    struct calls_opts ao = {.calls_max = o->calls_max, .waiters_max = o->waiters_max, .steps = o->services};
    unsigned calls = 0;
    for (unsigned i = 0; i < o->services; i++) {
        const struct service *s = o->service[i];
        ao.step[i] = (struct calls_step){clock_ns_of_ms(s->wait_ms), s->by_template, s->by_source, s->keeps};
        calls += s->calls_max;
    }
    int stage = metrics_find(METRIC_SET_STAGE, "llm");
    MUST(stage >= 0);
    struct http_client *http = http_client_open(calls, e);
    if (!http) return NULL;
    struct dispatcher *d = must_calloc(1, sizeof *d);
    d->opts = *o;
    d->http = http;
    d->remembers = true;
    d->rng.state = clock_now_ns(NULL);
    for (unsigned i = 0; i < o->services; i++) open_step(d, i, o->service[i]);
    calls_init(&d->calls, &ao);
    inbox_init(&d->inbox, INBOX_BYTES_DEFAULT);
    d->metric = (unsigned)stage;
    d->thread = thread_start(dispatcher_main, d);
    return d;
}

bool dispatcher_ask(void *dispatcher, const struct pending *p, const struct question *q, struct err *e) {
    struct dispatcher *d = dispatcher;
    bool first, ok = inbox_post(&d->inbox, p, q, clock_now_ns(d->opts.clock), &first, e);
    if (ok && first) http_client_wake(d->http);
    if (!ok) count_errors(&d->step[0], e->code, 1);
    return ok;
}

static enum err_code step_unavailable(struct step *s, uint64_t now_ns) {
    if (breaker_is_open(&s->breaker)) return ERR_CIRCUIT_OPEN;
    if (now_ns < s->budget_until_ns) return ERR_BUSY;
    return now_ns + clock_ns_of_ms(s->service->timeout_ms) <= s->hold_until_ns ? ERR_HTTP_RETRY : ERR_OK;
}

enum err_code dispatcher_unavailable(void *dispatcher) {
    struct dispatcher *d = dispatcher;
    enum err_code why = ERR_OK;
    uint64_t now_ns = clock_now_ns(d->opts.clock);
    for (unsigned i = 0; i < d->opts.services; i++)
        if ((why = step_unavailable(&d->step[i], now_ns)) == ERR_OK) break;
    return why;
}

void dispatcher_stop(struct dispatcher *d, uint64_t wait_ms) {
    if (d->joined) return;
    inbox_close(&d->inbox);
    atomic_store(&d->stop_ns, clock_now_ns(d->opts.clock) + clock_ns_of_ms(wait_ms));
    atomic_store(&d->stopping, true);
    http_client_wake(d->http);
    pthread_join(d->thread, NULL);
    d->joined = true;
}

void dispatcher_close(struct dispatcher *d) {
    if (!d) return;
    dispatcher_stop(d, 0);
    http_client_close(d->http);
    calls_release(&d->calls);
    inbox_release(&d->inbox);
    free(d);
}
