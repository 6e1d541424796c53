/* The desk: what waits for it is bounded, and everybody gets an answer. */
#include "api/desk.h"

#include "api/fixture.h"
#include "api/params.h"
#include "metrics/metrics.h"
#include "review/book.h"
#include "review/kinds_internal.h"

static const char ASK[] = "GET /api/kinds HTTP/1.1\r\nHost: localhost\r\n\r\n";

static void of_more_requests_than_may_wait_the_rest_come_again(void) {
    enum { MORE = DESK_JOBS_MAX + 3 };
    struct kinds_opts ko = {.max = 1000};
    struct api_opts o = fix_opts();
    struct book book;
    int fd[MORE];
    book_init(&book);
    book_open(&book, &ko);
    o.book = &book;
    if (!fix_start(&o)) return;
    pthread_mutex_lock(&book.kinds->shard[0].lock); /* the first job stays at it */
    for (unsigned i = 0; i < MORE; i++) {
        fix_later_bytes = 0;
        fix_say(fd[i] = fix_connect(), ASK);
        if (i < DESK_JOBS_MAX) continue;
        CHECK_INT(fix_read(fd[i]), 503);
        CHECK(fix_says("Retry-After: 1") && fix_says("64 requests of the page wait"));
    }
    pthread_mutex_unlock(&book.kinds->shard[0].lock);
    for (unsigned i = 0; i < MORE; i++) {
        if (i < DESK_JOBS_MAX) CHECK_INT(fix_read(fd[i]), 200);
        close(fd[i]);
    }
    CHECK_INT(fix_ask(ASK), 200);
    unsigned job = metrics_name(METRIC_SET_JOB, "/api/kinds");
    CHECK_INT(metrics_value(METRIC_DESK_JOBS, job, 0, 0), DESK_JOBS_MAX + 1);
    CHECK_INT(metrics_value(METRIC_DESK_JOBS, job, 1, 0), 3);
    fix_end();
    book_release(&book);
}

static void values_of_queries_are_decoded(void) {
    static const struct {
        const char *value, *want; /* NULL: it is none */
    } CASE[] = {{"plain", "plain"}, {"a+b%20c", "a b c"}, {"%41%7a%2B", "Az+"}, {"", ""},
                {"%", NULL},        {"%4", NULL},         {"a%g0", NULL},       {"%0", NULL}};
    char text[100];
    uint64_t id;
    for (unsigned i = 0; i < sizeof CASE / sizeof CASE[0]; i++) {
        size_t n = params_decode(span_of(CASE[i].value), text);
        CHECK_INT(n == SIZE_MAX, !CASE[i].want);
        if (n != SIZE_MAX && CASE[i].want) CHECK_SPAN(((struct span){text, n}), CASE[i].want);
    }
    CHECK(params_id(SPAN_LIT("00ff00000000000A"), &id) && id == 0xff00000000000a);
    CHECK(!params_id(SPAN_LIT("0"), &id) && !params_id(SPAN_LIT("000000000000000g"), &id) &&
          !params_id(SPAN_LIT(""), &id));
}

CHECK_MAIN(CHECK_TEST(of_more_requests_than_may_wait_the_rest_come_again), CHECK_TEST(values_of_queries_are_decoded))
