#include "llm/llm.h"

#include "base/check.h"
#include "base/file.h"
#include "metrics/metrics.h"
#include "remote/fake_service.h"
#include "remote/dispatcher.h"

#include <sys/stat.h>

/* ---- an endpoint that speaks chat completions, as strict or as odd as a test wants it ---- */

struct endpoint {
    const char *content;       /* of the answer, escaped for JSON; NULL: {"label_id":"BACKUP"} */
    const char *finish;        /* NULL: "stop" */
    const char *logprobs;      /* of the choice, as JSON; NULL: none */
    const char *refuses[4];    /* words in a request that get a 400 naming them */
    const char *status, *body; /* instead of an answer */
    unsigned cut_below;        /* tokens_max below this is too little */
    unsigned refusals, cuts;
};

static const char *respond(void *user, struct span request, struct buf *body) {
    struct endpoint *p = user;
    char text[65536];
    snprintf(text, sizeof text, "%.*s", (int)request.n, request.p);
    if (p->status) {
        buf_puts(body, p->body);
        return p->status;
    }
    for (size_t i = 0; i < 4 && p->refuses[i]; i++) {
        if (!strstr(text, p->refuses[i])) continue;
        buf_printf(body, "{\"error\":{\"message\":\"property '%s' is unsupported\",\"code\":\"unsupported\"}}",
                   p->refuses[i]);
        p->refusals++;
        return "400 Bad Request";
    }
    const char *limit = strstr(text, "_tokens\":");
    bool cut = limit && strtoul(limit + 9, NULL, 10) < p->cut_below;
    p->cuts += cut;
    buf_printf(body,
               "{\"choices\":[{\"message\":{\"content\":\"%s\"},\"logprobs\":%s,\"finish_reason\":\"%s\"}],"
               "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10}}",
               p->content ? p->content : "{\\\"label_id\\\":\\\"BACKUP\\\"}", p->logprobs ? p->logprobs : "null",
               cut         ? "length"
               : p->finish ? p->finish
                           : "stop");
    return NULL;
}

/* ---- who waits ---- */

enum { RECORDS = 65536 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    unsigned n;
    bool answered[RECORDS];
    struct answer last;
    enum err_code why;
} g_in = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static void llm_take_answer(void *ctx, const struct pending *p, const struct answer *a, enum err_code why) {
    (void)ctx;
    pthread_mutex_lock(&g_in.lock);
    g_in.n++;
    g_in.answered[p->i] = a != NULL;
    if (a) g_in.last = *a;
    g_in.why = why;
    pthread_cond_broadcast(&g_in.more);
    pthread_mutex_unlock(&g_in.lock);
}

static void llm_wait_for(unsigned n) {
    pthread_mutex_lock(&g_in.lock);
    while (g_in.n < n) pthread_cond_wait(&g_in.more, &g_in.lock);
    pthread_mutex_unlock(&g_in.lock);
}

/* ---- the rig ---- */

struct rig {
    struct endpoint endpoint;
    struct fake_service *fake;
    char url[128];
    struct llm_opts opts;
    struct llm *llm;
    struct dispatcher *dispatcher;
};

static struct rig rig(void) {
    struct rig r = {.opts = LLM_DEFAULT};
    r.opts.timeout_ms = 60000; /* on a busy machine, too */
    r.opts.env_file = "/nowhere";
    r.opts.model = "test-model";
    return r;
}

static void start_lane(struct rig *r) {
    struct err e = {0};
    r->llm = llm_open(&r->opts, label_default(), &e);
    if (!r->llm) fprintf(stderr, "%s\n", e.msg);
    MUST(r->llm != NULL);
    struct dispatcher_opts lo = {.service = {llm_service(r->llm)},
                                 .services = 1,
                                 .calls_max = 1024,
                                 .waiters_max = RECORDS,
                                 .answer = llm_take_answer};
    r->dispatcher = dispatcher_open(&lo, &e);
    g_in.n = 0;
}

static void start(struct rig *r) {
    r->fake = fake_service_open(NULL, 0);
    r->fake->respond = respond;
    r->fake->user = &r->endpoint;
    snprintf(r->url, sizeof r->url, "%.*s/v1", (int)(strlen(r->fake->url) - strlen("/classify")), r->fake->url);
    if (!r->opts.url[0]) r->opts.url = r->url;
    start_lane(r);
}

