#include "remote/dispatcher.h"

#include "base/check.h"
#include "metrics/metrics.h"
#include "remote/bert_service.h"
#include "remote/fake_service.h"
#include "remote/service_json.h"

enum { RECORDS = 4096, BERT_METRIC = 0, LLM_METRIC = 1 };

static const char OK_DB[] = "{\"label_id\":\"DB_ERROR\",\"label\":\"d\",\"confidence\":0.9}";
static const char OK_BACKUP[] = "{\"label_id\":\"BACKUP\",\"label\":\"b\",\"confidence\":0.1}";

/* ---- who waits: the answers, by record ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    unsigned n, times[RECORDS];
    struct answer answer[RECORDS];
    bool answered[RECORDS];
    enum err_code why[RECORDS];
    struct memo_key key[RECORDS];
} g_in = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static void dispatcher_take_answer(void *ctx, const struct pending *p, const struct answer *a, enum err_code why) {
    (void)ctx;
    pthread_mutex_lock(&g_in.lock);
    g_in.n++;
    g_in.times[p->i]++;
    g_in.answered[p->i] = a != NULL;
    if (a) g_in.answer[p->i] = *a;
    g_in.why[p->i] = why;
    g_in.key[p->i] = p->key;
    pthread_cond_broadcast(&g_in.more);
    pthread_mutex_unlock(&g_in.lock);
}

static void forget_answers(void) {
    pthread_mutex_lock(&g_in.lock);
    g_in.n = 0;
    memset(g_in.times, 0, sizeof g_in.times);
    pthread_mutex_unlock(&g_in.lock);
}

static void dispatcher_wait_for(unsigned n) {
    pthread_mutex_lock(&g_in.lock);
    while (g_in.n < n) pthread_cond_wait(&g_in.more, &g_in.lock);
    pthread_mutex_unlock(&g_in.lock);
}

/* ---- a service like the LLM's: asked by template, keeps its answers ---- */

struct fake_llm {
    struct service service;
    char known[16][32]; /* templates it has an answer for */
    unsigned known_n, forms;
    bool accept_no_form;
    unsigned recall_ms;    /* how long a recall takes */
    atomic_bool recalling; /* one has begun */
};

static enum service_verdict llm_recall(void *self, const struct question *q, struct answer *out) {
    struct fake_llm *f = self;
    atomic_store(&f->recalling, true);
    if (f->recall_ms) fake_sleep_ms(f->recall_ms);
    for (unsigned i = 0; i < f->known_n; i++) {
        if (!span_eq(span_of(f->known[i]), q->template)) continue;
        *out = (struct answer){.decider = DECIDER_LLM, .label = 7, .confidence = 0.5};
        return SERVICE_ANSWERED;
    }
    return SERVICE_FAILED;
}

static bool llm_write(void *self, const struct question *q, struct http_call *call, struct err *e) {
    (void)self;
    if (span_eq(q->template, SPAN_LIT("too dear"))) return err_set(e, ERR_BUSY, "the budget is used up");
    service_json_write_question(&call->request, q->template, (struct span){0});
    return true;
}

static enum service_verdict llm_read(void *self, const struct question *q, const struct http_call *call,
                                     struct answer *out, struct err *e) {
    struct fake_llm *f = self;
    struct service_json_answer a;
    if (call->status == 400 && (f->accept_no_form || f->forms++ == 0)) return SERVICE_AGAIN;
    if (call->status != 200) {
        err_set(e, http_status_code(call->status), "status %ld", call->status);
        return SERVICE_FAILED;
    }
    if (!service_json_read_answer(buf_span(&call->reply), label_default(), &a, e)) return SERVICE_UNSURE;
    *out = (struct answer){.decider = DECIDER_LLM, .label = (uint8_t)a.label, .confidence = a.confidence};
    if (f->known_n < 16) snprintf(f->known[f->known_n++], 32, "%.*s", (int)q->template.n, q->template.p);
    return SERVICE_ANSWERED;
}

/* ---- the rig: up to two fake services behind a dispatcher ---- */

struct rig {
    struct fake_service *bert, *llm;
    struct bert_service *bert_service;
    struct fake_llm fake_llm;
    struct http_endpoint *llm_endpoint;
    struct bert_service_opts bert_opts;
    struct dispatcher_opts dispatcher_opts;
    struct dispatcher *dispatcher;
};

