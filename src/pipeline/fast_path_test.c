#include "pipeline/fast_path.h"

#include "base/arena.h"
#include "base/check.h"
#include "data/label.h"
#include "metrics/metrics.h"
#include "text/template.h"

#include <semaphore.h>

/* Rules only, and a memory that the test fills: what the encoder would have put there. */
struct bench {
    struct engine *eng;
    struct pipeline *p;
    struct fast_path *f;
    struct record rec[FAST_PATH_RECORDS_MAX + 1];
    struct result res[FAST_PATH_RECORDS_MAX + 1];
    struct batch b;
};

static void open_bench(struct bench *k, size_t memo_entries) {
    struct err e = {0};
    struct engine_opts o = {.rules_path = "data/rules.conf", .classifier_threshold = 0.5, .pipeline_threshold = 0.2};
    *k = (struct bench){.eng = engine_open(&o, &e)};
    CHECK(k->eng != NULL);
    k->p = pipeline_open(&(struct pipeline_opts){.workers = 1, .memo_entries = memo_entries}, k->eng, &e);
    k->f = fast_path_open(k->p);
}

static void close_bench(struct bench *k) {
    pipeline_close(k->p);
    fast_path_close(k->f);
    engine_unref(k->eng);
}

static bool fast_path_decide(struct bench *k, uint32_t n) {
    struct err e = {0};
    memset(k->res, 0xff, sizeof k->res); /* nothing of an earlier batch may show through */
    k->b = (struct batch){.rec = k->rec, .res = k->res, .n = n};
    CHECK(pipeline_pin(k->p, &k->b, &e));
    bool ok = fast_path_run(k->f, &k->b);
    pipeline_unpin(&k->b);
    return ok;
}

static void remember(const struct bench *k, const char *message, struct answer a) {
    char text[TEMPLATE_MAX];
    size_t n = template_write(SPAN_LIT(""), span_of(message), false, text);
    memo_put(pipeline_memo(k->p), memo_key(pipeline_memo(k->p), (struct span){text, n}, k->eng->version), &a);
}

static void a_rule_and_a_memory_decide(void) {
    struct bench k;
    open_bench(&k, 4096);
    k.rec[0] = (struct record){.message = SPAN_LIT("User bob logged in")};
    k.rec[1] = (struct record){.message = SPAN_LIT("pool 7 is full")};
    k.rec[2] = (struct record){.message = SPAN_LIT("nothing of note in pool 3")};
    CHECK(!fast_path_decide(&k, 3)); /* nobody knows the second */
    CHECK(fast_path_decide(&k, 1));
    CHECK_INT(k.res[0].decider, DECIDER_REGEX);
    CHECK(k.res[0].confidence == 0.95 && k.res[0].match_to > k.res[0].match_from);
    remember(&k, "pool 12345 is full", (struct answer){.decider = DECIDER_BERT, .label = 3, .confidence = 0.7123});
    remember(&k, "nothing of note in pool 9",
             (struct answer){.decider = DECIDER_FALLBACK, .label = (uint8_t)k.eng->labels.unclassified});
    CHECK(fast_path_decide(&k, 3));
    CHECK_INT(k.res[1].decider, DECIDER_BERT);
    CHECK_INT(k.res[1].label, 3);
    CHECK(k.res[1].confidence == 0.7123 && k.res[1].from_memo && k.res[1].decided);
    CHECK_INT(k.res[2].decider, DECIDER_FALLBACK);
    CHECK_INT(k.res[2].label, k.eng->labels.unclassified);
    close_bench(&k);
}

static void without_a_memory_only_rules_do(void) {
    struct bench k;
    open_bench(&k, 0);
    k.rec[0] = (struct record){.message = SPAN_LIT("User bob logged in")};
    k.rec[1] = (struct record){.message = SPAN_LIT("pool 7 is full")};
    CHECK(fast_path_decide(&k, 1));
    CHECK(!fast_path_decide(&k, 2));
    close_bench(&k);
}

static void large_batches_go_the_long_way(void) {
    struct bench k;
    static char text[FAST_PATH_BYTES_MAX];
    open_bench(&k, 4096);
    for (uint32_t i = 0; i <= FAST_PATH_RECORDS_MAX; i++)
        k.rec[i] = (struct record){.message = SPAN_LIT("User bob logged in")};
    CHECK(fast_path_decide(&k, FAST_PATH_RECORDS_MAX));
    CHECK(!fast_path_decide(&k, FAST_PATH_RECORDS_MAX + 1));
    int n = snprintf(text, sizeof text, "User bob logged in");
    memset(text + n, ' ', sizeof text - (size_t)n);
    k.rec[0].message = (struct span){text, sizeof text};
    CHECK(fast_path_decide(&k, 1));
    k.rec[0].source = SPAN_LIT("x");
    CHECK(!fast_path_decide(&k, 1));
    close_bench(&k);
}