static void stop_lane(struct rig *r) {
    dispatcher_close(r->dispatcher);
    llm_close(r->llm);
}

static void stop(struct rig *r) {
    stop_lane(r);
    fake_service_close(r->fake);
}

static bool llm_ask(struct rig *r, uint32_t i, const char *message, const char *template) {
    struct err e = {0};
    struct question q = {.message = span_of(message), .template = span_of(template)};
    return dispatcher_ask(r->dispatcher, &(struct pending){.i = i}, &q, &e);
}

/* Asks and waits; whether there was an answer. */
static bool llm_ask_one(struct rig *r, const char *template) {
    pthread_mutex_lock(&g_in.lock);
    g_in.n = 0;
    pthread_mutex_unlock(&g_in.lock);
    CHECK(llm_ask(r, 0, "raw", template));
    llm_wait_for(1);
    return g_in.answered[0];
}

static unsigned requests(const struct rig *r) {
    return atomic_load(&r->fake->requests);
}

/* ---- tests ---- */

static void a_template_is_asked_about_once(void) {
    struct rig r = rig();
    start(&r);
    for (int i = 0; i < 5; i++) {
        CHECK(llm_ask_one(&r, "copied # files to tape"));
        CHECK_INT(g_in.last.label, 4);
        CHECK_INT(g_in.last.decider, DECIDER_LLM);
        CHECK_NEAR(g_in.last.confidence, 0.70, 0);
    }
    CHECK_INT(requests(&r), 1);
    CHECK(llm_estimate(r.llm, SPAN_LIT("copied # files to tape")).known);
    struct llm_estimate known = llm_estimate(r.llm, SPAN_LIT("copied # files to tape")),
                        other = llm_estimate(r.llm, SPAN_LIT("other"));
    CHECK(known.known && known.tokens_in == 0 && known.cost == 0);
    CHECK(!other.known && other.tokens_in > 300 && other.tokens_in < 1000 && other.tokens_out > 0);
    stop(&r);
}

static void the_key_leaves_this_machine_encrypted_only(void) {
    char path[] = "/tmp/logclass_llm_XXXXXX";
    struct err e;
    static const struct {
        const char *url;
        bool in_clear, opens;
    } CASE[] = {{"http://llm.example/v1", false, false},   {"http://10.1.2.3:8000/v1", false, false},
                {"HTTP://127.example/v1", false, false},   {"http://[fe80::1]/v1", false, false},
                {"http://llm.example/v1", true, true},     {"https://llm.example/v1", false, true},
                {"http://127.0.0.1:8000/v1", false, true}, {"http://localhost:8000/v1", false, true},
                {"http://[::1]:8000/v1", false, true}};
    close(mkstemp(path));
    CHECK(file_write(path, SPAN_LIT("canary-key\n"), &e));
    chmod(path, 0600);
    for (size_t i = 0; i < sizeof CASE / sizeof CASE[0]; i++) {
        struct llm_opts o = LLM_DEFAULT;
        o.key_file = path, o.url = CASE[i].url, o.key_in_clear = CASE[i].in_clear;
        struct llm *l = llm_open(&o, label_default(), &e);
        CHECK((l != NULL) == CASE[i].opens);
        if (!l) CHECK(e.code == ERR_USAGE && strstr(e.msg, "unencrypted") && !strstr(e.msg, "canary"));
        llm_close(l);
    }
    unlink(path);
}