static void rig_init(struct rig *r) {
    *r = (struct rig){.bert_opts = BERT_SERVICE_DEFAULT};
    r->dispatcher_opts =
        (struct dispatcher_opts){.calls_max = 256, .waiters_max = RECORDS, .answer = dispatcher_take_answer};
    r->fake_llm.service = (struct service){
        .decider = DECIDER_LLM,
        .breaker = {.failures_max = 3, .reset_ms = 5000, .probe_ms = 2000},
        .retry = {.retries_max = 2, .wait_ms = 100},
        .timeout_ms = 20000,
        .wait_ms = 20000,
        .calls_max = 4,
        .by_template = true,
        .keeps = true,
        .recall = llm_recall,
        .write = llm_write,
        .read = llm_read,
    };
    forget_answers();
}

static void rig_add_bert(struct rig *r, const struct fake_reply *script, size_t n) {
    struct err e = {0};
    r->bert = fake_service_open(script, n);
    r->bert_opts.url = r->bert->url;
    r->bert_service = bert_service_open(&r->bert_opts, label_default(), &e);
    r->dispatcher_opts.service[r->dispatcher_opts.services++] = bert_service_get(r->bert_service);
}

static void rig_add_llm(struct rig *r, const struct fake_reply *script, size_t n) {
    struct err e = {0};
    r->llm = fake_service_open(script, n);
    r->llm_endpoint = http_endpoint_open(&(struct http_endpoint_opts){.url = r->llm->url}, &e);
    r->fake_llm.service.endpoint = r->llm_endpoint;
    r->fake_llm.service.self = &r->fake_llm;
    r->dispatcher_opts.service[r->dispatcher_opts.services++] = &r->fake_llm.service;
}

static void rig_start(struct rig *r) {
    struct err e = {0};
    r->dispatcher = dispatcher_open(&r->dispatcher_opts, &e);
    MUST(r->dispatcher != NULL);
}

static void dispatcher_rig_close(struct rig *r) {
    dispatcher_close(r->dispatcher);
    bert_service_close(r->bert_service);
    http_endpoint_close(r->llm_endpoint);
    if (r->bert) fake_service_close(r->bert);
    if (r->llm) fake_service_close(r->llm);
}

static bool dispatcher_question(struct rig *r, uint32_t i, const char *message, const char *template) {
    struct err e = {0};
    struct question q = {.message = span_of(message), .template = span_of(template)};
    return dispatcher_ask(r->dispatcher, &(struct pending){.i = i, .key = {1, 2}}, &q, &e);
}

/* Asks and waits; the milliseconds it took. */
static int64_t dispatcher_ask_one(struct rig *r, const char *text) {
    uint64_t begun = clock_now_ns(NULL);
    forget_answers();
    CHECK(dispatcher_question(r, 0, text, text));
    dispatcher_wait_for(1);
    return (int64_t)((clock_now_ns(NULL) - begun) / 1000000);
}

/* Asks something new each time, so that it does not join the one before. */
static int64_t ask_anew(struct rig *r) {
    static unsigned serial;
    char text[32];
    snprintf(text, sizeof text, "new %u", serial++);
    return dispatcher_ask_one(r, text);
}

static double errors(enum decider stage, enum err_code code) {
    return metrics_value(METRIC_CLASSIFICATION_ERRORS, stage, metrics_error_type(code), 0);
}

/* ---- tests ---- */

static void the_first_service_that_is_sure_answers(void) {
    static const struct fake_reply bert[] = {
        {.body = OK_DB},
        {.body = "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":0.2}"},
        {.body = "{\"label_id\":\"INFO\",\"label\":\"i\",\"confidence\":0.19999}"},
        {.body = "{\"label_id\":\"UNCLASSIFIED\",\"label\":\"u\",\"confidence\":0.9}"},
    };
    static const struct fake_reply llm[] = {{.body = OK_BACKUP}};
    static const struct {
        enum decider decider;
        uint8_t label;
        double confidence;
    } WANT[] = {{DECIDER_BERT, 3, 0.9}, {DECIDER_BERT, 5, 0.2}, {DECIDER_LLM, 4, 0.1}, {DECIDER_LLM, 4, 0.1}};
    struct rig r;
    rig_init(&r);
    rig_add_bert(&r, bert, 4);
    rig_add_llm(&r, llm, 1);
    rig_start(&r);
    double before = errors(DECIDER_BERT, ERR_DECODE);
    for (int i = 0; i < 4; i++) {
        char text[32];
        snprintf(text, sizeof text, "line %d", i);
        dispatcher_ask_one(&r, text);
        CHECK(g_in.answered[0]);
        CHECK_INT(g_in.answer[0].decider, WANT[i].decider);
        CHECK_INT(g_in.answer[0].label, WANT[i].label);
        CHECK_NEAR(g_in.answer[0].confidence, WANT[i].confidence, 0);
    }
    CHECK_NEAR(errors(DECIDER_BERT, ERR_DECODE), before, 0); /* unsure is no error */
    dispatcher_rig_close(&r);
}

