#include "remote/retry.h"

enum { DOUBLINGS_MAX = 20 };

int64_t retry_wait_ms(const struct retry_opts *o, const struct retry_call *call, uint64_t random) {
    if (!err_is_transient(call->code) || call->attempts > o->retries_max) return RETRY_NEVER;
    unsigned doublings = call->attempts - 1 < DOUBLINGS_MAX ? call->attempts - 1 : DOUBLINGS_MAX;
    double wait = (double)(o->wait_ms << doublings);
    wait -= wait * o->jitter * ((double)(random >> 11) * 0x1p-53);
    int64_t wait_ms = (int64_t)wait;
    if (wait_ms < call->asked_ms) wait_ms = call->asked_ms;
    return wait_ms < call->left_ms ? wait_ms : RETRY_NEVER;
}