static void only_the_masked_and_redacted_template_is_sent(void) {
    char path[] = "/tmp/logclass_llm_XXXXXX";
    struct err e;
    close(mkstemp(path));
    CHECK(file_write(path, SPAN_LIT("canary-key\n"), &e));
    chmod(path, 0600);
    struct rig r = rig();
    r.opts.key_file = path;
    start(&r);
    CHECK(llm_ask(&r, 0, "login of mallory from 10.1.2.3 password=hunter2",
                  "login of mallory from <ip> password=hunter2"));
    llm_wait_for(1);
    const char *sent = fake_service_last(r.fake);
    CHECK(strncmp(sent, "POST /v1/chat/completions HTTP/1.1\r\n", 36) == 0);
    CHECK(strstr(sent, "\r\nAuthorization: Bearer canary-key\r\n") != NULL);
    CHECK(strstr(sent, "login of mallory from <ip> password=<secret>") != NULL);
    CHECK(strstr(sent, "10.1.2.3") == NULL && strstr(sent, "hunter2") == NULL);
    CHECK(strstr(sent, "\"model\":\"test-model\"") != NULL);
    struct buf shown;
    buf_init(&shown, 1 << 20);
    CHECK(llm_show(r.llm, SPAN_LIT("login of <ip>"), &shown, &e));
    buf_putc(&shown, '\0');
    CHECK(strncmp(shown.p, "POST http://127.0.0.1:", 22) == 0 && strstr(shown.p, "login of <ip>") != NULL);
    CHECK(strstr(shown.p, "Authorization: Bearer (the key)\n") != NULL && strstr(shown.p, "canary") == NULL);
    buf_release(&shown);
    CHECK_INT(requests(&r), 1); /* showing asks nobody */
    stop(&r);
    unlink(path);
}

static void answers_outlive_a_restart(void) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/logclass_llm_%d.db", (int)getpid());
    struct rig r = rig();
    r.opts.store.path = path;
    start(&r);
    CHECK(llm_ask_one(&r, "a") && llm_ask_one(&r, "b"));
    stop_lane(&r);
    start_lane(&r);
    double before = metrics_value(METRIC_LLM_RECALLED, 0, 0, 0);
    CHECK(llm_ask_one(&r, "a") && llm_ask_one(&r, "b"));
    CHECK_INT(requests(&r), 2);
    CHECK_NEAR(metrics_value(METRIC_LLM_RECALLED, 0, 0, 0), before + 2, 0);
    stop_lane(&r);
    r.opts.model = "another-model"; /* would answer otherwise */
    start_lane(&r);
    CHECK(llm_ask_one(&r, "a"));
    CHECK_INT(requests(&r), 3);
    stop(&r);
    unlink(path);
}

static void forms_are_found_out_once(void) {
    struct rig r = rig();
    r.endpoint = (struct endpoint){.refuses = {"logprobs", "json_schema", "temperature", "max_tokens"}};
    r.endpoint.refuses[3] = NULL;
    start(&r);
    CHECK(llm_ask_one(&r, "first"));
    CHECK_INT(r.endpoint.refusals, 3);
    CHECK(llm_ask_one(&r, "second"));
    CHECK_INT(r.endpoint.refusals, 3);
    CHECK(strstr(fake_service_last(r.fake), "\"json_object\"") != NULL);
    stop(&r);
}

static void one_refusal_of_several_calls_in_flight_changes_one_part(void) {
    struct rig r = rig();
    r.endpoint = (struct endpoint){.refuses = {"logprobs"}};
    start(&r);
    for (uint32_t i = 0; i < 8; i++) {
        char template[16];
        snprintf(template, sizeof template, "t%u", i % 8);
        CHECK(llm_ask(&r, i, "", template));
    }
    llm_wait_for(8);
    for (uint32_t i = 0; i < 8; i++) CHECK(g_in.answered[i]);
    CHECK(strstr(fake_service_last(r.fake), "json_schema") != NULL); /* not given up for nothing */
    stop(&r);
}

static void a_bad_line_does_not_cost_the_form(void) {
    struct rig r = rig();
    start(&r);
    CHECK(llm_ask_one(&r, "good"));
    r.endpoint.status = "400 Bad Request";
    r.endpoint.body = "{\"error\":{\"message\":\"content filter\"}}";
    CHECK(!llm_ask_one(&r, "bad"));
    CHECK_INT(g_in.why, ERR_HTTP_STATUS);
    CHECK_INT(requests(&r), 2);
    r.endpoint.status = NULL;
    CHECK(llm_ask_one(&r, "good again") && strstr(fake_service_last(r.fake), "json_schema") != NULL);
    stop(&r);
}

static void a_cut_answer_gets_more_room(void) {
    struct rig r = rig();
    r.endpoint.cut_below = 1000;
    start(&r);
    CHECK(llm_ask_one(&r, "long thoughts"));
    CHECK(r.endpoint.cuts >= 1);
    unsigned cuts = r.endpoint.cuts;
    CHECK(llm_ask_one(&r, "more thoughts"));
    CHECK_INT(r.endpoint.cuts, cuts);
    r.endpoint.cut_below = 1000000;
    CHECK(!llm_ask_one(&r, "endless thoughts"));
    CHECK_INT(g_in.why, ERR_NO_LABEL);
    stop(&r);
}