static void bert_sees_the_message_and_the_llm_the_template(void) {
    struct rig r;
    rig_init(&r);
    rig_add_bert(&r, &(struct fake_reply){.status = "404 Not Found", .body = ""}, 1);
    rig_add_llm(&r, &(struct fake_reply){.body = OK_BACKUP}, 1);
    rig_start(&r);
    CHECK(dispatcher_question(&r, 0, "user 17 failed", "user <num> failed"));
    dispatcher_wait_for(1);
    CHECK(strstr(fake_service_last(r.bert), "\r\n\r\n{\"message\":\"user 17 failed\"}") != NULL);
    CHECK(strstr(fake_service_last(r.llm), "\r\n\r\n{\"message\":\"user <num> failed\"}") != NULL);
    CHECK(strstr(fake_service_last(r.llm), "17 failed") == NULL);
    CHECK_INT(g_in.key[0].lo, 0); /* the answer depends on the message: not to be remembered for its template */
    dispatcher_rig_close(&r);
}

static void equal_questions_are_asked_once(void) {
    enum { N = 1000 };
    struct rig r;
    rig_init(&r);
    rig_add_llm(&r, &(struct fake_reply){.body = OK_DB, .delay_ms = 100}, 1);
    rig_start(&r);
    for (uint32_t i = 0; i < N; i++) CHECK(dispatcher_question(&r, i, "m", i % 2 ? "odd" : "even"));
    dispatcher_wait_for(N);
    for (uint32_t i = 0; i < N; i++) CHECK(g_in.times[i] == 1 && g_in.answered[i] && g_in.key[i].lo == 1);
    CHECK_INT(atomic_load(&r.llm->requests), 2);
    dispatcher_rig_close(&r);
}

static void whole_batches_are_in_flight_at_once(void) {
    enum { N = 64 };
    struct rig r;
    rig_init(&r);
    rig_add_bert(&r, &(struct fake_reply){.body = OK_DB, .delay_ms = 200}, 1);
    rig_start(&r);
    for (uint32_t i = 0; i < N; i++) {
        char text[32];
        snprintf(text, sizeof text, "%u", i);
        CHECK(dispatcher_question(&r, i, text, "t"));
    }
    dispatcher_wait_for(N);
    CHECK(atomic_load(&r.bert->most_busy) > N / 8);
    CHECK_INT(atomic_load(&r.bert->requests), N);
    dispatcher_rig_close(&r);
}

static void every_failure_is_counted_by_its_type(void) {
    static const struct {
        struct fake_reply reply;
        enum err_code code;
        unsigned requests;
    } ROW[] = {
        {{.status = "400 Bad Request", .body = ""}, ERR_HTTP_STATUS, 1},
        {{.status = "204 No Content", .body = ""}, ERR_HTTP_STATUS, 1},
        {{.status = "302 Found", .header = "Location: /x\r\n", .body = ""}, ERR_HTTP_STATUS, 1},
        {{.status = "500 Oops", .body = OK_DB}, ERR_HTTP_RETRY, 3},
        {{.status = "429 Slow", .body = ""}, ERR_HTTP_RETRY, 3},
        {{.body = "{\"label_id\":\"NOPE\",\"label\":\"n\",\"confidence\":1}"}, ERR_DECODE, 1},
        {{.kind = FAKE_FLOOD}, ERR_DECODE, 1},
        {{.kind = FAKE_RESET}, ERR_CONNECTION, 3},
        {{.kind = FAKE_HANG}, ERR_TIMEOUT, 1},
        {{.kind = FAKE_DRIP, .body = "                                        "}, ERR_TIMEOUT, 1},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        struct rig r;
        rig_init(&r);
        r.bert_opts.timeout_ms = ROW[i].code == ERR_TIMEOUT ? 900 : 20000;
        rig_add_bert(&r, &ROW[i].reply, 1);
        rig_start(&r);
        double before = errors(DECIDER_BERT, ROW[i].code);
        dispatcher_ask_one(&r, "x");
        CHECK(!g_in.answered[0]);
        CHECK_STR(err_name(g_in.why[0]), err_name(ROW[i].code));
        CHECK_NEAR(errors(DECIDER_BERT, ROW[i].code), before + 1, 0);
        CHECK(atomic_load(&r.bert->requests) == ROW[i].requests || ROW[i].reply.kind == FAKE_RESET);
        dispatcher_rig_close(&r);
    }
}

