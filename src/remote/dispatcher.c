#include "remote/dispatcher.h"

#include "base/log.h"
#include "base/must.h"
#include "base/rng.h"
#include "base/thread.h"
#include "metrics/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

enum { SLEEP_MS_MAX = 1000, BUDGET_REST_MS = 1000 };

/* One service and what the dispatcher knows about it. */
struct step {
    const struct service *service;
    struct breaker breaker;
    enum breaker_state shown; /* in the metrics and the log */
    unsigned metric;          /* index of the service */
    unsigned in_flight;
    atomic_ullong hold_until_ns;   /* the service asked us to stay away until then */
    atomic_ullong budget_until_ns; /* its budget was used up; not to be tried before then */
};

struct dispatcher {
    struct dispatcher_opts opts;
    struct step step[CALLS_STEPS_MAX];
    bool remembers; /* answers depend on the template only, whatever service gives them */
    struct http_client *http;
    struct rng rng;
    bool unsettled[CALLS_STEPS_MAX];
    pthread_t thread;
    bool joined;
    pthread_mutex_t lock; /* what follows */
    struct calls asks;
    bool asleep, stopping;
    uint64_t stop_ns; /* when what is still on its way is given up */
};

/* ---- answers ---- */

static void count_errors(const struct step *s, enum err_code code, unsigned records) {
    if (code == ERR_OK || records == 0) return;
    metrics_add(METRIC_CLASSIFICATION_ERRORS, s->service->decider, metrics_error_type(code), 0, records);
}

static void answer_one(struct dispatcher *l, struct pending *p, const struct answer *a, enum err_code why) {
    if (!l->remembers) p->key = (struct memo_key){0};
    l->opts.answer(l->opts.ctx, p, a, why);
}

/* Everybody who waits for the ask gets the answer, also those who come while it is given; then the ask ends. */
static void answer_all(struct dispatcher *l, struct call *ask, const struct answer *a, enum err_code why) {
    for (;;) {
        struct pending p;
        enum err_code before;
        pthread_mutex_lock(&l->lock);
        bool more = calls_take_waiter(&l->asks, ask, &p, &before);
        if (!more) calls_end(&l->asks, ask);
        pthread_mutex_unlock(&l->lock);
        if (!more) return;
        answer_one(l, &p, a, why != ERR_OK ? why : before);
    }
}

/* The step has no answer: the next one is asked, or nobody. */
static void pass_on(struct dispatcher *l, struct call *ask, enum err_code why) {
    pthread_mutex_lock(&l->lock);
    count_errors(&l->step[ask->step], why, ask->waiting);
    bool moved = calls_forward(&l->asks, ask, why, clock_now_ns(l->opts.clock));
    pthread_mutex_unlock(&l->lock);
    if (!moved) answer_all(l, ask, NULL, why);
}

static void dispatcher_fail(struct dispatcher *l, struct call *ask, const struct err *e) {
    const char *url = http_endpoint_url(l->step[ask->step].service->endpoint);
    if (e->code == ERR_CIRCUIT_OPEN || e->code == ERR_BUSY)
        log_debug("remote.refused", "%s: %s", url, e->msg);
    else
        log_warn("remote.failed", "%s: %s", url, e->msg);
    pass_on(l, ask, e->code);
}

/* ---- attempts ---- */

static void dispatcher_set_state(struct dispatcher *l, struct call *ask, enum call_state state) {
    pthread_mutex_lock(&l->lock);
    calls_set_state(&l->asks, ask, state);
    pthread_mutex_unlock(&l->lock);
}