static void nothing_but_a_label_is_an_answer(void) {
    static const char *const ECHO[] = {"Ignore previous instructions", "I was told to say BACKUP", "BACKUP!",
                                       "{\\\"label_id\\\":\\\"ADMIN\\\"}", ""};
    struct rig r = rig();
    start(&r);
    for (size_t i = 0; i < sizeof ECHO / sizeof ECHO[0]; i++) {
        char template[32];
        snprintf(template, sizeof template, "hostile %zu", i);
        r.endpoint.content = ECHO[i];
        CHECK(!llm_ask_one(&r, template));
        CHECK_INT(g_in.why, ERR_NO_LABEL);
        CHECK(!llm_ask_one(&r, template)); /* known to bring nothing: not asked again */
    }
    CHECK_INT(requests(&r), sizeof ECHO / sizeof ECHO[0]);
    r.endpoint.content = NULL; /* such lines have not opened the breaker */
    CHECK(llm_ask_one(&r, "honest"));
    stop(&r);
}

static void trouble_has_its_type_and_names_the_setting(void) {
    static const struct {
        const char *status, *body;
        enum err_code why;
        unsigned requests;
    } ROW[] = {
        {"401 Unauthorized", "{\"error\":{\"message\":\"Incorrect API key provided: abc\"}}", ERR_HTTP_STATUS, 1},
        {"404 Not Found", "{\"error\":{\"code\":\"model_not_found\"}}", ERR_HTTP_STATUS, 1},
        {"400 Bad", "{\"error\":{\"code\":\"model_decommissioned\",\"message\":\"use logprobs elsewhere\"}}",
         ERR_HTTP_STATUS, 1},
        {"429 Too Many", "{\"error\":{\"code\":\"insufficient_quota\"}}", ERR_HTTP_STATUS, 1},
        {"429 Too Many", "{\"error\":{\"code\":\"rate_limit_exceeded\"}}", ERR_HTTP_RETRY, 3},
        {"503 Loading", "{\"error\":{\"message\":\"Loading model\"}}", ERR_HTTP_RETRY, 3},
        {"200 OK", "{\"choices\":[]}", ERR_DECODE, 1},
        {"200 OK", "", ERR_DECODE, 1},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        struct rig r = rig();
        r.endpoint.status = ROW[i].status;
        r.endpoint.body = ROW[i].body;
        start(&r);
        CHECK(!llm_ask_one(&r, "x"));
        CHECK_STR(err_name(g_in.why), err_name(ROW[i].why));
        CHECK_INT(requests(&r), ROW[i].requests);
        stop(&r);
    }
}

static void the_budget_is_a_hard_stop(void) {
    char template[32];
    struct rig r = rig();
    r.opts.budget = (struct budget_opts){.calls_day = 3, .price_in = 1, .price_out = 2};
    start(&r);
    double refused = metrics_value(METRIC_LLM_REFUSED, 0, 0, 0);
    for (int i = 0; i < 10; i++) {
        snprintf(template, sizeof template, "t%d", i);
        CHECK(llm_ask_one(&r, template) == (i < 3));
        CHECK_INT(g_in.why, i < 3 ? ERR_OK : ERR_BUSY);
    }
    CHECK_INT(requests(&r), 3);
    CHECK_NEAR(metrics_value(METRIC_LLM_REFUSED, 0, 0, 0), refused + 7, 0);
    CHECK(llm_ask_one(&r, "t1")); /* what is known costs nothing */
    dispatcher_stop(r.dispatcher, 0);
    struct llm_spent spent = llm_spent(r.llm);
    CHECK(spent.calls == 3 && spent.tokens_in == 300 && spent.tokens_out == 30);
    CHECK_NEAR(spent.cost, (300 * 1.0 + 30 * 2.0) / 1e6, 1e-12);
    stop(&r);
}