static void transient_failures_are_tried_again(void) {
    static const struct fake_reply script[] = {
        {.status = "503 Busy", .body = ""}, {.status = "408 Late", .body = ""}, {.body = OK_DB}};
    struct rig r;
    rig_init(&r);
    rig_add_bert(&r, script, 3);
    rig_start(&r);
    double before = metrics_value(METRIC_REMOTE_RETRIES, BERT_METRIC, 0, 0);
    int64_t ms = dispatcher_ask_one(&r, "x");
    CHECK(g_in.answered[0] && ms >= 300);
    CHECK_NEAR(metrics_value(METRIC_REMOTE_RETRIES, BERT_METRIC, 0, 0), before + 2, 0);
    dispatcher_rig_close(&r);
}

static void a_services_wish_to_wait_is_granted(void) {
    static const struct fake_reply script[] = {{.status = "429 Slow", .header = "Retry-After: 0.4\r\n", .body = ""},
                                               {.body = OK_DB}};
    struct rig r;
    rig_init(&r);
    rig_add_bert(&r, script, 2);
    rig_start(&r);
    CHECK(dispatcher_question(&r, 0, "x", "x"));
    while (atomic_load(&r.bert->requests) == 0) fake_sleep_ms(5);
    fake_sleep_ms(50);
    CHECK(dispatcher_question(&r, 1, "y", "y")); /* others wait, too */
    dispatcher_wait_for(2);
    CHECK(g_in.answered[0] && g_in.answered[1]);
    CHECK(dispatcher_ask_one(&r, "z") < 300);
    static const struct fake_reply long_wait = {.status = "429 Slow", .header = "Retry-After: 30\r\n", .body = ""};
    fake_service_script(r.bert, &long_wait, 1);
    CHECK(dispatcher_ask_one(&r, "u") < 1000); /* longer than its time: no use in waiting */
    CHECK_INT(g_in.why[0], ERR_HTTP_RETRY);
    CHECK_INT(dispatcher_unavailable(r.dispatcher), ERR_HTTP_RETRY);
    dispatcher_rig_close(&r);
}

static void the_breaker_opens_and_recovers(void) {
    static const struct fake_reply broken = {.status = "400 No", .body = ""}, works = {.body = OK_DB};
    struct rig r;
    rig_init(&r);
    r.bert_opts.breaker = (struct breaker_opts){.failures_max = 5, .reset_ms = 300, .probe_ms = 4000};
    rig_add_bert(&r, &broken, 1);
    rig_start(&r);
    for (int i = 0; i < 20; i++) {
        CHECK(ask_anew(&r) < 200);
        CHECK_INT(g_in.why[0], i < 5 ? ERR_HTTP_STATUS : ERR_CIRCUIT_OPEN);
    }
    CHECK_INT(atomic_load(&r.bert->requests), 5);
    CHECK_NEAR(metrics_value(METRIC_BREAKER_OPEN, BERT_METRIC, 0, 0), 1, 0);
    fake_sleep_ms(320);
    for (int i = 0; i < 20; i++) ask_anew(&r);
    CHECK_INT(atomic_load(&r.bert->requests), 6); /* the probe */
    fake_service_script(r.bert, &works, 1);
    fake_sleep_ms(320);
    for (int i = 0; i < 20; i++) {
        ask_anew(&r);
        CHECK(g_in.answered[0]);
    }
    CHECK_NEAR(metrics_value(METRIC_BREAKER_OPEN, BERT_METRIC, 0, 0), 0, 0);
    dispatcher_rig_close(&r);
}