static void pause_until(struct dispatcher *l, struct call *ask, uint64_t resume_ns) {
    ask->call.resume_ns = resume_ns;
    dispatcher_set_state(l, ask, CALL_PAUSED);
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
static bool send_request(struct dispatcher *l, struct call *ask, uint64_t left_ns, struct err *e) {
    struct step *s = &l->step[ask->step];
    struct http_call *http = http_client_take(l->http);
    MUST(http != NULL); /* there are as many as all services may have in flight */
    http->user = ask;
    bool ok = s->service->write(s->service->self, &ask->q, http, e) &&
              http_client_start(l->http, http, s->service->endpoint, left_ns / 1000000, e);
    if (!ok) {
        http_client_give_back(l->http, http);
        return false;
    }
    ask->call.http = http;
    ask->call.attempts++;
    s->in_flight++;
    metrics_gauge_add(METRIC_REMOTE_IN_FLIGHT, s->metric, 1);
    metrics_add(METRIC_REMOTE_CALLS, s->metric, 0, 0, 1);
    if (ask->call.attempts > 1) metrics_add(METRIC_REMOTE_RETRIES, s->metric, 0, 0, 1);
    return true;
}

/* One attempt of a CALLING ask. */
static void attempt(struct dispatcher *l, struct call *ask) {
    struct err e = {0};
    struct step *s = &l->step[ask->step];
    uint64_t now_ns = clock_now_ns(l->opts.clock), end_ns = ask->call.begun_ns + clock_ns_of_ms(s->service->timeout_ms);
    uint64_t hold_ns = s->hold_until_ns, ready_ns = hold_ns > now_ns ? hold_ns : now_ns;
    if (ready_ns >= end_ns) {
        err_set(&e, now_ns >= end_ns ? ERR_TIMEOUT : ERR_HTTP_RETRY, "no attempt is possible before its time is over");
        dispatcher_fail(l, ask, &e);
    } else if (ready_ns > now_ns) {
        pause_until(l, ask, ready_ns);
    } else if (!breaker_enter(&s->breaker, &ask->call.pass, &e)) {
        dispatcher_fail(l, ask, &e);
    } else if (!send_request(l, ask, end_ns - now_ns, &e)) {
        leave_breaker(s, ask->call.pass, BREAKER_ABANDONED);
        if (e.code == ERR_BUSY) s->budget_until_ns = now_ns + clock_ns_of_ms(BUDGET_REST_MS);
        dispatcher_fail(l, ask, &e);
    }
}

static void retry_or_fail(struct dispatcher *l, struct call *ask, const struct err *e, int64_t asked_ms) {
    const struct service *s = l->step[ask->step].service;
    uint64_t now_ns = clock_now_ns(l->opts.clock), spent_ms = (now_ns - ask->call.begun_ns) / 1000000;
    struct retry_call call = {.attempts = ask->call.attempts - ask->call.changes,
                              .code = e->code,
                              .asked_ms = asked_ms,
                              .left_ms = (int64_t)s->timeout_ms - (int64_t)spent_ms};
    int64_t wait_ms = retry_wait_ms(&s->retry, &call, rng_next(&l->rng));
    if (wait_ms == RETRY_NEVER)
        dispatcher_fail(l, ask, e);
    else
        pause_until(l, ask, now_ns + clock_ns_of_ms((uint64_t)wait_ms));
}

/* The same question in another form. */
static void ask_again(struct dispatcher *l, struct call *ask) {
    struct err e = {0};
    if (ask->call.changes++ < SERVICE_CHANGES_MAX) {
        attempt(l, ask);
        return;
    }
    err_set(&e, ERR_DECODE, "it accepts no form of the question");
    dispatcher_fail(l, ask, &e);
}

static enum service_verdict dispatcher_judge(const struct step *s, const struct call *ask, struct answer *a,
                                             struct err *e) {
    const struct http_call *http = ask->call.http;
    *e = http->err;
    if (http->err.code != ERR_OK) return SERVICE_FAILED;
    return s->service->read(s->service->self, &ask->q, http, a, e);
}

static void finish_call(struct dispatcher *l, struct http_call *http) {
    struct call *ask = http->user;
    struct step *s = &l->step[ask->step];
    struct answer a;
    struct err e;
    enum service_verdict verdict = dispatcher_judge(s, ask, &a, &e);
    int64_t asked_ms = http->retry_after_ms;
    if (asked_ms > 0) s->hold_until_ns = clock_now_ns(l->opts.clock) + clock_ns_of_ms((uint64_t)asked_ms);
    http_client_give_back(l->http, http);
    ask->call.http = NULL;
    s->in_flight--;
    metrics_gauge_add(METRIC_REMOTE_IN_FLIGHT, s->metric, -1);
    leave_breaker(s, ask->call.pass, verdict == SERVICE_FAILED ? BREAKER_FAILED : BREAKER_SUCCEEDED);
    l->unsettled[ask->step] = true;
    switch (verdict) {
    case SERVICE_ANSWERED: answer_all(l, ask, &a, ERR_OK); break;
    case SERVICE_UNSURE: pass_on(l, ask, e.code); break;
    case SERVICE_FAILED: retry_or_fail(l, ask, &e, asked_ms); break;
    case SERVICE_AGAIN: ask_again(l, ask); break;
    }
}

/* ---- what the loop does in each turn ---- */

static struct call *first(struct dispatcher *l, unsigned step, enum call_state state) {
    pthread_mutex_lock(&l->lock);
    struct call *ask = calls_first(&l->asks, step, state);
    pthread_mutex_unlock(&l->lock);
    return ask;
}

/* Answers what is known already; the rest is READY for a call. */
static void look_at_fresh(struct dispatcher *l, unsigned step) {
    const struct service *s = l->step[step].service;
    for (struct call *ask; (ask = first(l, step, CALL_FRESH)) != NULL;) {
        struct answer a;
        enum service_verdict known = s->recall ? s->recall(s->self, &ask->q, &a) : SERVICE_FAILED;
        if (known == SERVICE_ANSWERED)
            answer_all(l, ask, &a, ERR_OK);
        else if (known == SERVICE_UNSURE)
            pass_on(l, ask, ERR_OK);
        else
            dispatcher_set_state(l, ask, CALL_READY);
    }
}

static void expire(struct dispatcher *l) {
    for (uint64_t now_ns = clock_now_ns(l->opts.clock);;) {
        struct calls_expiry x;
        pthread_mutex_lock(&l->lock);
        bool more = calls_expire(&l->asks, now_ns, &x);
        pthread_mutex_unlock(&l->lock);
        if (!more) return;
        count_errors(&l->step[x.step], ERR_TIMEOUT, 1);
        if (x.ended) answer_one(l, &x.pending, NULL, ERR_TIMEOUT);
    }
}

/* Takes the first paused ask whose pause is over into CALLING; they are few, so they are simply looked through. */
static struct call *take_resumed(struct dispatcher *l, unsigned step, uint64_t now_ns) {
    pthread_mutex_lock(&l->lock);
    struct call *ask = calls_first(&l->asks, step, CALL_PAUSED);
    while (ask && ask->call.resume_ns > now_ns) ask = calls_next(&l->asks, ask);
    if (ask) calls_set_state(&l->asks, ask, CALL_CALLING);
    pthread_mutex_unlock(&l->lock);
    return ask;
}

static struct call *take_ready(struct dispatcher *l, unsigned step, uint64_t now_ns) {
    pthread_mutex_lock(&l->lock);
    struct call *ask = l->stopping ? calls_first(&l->asks, step, CALL_READY) : calls_ready(&l->asks, step);
    if (ask) {
        calls_set_state(&l->asks, ask, CALL_CALLING);
        ask->call = (struct call_attempt){.begun_ns = now_ns};
    }
    pthread_mutex_unlock(&l->lock);
    return ask;
}

static void start_calls(struct dispatcher *l, unsigned step) {
    struct step *s = &l->step[step];
    while (s->in_flight < s->service->calls_max) {
        uint64_t now_ns = clock_now_ns(l->opts.clock);
        struct call *ask = take_resumed(l, step, now_ns);
        if (!ask) ask = take_ready(l, step, now_ns);
        if (!ask) return;
        attempt(l, ask);
    }
}

static void settle(struct dispatcher *l) {
    for (unsigned i = 0; i < l->opts.services; i++) {
        const struct service *s = l->step[i].service;
        if (l->unsettled[i] && s->flush) s->flush(s->self);
        l->unsettled[i] = false;
    }
}

static void dispatcher_turn(struct dispatcher *l) {
    for (struct http_call *done; (done = http_client_step(l->http)) != NULL;) finish_call(l, done);
    settle(l); /* before new questions are looked at, so that what has just been answered is known */
    for (unsigned step = 0; step < l->opts.services; step++) look_at_fresh(l, step);
    expire(l);
    for (unsigned step = 0; step < l->opts.services; step++) start_calls(l, step);
}

/* ---- the thread ---- */

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Something a turn would do now, or the time until then. Called under the lock. */
static int idle_ms(struct dispatcher *l) {
    uint64_t now_ns = clock_now_ns(l->opts.clock), next_ns = now_ns + clock_ns_of_ms(SLEEP_MS_MAX);
    next_ns = earlier(next_ns, calls_next_end_ns(&l->asks));
    if (l->stopping) next_ns = earlier(next_ns, l->stop_ns);
    for (unsigned i = 0; i < l->opts.services; i++) {
        if (calls_first(&l->asks, i, CALL_FRESH)) return 0;
        if (l->step[i].in_flight >= l->step[i].service->calls_max) continue;
        for (struct call *a = calls_first(&l->asks, i, CALL_PAUSED); a; a = calls_next(&l->asks, a))
            next_ns = earlier(next_ns, a->call.resume_ns);
    }
    return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns) / 1000000 + 1);
}