static bool never_asked(void *self, const struct pending *p, const struct question *q, struct err *e) {
    (void)self, (void)p, (void)q, (void)e;
    CHECK(false && "the network is asked by workers only");
    return false;
}

/* A reload's engine is followed; where it has a network stage, "not sure" is not the last word. */
static void the_engine_of_the_batch_decides(void) {
    static const struct network_stage NETWORK = {.hand_over = never_asked};
    struct bench k;
    struct err e = {0};
    struct engine_opts o = {.rules_path = "", .classifier_threshold = 0.5, .pipeline_threshold = 0.2};
    open_bench(&k, 4096);
    k.rec[0] = (struct record){.message = SPAN_LIT("User bob logged in")};
    k.rec[1] = (struct record){.message = SPAN_LIT("pool 7 is full")};
    CHECK(fast_path_decide(&k, 1));
    struct engine *fresh = engine_open(&o, &e);
    engine_set_network(fresh, &NETWORK, 1);
    pipeline_swap(k.p, fresh);
    CHECK_INT(atomic_load(&k.eng->refs), 1); /* ours: an idle thread keeps no engine that was replaced */
    engine_unref(k.eng);
    k.eng = fresh;
    CHECK(!fast_path_decide(&k, 1)); /* it has no rules */
    k.rec[0] = k.rec[1];
    remember(&k, "pool 1 is full", (struct answer){.decider = DECIDER_FALLBACK});
    CHECK(!fast_path_decide(&k, 1));
    remember(&k, "pool 1 is full", (struct answer){.decider = DECIDER_LLM, .label = 2, .confidence = 1});
    CHECK(fast_path_decide(&k, 1));
    CHECK_INT(k.res[0].decider, DECIDER_LLM);
    close_bench(&k);
}

/* What one engine's rules are matched with does not fit another's: with fewer rules there is less of it, or none. */
static void more_rules_are_matched_after_a_reload(void) {
    struct bench k;
    struct err e = {0};
    struct engine_opts o = {.rules_path = "", .classifier_threshold = 0.5, .pipeline_threshold = 0.2};
    open_bench(&k, 4096);
    struct engine *with = k.eng;
    k.eng = engine_open(&o, &e);
    pipeline_swap(k.p, k.eng);
    k.rec[0] = (struct record){.message = SPAN_LIT("User bob logged in")};
    CHECK(!fast_path_decide(&k, 1));
    pipeline_swap(k.p, with);
    CHECK(fast_path_decide(&k, 1));
    CHECK_INT(k.res[0].decider, DECIDER_REGEX);
    engine_unref(with);
    close_bench(&k);
}

static sem_t g_done;

static void say_done(struct batch *b) {
    (void)b;
    sem_post(&g_done);
}

static double looked_up(void) {
    return metrics_value(METRIC_MEMO_HITS, 0, 0, 0) + metrics_value(METRIC_MEMO_MISSES, 0, 0, 0);
}

static double rule_runs(void) {
    return metrics_value(METRIC_STAGE_DURATION, (unsigned)metrics_find(METRIC_SET_STAGE, "rules"), 0, 0);
}