static void hanging_calls_open_the_breaker_too(void) {
    struct rig r;
    rig_init(&r);
    r.bert_opts.timeout_ms = 200;
    rig_add_bert(&r, &(struct fake_reply){.kind = FAKE_HANG}, 1);
    rig_start(&r);
    for (uint32_t i = 0; i < 5; i++) {
        char text[32];
        snprintf(text, sizeof text, "%u", i);
        CHECK(dispatcher_question(&r, i, text, "t"));
    }
    dispatcher_wait_for(5);
    fake_sleep_ms(100);
    dispatcher_ask_one(&r, "x");
    CHECK_INT(g_in.why[0], ERR_CIRCUIT_OPEN);
    CHECK_INT(dispatcher_unavailable(r.dispatcher), ERR_CIRCUIT_OPEN);
    CHECK_INT(atomic_load(&r.bert->requests), 5);
    dispatcher_rig_close(&r);
}

static void a_late_answer_is_kept_for_the_next(void) {
    struct rig r;
    rig_init(&r);
    r.fake_llm.service.wait_ms = 100;
    rig_add_llm(&r, &(struct fake_reply){.body = OK_DB, .delay_ms = 1500}, 1);
    rig_start(&r);
    CHECK(dispatcher_ask_one(&r, "slow") >= 100 && !g_in.answered[0] && g_in.why[0] == ERR_TIMEOUT);
    for (int i = 0; i < 300 && !g_in.answered[0]; i++) dispatcher_ask_one(&r, "slow");
    CHECK(g_in.answered[0]);
    CHECK_INT(atomic_load(&r.llm->requests), 1);
    dispatcher_rig_close(&r);
}

static void each_waiter_has_its_own_time(void) {
    struct rig r;
    rig_init(&r);
    r.fake_llm.service.wait_ms = 2000;
    rig_add_llm(&r, &(struct fake_reply){.body = OK_DB}, 1);
    atomic_store(&r.llm->held, true);
    rig_start(&r);
    CHECK(dispatcher_question(&r, 0, "m", "t"));
    fake_sleep_ms(1500);
    CHECK(dispatcher_question(&r, 1, "m", "t"));
    dispatcher_wait_for(1);
    atomic_store(&r.llm->held, false);
    dispatcher_wait_for(2);
    CHECK(!g_in.answered[0] && g_in.answered[1]); /* the later one still gets the answer */
    dispatcher_rig_close(&r);
}

static void a_form_that_is_refused_is_changed(void) {
    static const struct fake_reply script[] = {{.status = "400 Unknown field", .body = ""}, {.body = OK_DB}};
    struct rig r;
    rig_init(&r);
    rig_add_llm(&r, script, 2);
    rig_start(&r);
    dispatcher_ask_one(&r, "x");
    CHECK(g_in.answered[0]);
    dispatcher_rig_close(&r);
    rig_init(&r);
    r.fake_llm.accept_no_form = true;
    rig_add_llm(&r, script, 1);
    rig_start(&r);
    dispatcher_ask_one(&r, "x");
    CHECK(!g_in.answered[0] && g_in.why[0] == ERR_DECODE);
    CHECK_INT(atomic_load(&r.llm->requests), 1 + SERVICE_CHANGES_MAX);
    dispatcher_rig_close(&r);
}

static void a_used_up_budget_sends_nothing(void) {
    struct rig r;
    rig_init(&r);
    rig_add_llm(&r, &(struct fake_reply){.body = OK_DB}, 1);
    rig_start(&r);
    uint64_t begun_ns = 0;
    CHECK_INT(dispatcher_unavailable(r.dispatcher), ERR_OK);
    for (int i = 0; i < 10; i++) {
        begun_ns = clock_now_ns(NULL);
        dispatcher_ask_one(&r, "too dear");
        CHECK_INT(g_in.why[0], ERR_BUSY);
    }
    CHECK_INT(atomic_load(&r.llm->requests), 0);
    enum err_code unavailable = dispatcher_unavailable(r.dispatcher);
    CHECK(unavailable == ERR_BUSY || clock_now_ns(NULL) - begun_ns >= clock_ns_of_ms(1000));
    dispatcher_ask_one(&r, "cheap"); /* and the breaker has not taken it amiss */
    CHECK(g_in.answered[0]);
    dispatcher_rig_close(&r);
}