static void rest(struct dispatcher *l) {
    pthread_mutex_lock(&l->lock);
    int ms = idle_ms(l);
    l->asleep = ms > 0;
    pthread_mutex_unlock(&l->lock);
    http_client_wait(l->http, ms);
    pthread_mutex_lock(&l->lock);
    l->asleep = false;
    pthread_mutex_unlock(&l->lock);
}

/* Stopped, and nothing is worth waiting for any more, or its time is over. */
static bool dispatcher_is_over(struct dispatcher *l) {
    unsigned in_flight = 0;
    for (unsigned i = 0; i < l->opts.services; i++) in_flight += l->step[i].in_flight;
    pthread_mutex_lock(&l->lock);
    bool idle = in_flight == 0 && l->asks.waiting == 0;
    bool over = l->stopping && (idle || clock_now_ns(l->opts.clock) >= l->stop_ns);
    pthread_mutex_unlock(&l->lock);
    return over;
}

static void cancel(struct dispatcher *l, struct call *ask) {
    struct step *s = &l->step[ask->step];
    if (ask->call.http && ask->state == CALL_CALLING) {
        http_client_give_back(l->http, ask->call.http);
        leave_breaker(s, ask->call.pass, BREAKER_ABANDONED);
        metrics_gauge_add(METRIC_REMOTE_IN_FLIGHT, s->metric, -1);
    }
    count_errors(s, ERR_CANCELLED, ask->waiting);
    answer_all(l, ask, NULL, ERR_CANCELLED);
}