/* What the cheap stages found out is used: no record is matched or looked up a second time, none is lost. */
static void what_is_left_open_is_handed_on(void) {
    struct bench k;
    struct err e = {0};
    struct arena arena;
    open_bench(&k, 4096);
    arena_init(&arena, 1 << 20);
    sem_init(&g_done, 0, 0);
    remember(&k, "pool 1 is full", (struct answer){.decider = DECIDER_BERT, .label = 3, .confidence = 0.7});
    static const char *const LINE[] = {"User bob logged in", "pool 7 is full", "a new thing 1", "a new thing 2", "b"};
    enum { LINES = 5 };
    for (uint32_t i = 0; i < LINES; i++) k.rec[i] = (struct record){.message = span_of(LINE[i])};
    memset(k.res, 0xff, sizeof k.res);
    k.b = (struct batch){.rec = k.rec, .res = k.res, .n = LINES, .arena = &arena, .done = say_done};
    double runs = rule_runs(), looks = looked_up();
    CHECK(pipeline_pin(k.p, &k.b, &e) && !fast_path_run(k.f, &k.b));
    CHECK(k.b.prepared != NULL && k.b.prepared->n == 3);
    CHECK(pipeline_submit(k.p, &k.b, &e));
    sem_wait(&g_done);
    CHECK_NEAR(rule_runs() - runs, 1, 0);
    CHECK_NEAR(looked_up() - looks, LINES - 1, 0);
    CHECK_INT(k.res[0].decider, DECIDER_REGEX);
    CHECK(k.res[1].decider == DECIDER_BERT && k.res[1].from_memo && k.res[1].label == 3);
    for (uint32_t i = 2; i < LINES; i++)
        CHECK(k.res[i].decided && k.res[i].decider == DECIDER_FALLBACK && k.res[i].label == k.eng->labels.unclassified);
    pipeline_unpin(&k.b);
    CHECK(pipeline_pin(k.p, &k.b, &e) && k.b.prepared == NULL); /* a batch that is used again starts anew */
    pipeline_unpin(&k.b);
    arena_release(&arena);
    close_bench(&k);
}

/* Of equal templates that the fast path hands on, a worker encodes one. */
static void equal_templates_that_are_handed_on_are_encoded_once(void) {
    struct err e = {0};
    struct engine_opts o = {.head_path = "data/head.json",
                            .adapter_path = "data/adapter.safetensors",
                            .model_dir = "models/all-MiniLM-L6-v2",
                            .kernel = "auto",
                            .classifier_threshold = 0,
                            .pipeline_threshold = 0};
    struct bench k = {.eng = engine_open(&o, &e)};
    struct arena arena;
    CHECK(k.eng != NULL);
    k.p = pipeline_open(&(struct pipeline_opts){.workers = 1, .memo_entries = 4096}, k.eng, &e);
    k.f = fast_path_open(k.p);
    arena_init(&arena, 1 << 20);
    sem_init(&g_done, 0, 0);
    for (uint32_t i = 0; i < 3; i++) k.rec[i] = (struct record){.message = SPAN_LIT("checkpoint 17 complete")};
    k.rec[1].message = SPAN_LIT("checkpoint 18 complete");
    k.b = (struct batch){.rec = k.rec, .res = k.res, .n = 3, .arena = &arena, .done = say_done};
    CHECK(pipeline_pin(k.p, &k.b, &e) && !fast_path_run(k.f, &k.b) && k.b.prepared != NULL);
    CHECK(pipeline_submit(k.p, &k.b, &e));
    sem_wait(&g_done);
    CHECK(!k.res[0].from_memo && k.res[1].from_memo && k.res[2].from_memo);
    CHECK(k.res[1].label == k.res[0].label && k.res[1].confidence == k.res[0].confidence);
    pipeline_unpin(&k.b);
    arena_release(&arena);
    close_bench(&k);
}

/* Without room in the arena nothing is handed on, and the workers do it all. */
static void a_full_arena_hands_nothing_on(void) {
    struct bench k;
    struct err e = {0};
    struct arena arena;
    open_bench(&k, 4096);
    arena_init(&arena, 1);
    k.rec[0] = (struct record){.message = SPAN_LIT("a new thing 1")};
    k.b = (struct batch){.rec = k.rec, .res = k.res, .n = 1, .arena = &arena, .done = say_done};
    CHECK(pipeline_pin(k.p, &k.b, &e) && !fast_path_run(k.f, &k.b) && k.b.prepared == NULL);
    CHECK(pipeline_submit(k.p, &k.b, &e));
    sem_wait(&g_done);
    CHECK(k.res[0].decided && k.res[0].decider == DECIDER_FALLBACK);
    pipeline_unpin(&k.b);
    arena_release(&arena);
    close_bench(&k);
}

CHECK_MAIN(CHECK_TEST(a_rule_and_a_memory_decide), CHECK_TEST(without_a_memory_only_rules_do),
           CHECK_TEST(large_batches_go_the_long_way), CHECK_TEST(the_engine_of_the_batch_decides),
           CHECK_TEST(more_rules_are_matched_after_a_reload), CHECK_TEST(what_is_left_open_is_handed_on),
           CHECK_TEST(equal_templates_that_are_handed_on_are_encoded_once), CHECK_TEST(a_full_arena_hands_nothing_on))
