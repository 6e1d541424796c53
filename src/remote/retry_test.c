#include "remote/retry.h"

#include "base/check.h"
#include "remote/retry_after.h"

static const struct retry_opts CONTRACT = {.retries_max = 2, .wait_ms = 100};

static int64_t wait_after(unsigned attempts, enum err_code code, int64_t asked_ms, int64_t left_ms) {
    struct retry_call call = {.attempts = attempts, .code = code, .asked_ms = asked_ms, .left_ms = left_ms};
    return retry_wait_ms(&CONTRACT, &call, 0);
}

static void two_retries_after_100_and_200_ms(void) {
    CHECK_INT(wait_after(1, ERR_TIMEOUT, -1, 4000), 100);
    CHECK_INT(wait_after(2, ERR_TIMEOUT, -1, 4000), 200);
    CHECK_INT(wait_after(3, ERR_TIMEOUT, -1, 4000), RETRY_NEVER);
}

static void only_transient_errors_are_retried(void) {
    static const enum err_code TRANSIENT[] = {ERR_TIMEOUT, ERR_CONNECTION, ERR_HTTP_RETRY};
    static const enum err_code PERMANENT[] = {ERR_HTTP_STATUS, ERR_DECODE, ERR_CIRCUIT_OPEN, ERR_CANCELLED};
    for (size_t i = 0; i < 3; i++) CHECK_INT(wait_after(1, TRANSIENT[i], -1, 4000), 100);
    for (size_t i = 0; i < 4; i++) CHECK_INT(wait_after(1, PERMANENT[i], -1, 4000), RETRY_NEVER);
}

static void the_calls_time_is_never_passed(void) {
    CHECK_INT(wait_after(1, ERR_TIMEOUT, -1, 100), RETRY_NEVER);
    CHECK_INT(wait_after(1, ERR_TIMEOUT, -1, 101), 100);
    CHECK_INT(wait_after(1, ERR_TIMEOUT, -1, -5), RETRY_NEVER);
    CHECK_INT(wait_after(1, ERR_HTTP_RETRY, 1000, 1900), 1000);
    CHECK_INT(wait_after(1, ERR_HTTP_RETRY, 2000, 1900), RETRY_NEVER);
    CHECK_INT(wait_after(2, ERR_HTTP_RETRY, 0, 1900), 200); /* the service may only lengthen the wait */
}

static void jitter_only_shortens_and_stays_in_its_share(void) {
    struct retry_opts o = {.retries_max = 2, .wait_ms = 100, .jitter = 0.5};
    struct retry_call call = {.attempts = 1, .code = ERR_TIMEOUT, .asked_ms = -1, .left_ms = 4000};
    CHECK_INT(retry_wait_ms(&o, &call, 0), 100);
    CHECK_INT(retry_wait_ms(&o, &call, UINT64_MAX), 50);
    CHECK_INT(retry_wait_ms(&o, &call, UINT64_MAX / 2), 75);
    o.retries_max = 1000;
    call.attempts = 900;
    call.left_ms = INT64_MAX;
    CHECK(retry_wait_ms(&o, &call, 0) > 0); /* doubling has an end */
}

static void durations_are_read(void) {
    static const struct {
        const char *text;
        int64_t ms;
    } ROW[] = {{"59.56s", 59560},
               {"2m59.56s", 60000},
               {"7.66s", 7660},
               {"120ms", 120},
               {"1h", 60000},
               {"0s", 0},
               {"1s500ms", 1500},
               {"12", 12000},
               {"", -1},
               {"s", -1},
               {"1x", -1},
               {"-1s", -1},
               {"1s 2s", -1},
               {"1s2", -1},
               {"1e9s", -1},
               {"99999999999999999999s", -1},
               {"999999999999h", 60000}};
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) CHECK_INT(retry_after_duration_ms(ROW[i].text), ROW[i].ms);
}

static void retry_after_is_seconds_or_a_date(void) {
    int64_t noon = 1700049600; /* Wed, 15 Nov 2023 12:00:00 GMT */
    CHECK_INT(retry_after_ms("2", noon), 2000);
    CHECK_INT(retry_after_ms("0", noon), 0);
    CHECK_INT(retry_after_ms("0.25", noon), 250);
    CHECK_INT(retry_after_ms("86400", noon), RETRY_AFTER_MS_MAX);
    CHECK_INT(retry_after_ms("Wed, 15 Nov 2023 12:00:07 GMT", noon), 7000);
    CHECK_INT(retry_after_ms("Wed, 15 Nov 2023 11:00:00 GMT", noon), 0);
    CHECK_INT(retry_after_ms("soon", noon), RETRY_AFTER_NONE);
    CHECK_INT(retry_after_ms("-3", noon), RETRY_AFTER_NONE);
}

CHECK_MAIN(CHECK_TEST(two_retries_after_100_and_200_ms), CHECK_TEST(only_transient_errors_are_retried),
           CHECK_TEST(the_calls_time_is_never_passed), CHECK_TEST(jitter_only_shortens_and_stays_in_its_share),
           CHECK_TEST(durations_are_read), CHECK_TEST(retry_after_is_seconds_or_a_date))
