#include "api/desk.h"

#include "api/context.h"
#include "base/clock.h"
#include "http/response.h"
#include "metrics/metrics.h"

enum { DESK_SUCCESS, DESK_FAILURE };

struct desk_job {
    desk_work *work;
    const void *user;
    uint64_t begun_ns;
    unsigned status;
    const char *type;
    char from[LISTENER_ADDRESS_MAX];
};

const char *desk_from(const struct exchange *x) {
    const struct desk_job *j = x->handler_state;
    return j->from;
}

void desk_set_type(struct exchange *x, const char *type) {
    struct desk_job *j = x->handler_state;
    j->type = type;
}

static void desk_count(const struct exchange *x, unsigned result) {
    metrics_add(METRIC_DESK_JOBS, metrics_name(METRIC_SET_JOB, x->route->path), result, 0, 1);
}

/* On the helper's thread. */
static void desk_do(struct exchange *x) {
    struct desk_job *j = x->handler_state;
    metrics_observe(METRIC_DESK_WAIT, 0, 0, (double)(clock_now_ns(NULL) - j->begun_ns) * 1e-9, 1);
    j->status = j->work(x);
    desk_count(x, x->refused || j->status >= 500 ? DESK_FAILURE : DESK_SUCCESS);
    atomic_fetch_sub(&api_of(x)->desk_jobs, 1);
}

static enum step desk_full(struct exchange *x) {
    desk_count(x, DESK_FAILURE);
    exchange_refuse(x, REFUSE_QUEUE_FULL, "busy: %d requests of the page wait already", DESK_JOBS_MAX);
    return STEP_SEND;
}

const void *desk_user(const struct exchange *x) {
    const struct desk_job *j = x->handler_state;
    return j->user;
}

enum step desk_run(struct exchange *x, desk_work *work) {
    return desk_run_for(x, work, NULL);
}

enum step desk_run_for(struct exchange *x, desk_work *work, const void *user) {
    struct desk_job *j = x->handler_state;
    if (j) return x->refused ? STEP_SEND : response_send(x, j->status, j->type);
    if (!(j = arena_alloc(&x->arena, sizeof *j))) {
        exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the request");
        return STEP_SEND;
    }
    *j = (struct desk_job){.work = work, .user = user, .type = RESPONSE_JSON, .begun_ns = clock_now_ns(NULL)};
    exchange_peer(x, j->from);
    if (atomic_fetch_add(&api_of(x)->desk_jobs, 1) >= DESK_JOBS_MAX) {
        atomic_fetch_sub(&api_of(x)->desk_jobs, 1);
        return desk_full(x);
    }
    x->handler_state = j;
    if (exchange_task(x, desk_do)) return STEP_WAIT;
    x->handler_state = NULL;
    atomic_fetch_sub(&api_of(x)->desk_jobs, 1);
    desk_count(x, DESK_FAILURE);
    return STEP_SEND;
}