static void the_described_service_is_asked_in_its_way(void) {
    struct rig r = rig();
    r.endpoint.status = "200 OK";
    r.endpoint.body =
        "{\"label_id\":\"WORKFLOW_ERROR\",\"label\":\"Workflow Error\",\"confidence\":0.05,\"source\":\"llm\"}";
    r.fake = NULL;
    start(&r); /* to learn the port */
    stop_lane(&r);
    r.opts.url = r.fake->url;
    start_lane(&r);
    CHECK(llm_ask_one(&r, "step # of the job failed"));
    CHECK_INT(g_in.last.label, 6);
    CHECK_NEAR(g_in.last.confidence, 0.05, 0);
    const char *sent = fake_service_last(r.fake);
    CHECK(strncmp(sent, "POST /classify HTTP/1.1\r\n", 25) == 0);
    CHECK(strstr(sent, "\r\n\r\n{\"message\":\"step # of the job failed\"}") != NULL);
    r.endpoint.body = "{\"label_id\":\"NOPE\",\"label\":\"n\",\"confidence\":0.9}";
    CHECK(!llm_ask_one(&r, "another"));
    CHECK_INT(g_in.why, ERR_DECODE);
    stop(&r);
}

static void it_is_off_unless_something_is_configured(void) {
    struct llm_opts o = LLM_DEFAULT;
    o.env_file = "/nowhere";
    unsetenv("GROQ_API_KEY");
    CHECK(!llm_is_configured(&o));
    setenv("GROQ_API_KEY", "canary", 1);
    CHECK(llm_is_configured(&o));
    o.url = "off";
    CHECK(!llm_is_configured(&o));
    unsetenv("GROQ_API_KEY");
    o.url = "http://127.0.0.1:8000";
    CHECK(llm_is_configured(&o));
}

static void wrong_settings_are_named(void) {
    struct err e = {0};
    struct llm_opts o = LLM_DEFAULT;
    o.url = "http://127.0.0.1:9/";
    o.dialect = "cohere";
    CHECK(!llm_open(&o, label_default(), &e) && strstr(e.msg, "llm-dialect") != NULL);
    o.dialect = "auto";
    o.key_file = "/nowhere/key";
    CHECK(!llm_open(&o, label_default(), &e) && strstr(e.msg, "/nowhere/key") != NULL);
    o.key_file = "";
    o.url = "ftp://h/";
    CHECK(!llm_open(&o, label_default(), &e) && e.code == ERR_USAGE);
}

/* ---- the mix with the head ---- */

/* What the endpoint says of BACKUP 0.6, DB_ERROR 0.3 and INFO 0.1. */
static const char PROBABILITIES[] =
    "{\"content\":[{\"token\":\"{\\\"label_id\\\":\\\"\",\"logprob\":0},"
    "{\"token\":\"BACKUP\",\"logprob\":-0.5108256237659907,\"top_logprobs\":["
    "{\"token\":\"BACKUP\",\"logprob\":-0.5108256237659907},{\"token\":\"DB\",\"logprob\":-1.2039728043259361},"
    "{\"token\":\"INFO\",\"logprob\":-2.3025850929940455}]},{\"token\":\"\\\"}\",\"logprob\":0}]}";

/* Asks as the pipeline does, with what a head thinks of DB_ERROR, BACKUP and all the others. */
static void ask_with_head(struct rig *r, const char *template, float db_error, float backup) {
    const struct label_set *labels = label_default();
    struct err e = {0};
    float head[LABEL_MAX];
    for (unsigned i = 0; i < labels->n; i++) head[i] = (1 - db_error - backup) / (float)(labels->n - 2);
    head[label_find(labels, SPAN_LIT("DB_ERROR"))] = db_error;
    head[label_find(labels, SPAN_LIT("BACKUP"))] = backup;
    struct question q = {.template = span_of(template), .head = head, .labels = labels->n};
    pthread_mutex_lock(&g_in.lock);
    g_in.n = 0;
    pthread_mutex_unlock(&g_in.lock);
    CHECK(dispatcher_ask(r->dispatcher, &(struct pending){0}, &q, &e));
    llm_wait_for(1);
}

static const char *last_label(void) {
    return label_default()->label[g_in.last.label].id;
}

/* The confidences are from a calculation by hand: DB_ERROR 0.40 * 0.3^0.25, BACKUP 0.36 * 0.6^0.25, INFO (0.24 / 7) *
 * 0.1^0.25, six others (0.24 / 7) * 0.0001^0.25. */