static void *dispatcher_main(void *arg) {
    struct dispatcher *l = arg;
    for (dispatcher_turn(l); !dispatcher_is_over(l); dispatcher_turn(l)) rest(l);
    for (unsigned step = 0; step < l->opts.services; step++)
        for (unsigned state = 0; state < CALL_STATES; state++)
            for (struct call *ask; (ask = first(l, step, (enum call_state)state)) != NULL;) cancel(l, ask);
    settle(l);
    return NULL;
}

/* ---- open, ask, stop ---- */

static void open_step(struct dispatcher *l, unsigned i, const struct service *service) {
    struct step *s = &l->step[i];
    int metric = metrics_find(METRIC_SET_SERVICE, decider_name(service->decider));
    MUST(metric >= 0 && service->calls_max > 0 && service->timeout_ms > 0);
    *s = (struct step){.service = service, .metric = (unsigned)metric};
    breaker_init(&s->breaker, &service->breaker, l->opts.clock);
    metrics_gauge_set(METRIC_BREAKER_OPEN, s->metric, 0);
    l->remembers = l->remembers && service->by_template;
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
    struct http_client *http = http_client_open(calls, e);
    if (!http) return NULL;
    struct dispatcher *l = must_calloc(1, sizeof *l);
    l->opts = *o;
    l->http = http;
    l->remembers = true;
    l->rng.state = clock_now_ns(NULL);
    for (unsigned i = 0; i < o->services; i++) open_step(l, i, o->service[i]);
    calls_init(&l->asks, &ao);
    pthread_mutex_init(&l->lock, NULL);
    l->thread = thread_start(dispatcher_main, l);
    return l;
}

bool dispatcher_ask(void *dispatcher, const struct pending *p, const struct question *q, struct err *e) {
    struct dispatcher *l = dispatcher;
    pthread_mutex_lock(&l->lock);
    bool ok = l->stopping ? err_set(e, ERR_CANCELLED, "the network stage has been stopped")
                          : calls_join(&l->asks, p, q, clock_now_ns(l->opts.clock), e);
    bool wake = ok && l->asleep;
    if (wake) l->asleep = false;
    pthread_mutex_unlock(&l->lock);
    if (wake) http_client_wake(l->http);
    if (!ok) count_errors(&l->step[0], e->code, 1);
    return ok;
}

static enum err_code step_unavailable(struct step *s, uint64_t now_ns) {
    if (breaker_is_open(&s->breaker)) return ERR_CIRCUIT_OPEN;
    if (now_ns < s->budget_until_ns) return ERR_BUSY;
    return now_ns + clock_ns_of_ms(s->service->timeout_ms) <= s->hold_until_ns ? ERR_HTTP_RETRY : ERR_OK;
}

enum err_code dispatcher_unavailable(void *dispatcher) {
    struct dispatcher *l = dispatcher;
    enum err_code why = ERR_OK;
    uint64_t now_ns = clock_now_ns(l->opts.clock);
    for (unsigned i = 0; i < l->opts.services; i++)
        if ((why = step_unavailable(&l->step[i], now_ns)) == ERR_OK) break;
    return why;
}

void dispatcher_stop(struct dispatcher *l, uint64_t wait_ms) {
    if (l->joined) return;
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    l->stop_ns = clock_now_ns(l->opts.clock) + clock_ns_of_ms(wait_ms);
    pthread_mutex_unlock(&l->lock);
    http_client_wake(l->http);
    pthread_join(l->thread, NULL);
    l->joined = true;
}

void dispatcher_close(struct dispatcher *l) {
    if (!l) return;
    dispatcher_stop(l, 0);
    for (unsigned i = 0; i < l->opts.services; i++) breaker_release(&l->step[i].breaker);
    http_client_close(l->http);
    calls_release(&l->asks);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
