#include "remote/breaker.h"

#include "base/must.h"

void breaker_init(struct breaker *b, const struct breaker_opts *o, const struct clock *clock) {
    MUST(o->failures_max > 0);
    *b = (struct breaker){.opts = *o, .clock = clock};
}

/* Tells other threads what the state means for them. */
static void breaker_publish(struct breaker *b) {
    uint64_t until_ns = 0;
    if (b->state == BREAKER_OPEN) until_ns = b->opened_ns + clock_ns_of_ms(b->opts.reset_ms);
    if (b->probing) until_ns = b->probe_begun_ns + clock_ns_of_ms(b->opts.probe_ms);
    atomic_store_explicit(&b->shut_until_ns, until_ns, memory_order_relaxed);
}

static void breaker_turn(struct breaker *b, enum breaker_state to, uint64_t now_ns) {
    b->state = to;
    b->generation++;
    b->failures = 0;
    b->probing = false;
    if (to == BREAKER_OPEN) b->opened_ns = now_ns;
}

/* Takes the probe's place if it is free, or if the one who has it is past its time. */
static bool take_probe(struct breaker *b, uint64_t now_ns) {
    if (b->probing) {
        if (now_ns - b->probe_begun_ns < clock_ns_of_ms(b->opts.probe_ms)) return false;
        b->generation++; /* what the lost probe may still report is ignored */
    }
    b->probing = true;
    b->probe_begun_ns = now_ns;
    return true;
}

static bool may_enter(struct breaker *b, uint64_t now_ns) {
    if (b->state == BREAKER_CLOSED) return true;
    if (b->state == BREAKER_OPEN && now_ns - b->opened_ns >= clock_ns_of_ms(b->opts.reset_ms))
        breaker_turn(b, BREAKER_HALF_OPEN, now_ns);
    return b->state == BREAKER_HALF_OPEN && take_probe(b, now_ns);
}

bool breaker_enter(struct breaker *b, struct breaker_pass *pass, struct err *e) {
    bool passes = may_enter(b, clock_now_ns(b->clock));
    pass->generation = b->generation;
    breaker_publish(b);
    return passes || err_set(e, ERR_CIRCUIT_OPEN, "the circuit breaker is %s", breaker_state_name(b->state));
}

static void report_closed(struct breaker *b, enum breaker_outcome outcome, uint64_t now_ns) {
    if (outcome == BREAKER_ABANDONED) return;
    b->failures = outcome == BREAKER_SUCCEEDED ? 0 : b->failures + 1;
    if (b->failures >= b->opts.failures_max) breaker_turn(b, BREAKER_OPEN, now_ns);
}

static void report_probe(struct breaker *b, enum breaker_outcome outcome, uint64_t now_ns) {
    b->probing = false;
    if (outcome == BREAKER_SUCCEEDED) breaker_turn(b, BREAKER_CLOSED, now_ns);
    if (outcome == BREAKER_FAILED) breaker_turn(b, BREAKER_OPEN, now_ns);
}

void breaker_leave(struct breaker *b, struct breaker_pass pass, enum breaker_outcome outcome) {
    if (pass.generation != b->generation) return;
    uint64_t now_ns = clock_now_ns(b->clock);
    MUST(b->state != BREAKER_OPEN); /* opening starts a generation that no call belongs to */
    if (b->state == BREAKER_CLOSED)
        report_closed(b, outcome, now_ns);
    else
        report_probe(b, outcome, now_ns);
    breaker_publish(b);
}

enum breaker_state breaker_state(const struct breaker *b) {
    return b->state;
}

bool breaker_is_open(const struct breaker *b) {
    return clock_now_ns(b->clock) < atomic_load_explicit(&b->shut_until_ns, memory_order_relaxed);
}

const char *breaker_state_name(enum breaker_state s) {
    static const char *const NAME[] = {"closed", "open", "half-open"};
    return NAME[s];
}