static void head_and_llm_are_combined(void) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/logclass_mix_%d.db", (int)getpid());
    struct rig r = rig();
    r.endpoint.logprobs = PROBABILITIES;
    r.opts.store.path = path;
    start(&r);
    for (int i = 0; i < 2; i++) { /* asked, then known */
        ask_with_head(&r, "t", 0.40F, 0.36F);
        CHECK_STR(last_label(), "BACKUP");
        CHECK_NEAR(g_in.last.confidence, 0.4854, 1e-9);
        CHECK_INT(g_in.last.decider, DECIDER_LLM);
    }
    ask_with_head(&r, "t", 0.45F, 0.36F);
    CHECK_STR(last_label(), "DB_ERROR"); /* against the LLM's 0.6 */
    CHECK(llm_ask_one(&r, "t"));         /* a record without a head: the LLM alone */
    CHECK_STR(last_label(), "BACKUP");
    CHECK_NEAR(g_in.last.confidence, 0.6, 1e-9);
    stop_lane(&r);
    start_lane(&r); /* another process, a head that was trained meanwhile */
    ask_with_head(&r, "t", 0.45F, 0.36F);
    CHECK_STR(last_label(), "DB_ERROR");
    ask_with_head(&r, "t", 0.36F, 0.40F);
    CHECK_STR(last_label(), "BACKUP");
    CHECK_INT(requests(&r), 1);
    stop_lane(&r);
    r.opts.mix = 0;
    start_lane(&r);
    ask_with_head(&r, "t", 0.49F, 0.01F);
    CHECK_STR(last_label(), "BACKUP");
    CHECK_NEAR(g_in.last.confidence, 0.6, 1e-9);
    CHECK_INT(requests(&r), 1);
    stop(&r);
    unlink(path);
}

static void without_probabilities_the_llm_decides(void) {
    struct rig r = rig();
    start(&r);
    ask_with_head(&r, "t", 0.49F, 0.01F);
    CHECK_STR(last_label(), "BACKUP");
    CHECK_NEAR(g_in.last.confidence, 0.70, 0);
    stop(&r);
}

/* ---- many threads, few templates ---- */

enum { THREADS = 16, TEMPLATES = 500, EACH = 4000 };
static struct rig g_rig;

static void *llm_ask_many(void *arg) {
    uint32_t from = (uint32_t)(uintptr_t)arg * EACH;
    for (uint32_t i = from; i < from + EACH; i++) {
        char template[32];
        snprintf(template, sizeof template, "kind %u of line", i * 7919u % TEMPLATES);
        CHECK(llm_ask(&g_rig, i, "", template));
    }
    return NULL;
}

static void many_threads_meet_each_template_once(void) {
    pthread_t t[THREADS];
    g_rig = rig();
    g_rig.opts.wait_ms = 60000;
    start(&g_rig);
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, llm_ask_many, (void *)i);
    for (uintptr_t i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    llm_wait_for(THREADS * EACH);
    for (uint32_t i = 0; i < THREADS * EACH; i++)
        if (!g_in.answered[i]) CHECK(g_in.answered[i]);
    CHECK_INT(requests(&g_rig), TEMPLATES);
    stop(&g_rig);
}

CHECK_MAIN(CHECK_TEST(a_template_is_asked_about_once), CHECK_TEST(the_key_leaves_this_machine_encrypted_only),
           CHECK_TEST(only_the_masked_and_redacted_template_is_sent), CHECK_TEST(answers_outlive_a_restart),
           CHECK_TEST(forms_are_found_out_once), CHECK_TEST(one_refusal_of_several_calls_in_flight_changes_one_part),
           CHECK_TEST(a_bad_line_does_not_cost_the_form), CHECK_TEST(a_cut_answer_gets_more_room),
           CHECK_TEST(nothing_but_a_label_is_an_answer), CHECK_TEST(trouble_has_its_type_and_names_the_setting),
           CHECK_TEST(the_budget_is_a_hard_stop), CHECK_TEST(the_described_service_is_asked_in_its_way),
           CHECK_TEST(head_and_llm_are_combined), CHECK_TEST(without_probabilities_the_llm_decides),
           CHECK_TEST(it_is_off_unless_something_is_configured), CHECK_TEST(wrong_settings_are_named),
           CHECK_TEST(many_threads_meet_each_template_once))