static void a_full_table_refuses(void) {
    struct rig r;
    rig_init(&r);
    r.dispatcher_opts.calls_max = 3;
    rig_add_llm(&r, &(struct fake_reply){.kind = FAKE_HANG}, 1);
    rig_start(&r);
    double before = errors(DECIDER_LLM, ERR_BUSY);
    for (uint32_t i = 0; i < 4; i++) CHECK(dispatcher_question(&r, i, "", (const char *[]){"a", "b", "c", "d"}[i]));
    dispatcher_wait_for(1); /* the fourth, which the table has no room for */
    CHECK(g_in.times[3] == 1 && !g_in.answered[3] && g_in.why[3] == ERR_BUSY);
    CHECK_NEAR(errors(DECIDER_LLM, ERR_BUSY), before + 1, 0);
    dispatcher_stop(r.dispatcher, 0);
    CHECK_INT(g_in.n, 4); /* those who were let in are answered: cancelled */
    CHECK_INT(g_in.why[2], ERR_CANCELLED);
    CHECK(!dispatcher_question(&r, 4, "", "e"));
    dispatcher_rig_close(&r);
}

static void a_stop_waits_for_what_is_on_its_way(void) {
    struct rig r;
    rig_init(&r);
    rig_add_llm(&r, &(struct fake_reply){.body = OK_DB, .delay_ms = 200}, 1);
    rig_start(&r);
    for (uint32_t i = 0; i < 6; i++) CHECK(dispatcher_question(&r, i, "", i % 2 ? "odd" : "even"));
    dispatcher_stop(r.dispatcher, 5000);
    CHECK_INT(g_in.n, 6);
    for (uint32_t i = 0; i < 6; i++) CHECK(g_in.answered[i]);
    dispatcher_rig_close(&r);
}

static double stage_seconds(void) {
    static const char NAME[] = "logclass_stage_duration_seconds_sum{stage=\"llm\"} ";
    struct buf out;
    buf_init(&out, 1 << 22);
    metrics_expose(&out);
    buf_putc(&out, '\0');
    const char *at = strstr(out.p, NAME);
    double seconds = at ? strtod(at + strlen(NAME), NULL) : -1;
    buf_release(&out);
    return seconds;
}

/* Once a question, from when it was handed over until its answer; what has none is not observed. */
static void the_stages_time_is_told(void) {
    static const struct fake_reply script[] = {{.body = OK_DB, .delay_ms = 200}, {.status = "400 No", .body = ""}};
    unsigned stage = (unsigned)metrics_find(METRIC_SET_STAGE, "llm");
    struct rig r;
    rig_init(&r);
    rig_add_llm(&r, script, 2);
    r.fake_llm.accept_no_form = true;
    rig_start(&r);
    double n = metrics_value(METRIC_STAGE_DURATION, stage, 0, 0), sum = stage_seconds();
    for (uint32_t i = 0; i < 10; i++) CHECK(dispatcher_question(&r, i, "m", "t"));
    dispatcher_wait_for(10);
    CHECK_NEAR(metrics_value(METRIC_STAGE_DURATION, stage, 0, 0), n + 1, 0);
    CHECK(stage_seconds() - sum >= 0.2 && stage_seconds() - sum < 1.5);
    dispatcher_ask_one(&r, "refused");
    CHECK(!g_in.answered[0]);
    CHECK_NEAR(metrics_value(METRIC_STAGE_DURATION, stage, 0, 0), n + 1, 0);
    dispatcher_rig_close(&r);
}

/* The second comes while the thread is busy with the first, and is still in the inbox when the stop's time is over. */
static void a_stop_answers_what_was_only_posted(void) {
    struct rig r;
    rig_init(&r);
    rig_add_llm(&r, &(struct fake_reply){.kind = FAKE_HANG}, 1);
    r.fake_llm.recall_ms = 300;
    rig_start(&r);
    CHECK(dispatcher_question(&r, 0, "", "first"));
    while (!atomic_load(&r.fake_llm.recalling)) fake_sleep_ms(1);
    CHECK(dispatcher_question(&r, 1, "", "second"));
    dispatcher_stop(r.dispatcher, 0);
    CHECK(g_in.n == 2 && g_in.why[0] == ERR_CANCELLED && g_in.why[1] == ERR_CANCELLED);
    dispatcher_rig_close(&r);
}

enum { THREADS = 4, EACH = 1000 };
static struct rig g_rig;
static atomic_uint g_let_in;

static void *ask_until_refused(void *arg) {
    uint32_t from = (uint32_t)(uintptr_t)arg * EACH, i = from;
    char text[32];
    do {
        snprintf(text, sizeof text, "t%u", i % 7);
        if (!dispatcher_question(&g_rig, i, text, text)) break;
        atomic_fetch_add(&g_let_in, 1);
    } while (++i < from + EACH);
    return NULL;
}

static void a_stop_among_questions_loses_none(void) {
    pthread_t t[THREADS];
    rig_init(&g_rig);
    rig_add_llm(&g_rig, &(struct fake_reply){.body = OK_DB, .delay_ms = 10}, 1);
    rig_start(&g_rig);
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, ask_until_refused, (void *)i);
    while (atomic_load(&g_let_in) < 20)
        ;
    dispatcher_stop(g_rig.dispatcher, 0);
    for (uintptr_t i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    CHECK_INT(g_in.n, atomic_load(&g_let_in));
    for (uint32_t i = 0; i < THREADS * EACH; i++) CHECK(g_in.times[i] <= 1);
    dispatcher_rig_close(&g_rig);
}

static void *dispatcher_ask_many(void *arg) {
    uint32_t from = (uint32_t)(uintptr_t)arg * EACH;
    for (uint32_t i = from; i < from + EACH; i++) {
        char message[32], template[32];
        snprintf(message, sizeof message, "m%u", i % 50);
        snprintf(template, sizeof template, "t%u", i % 10);
        CHECK(dispatcher_question(&g_rig, i, message, template));
        if (i % 100 == 0) fake_sleep_ms(1);
    }
    return NULL;
}

static void many_threads_get_each_answer_once(void) {
    static const struct fake_reply bert[] = {{.body = OK_DB},
                                             {.body = "{}"},
                                             {.kind = FAKE_RESET},
                                             {.status = "500 no", .body = ""},
                                             {.kind = FAKE_RAW, .body = ""},
                                             {.body = OK_BACKUP, .delay_ms = 20}};
    static const struct fake_reply llm[] = {{.body = OK_DB, .delay_ms = 5}};
    pthread_t t[THREADS];
    rig_init(&g_rig);
    g_rig.bert_opts.breaker.failures_max = 1000;
    rig_add_bert(&g_rig, bert, 6);
    rig_add_llm(&g_rig, llm, 1);
    rig_start(&g_rig);
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, dispatcher_ask_many, (void *)i);
    for (uintptr_t i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    dispatcher_wait_for(THREADS * EACH);
    for (uint32_t i = 0; i < THREADS * EACH; i++) CHECK(g_in.times[i] == 1 && g_in.answered[i]);
    CHECK_INT(atomic_load(&g_rig.llm->requests), 10); /* one for each template */
    dispatcher_rig_close(&g_rig);
}

CHECK_MAIN(CHECK_TEST(the_first_service_that_is_sure_answers),
           CHECK_TEST(bert_sees_the_message_and_the_llm_the_template), CHECK_TEST(equal_questions_are_asked_once),
           CHECK_TEST(whole_batches_are_in_flight_at_once), CHECK_TEST(every_failure_is_counted_by_its_type),
           CHECK_TEST(transient_failures_are_tried_again), CHECK_TEST(a_services_wish_to_wait_is_granted),
           CHECK_TEST(the_breaker_opens_and_recovers), CHECK_TEST(hanging_calls_open_the_breaker_too),
           CHECK_TEST(a_late_answer_is_kept_for_the_next), CHECK_TEST(each_waiter_has_its_own_time),
           CHECK_TEST(a_form_that_is_refused_is_changed), CHECK_TEST(a_used_up_budget_sends_nothing),
           CHECK_TEST(a_full_table_refuses), CHECK_TEST(a_stop_waits_for_what_is_on_its_way),
           CHECK_TEST(the_stages_time_is_told), CHECK_TEST(a_stop_answers_what_was_only_posted),
           CHECK_TEST(a_stop_among_questions_loses_none), CHECK_TEST(many_threads_get_each_answer_once))
