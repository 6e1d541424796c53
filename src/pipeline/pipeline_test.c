#include "pipeline/pipeline.h"

#include "base/check.h"
#include "base/queue.h"
#include "metrics/metrics.h"
#include "pipeline/stage.h"
#include "text/template.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

/* An engine of rules only: what they leave open goes to the network stage or falls back. */
static struct engine *open_engine(void) {
    struct err e = {0};
    struct engine_opts o = {.rules_path = "data/rules.conf", .classifier_threshold = 0.5, .pipeline_threshold = 0.2};
    struct engine *eng = engine_open(&o, &e);
    if (!eng) fprintf(stderr, "%s\n", e.msg);
    CHECK(eng != NULL);
    return eng;
}

enum { N = 3000 };

struct request {
    struct record rec[N];
    struct result res[N];
    struct batch batch;
    char text[N][48];
    pthread_mutex_t lock;
    pthread_cond_t is_done;
    int times_done;
};

static void done(struct batch *b) {
    struct request *r = b->user;
    pthread_mutex_lock(&r->lock);
    r->times_done++;
    pthread_cond_signal(&r->is_done);
    pthread_mutex_unlock(&r->lock);
}

/* Every third line is a rule's. */
static void pipeline_fill(struct request *r, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        snprintf(r->text[i], sizeof r->text[i], i % 3 == 0 ? "User u%u logged in" : "something else %u happened", i);
        r->rec[i] = (struct record){.message = span_of(r->text[i])};
    }
    r->batch = (struct batch){.rec = r->rec, .res = r->res, .n = n, .done = done, .user = r};
    r->times_done = 0;
}

static struct request *request_new(void) {
    struct request *r = calloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->is_done, NULL);
    return r;
}

static void wait_done(struct request *r) {
    pthread_mutex_lock(&r->lock);
    while (r->times_done == 0) pthread_cond_wait(&r->is_done, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static void request_free(struct request *r) {
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->is_done);
    free(r);
}

static void every_record_gets_one_result(void) {
    static const uint32_t SIZES[] = {0, 1, 2, PIPELINE_SLICE - 1, PIPELINE_SLICE, PIPELINE_SLICE + 1, N};
    struct engine *eng = open_engine();
    struct err e = {0};
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 3, .memo_entries = 4096}, eng, &e);
    struct request *r = request_new();
    for (size_t k = 0; k < sizeof SIZES / sizeof SIZES[0]; k++) {
        pipeline_fill(r, SIZES[k]);
        CHECK(pipeline_submit(p, &r->batch, &e));
        wait_done(r);
        for (uint32_t i = 0; i < SIZES[k]; i++) {
            CHECK(r->res[i].decided);
            CHECK_INT(r->res[i].decider, i % 3 == 0 ? DECIDER_REGEX : DECIDER_FALLBACK);
            CHECK(r->res[i].confidence == (i % 3 == 0 ? 0.95 : 0));
        }
    }
    pipeline_close(p);
    CHECK_INT(r->times_done, 1);
    engine_unref(eng);
    request_free(r);
}

/* A network stage that answers from its own thread: what it is asked for waits in a queue. */
struct fake_network {
    struct queue queue;
    struct pipeline *p;
    bool refuse;
    atomic_uint asked;
};

static bool fake_ask(void *self, const struct pending *p, const struct question *q, struct err *e) {
    struct fake_network *f = self;
    CHECK(q->message.n > 0 && q->template.n > 0);
    atomic_fetch_add(&f->asked, 1);
    if (f->refuse) return err_set(e, ERR_CIRCUIT_OPEN, "the breaker is open");
    return queue_try_push(&f->queue, p, 1) || err_set(e, ERR_BUSY, "full");
}

static void *fake_answer(void *arg) {
    struct fake_network *f = arg;
    struct pending p;
    while (queue_pop(&f->queue, &p, 1, -1) == 1) {
        struct answer a = {.decider = DECIDER_LLM, .label = 6, .confidence = 0.7};
        pipeline_answer(f->p, &p, p.i % 2 ? &a : NULL, ERR_TIMEOUT);
    }
    return NULL;
}

static void the_network_answers_what_is_left(void) {
    struct engine *eng = open_engine();
    struct err e = {0};
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 2, .memo_entries = 0}, eng, &e);
    struct fake_network f = {.p = p};
    struct network_stage stage = {.hand_over = fake_ask, .self = &f};
    pthread_t t;
    queue_init(&f.queue, N, sizeof(struct pending));
    pthread_create(&t, NULL, fake_answer, &f);
    engine_set_network(eng, &stage, 1);
    struct request *r = request_new();
    for (int round = 0; round < 20; round++) {
        pipeline_fill(r, N);
        CHECK(pipeline_submit(p, &r->batch, &e));
        wait_done(r);
        for (uint32_t i = 0; i < N; i++) {
            enum decider want = i % 3 == 0 ? DECIDER_REGEX : i % 2 ? DECIDER_LLM : DECIDER_FALLBACK;
            CHECK_INT(r->res[i].decider, want);
            CHECK_INT(r->res[i].err, want == DECIDER_FALLBACK ? ERR_TIMEOUT : ERR_OK);
        }
    }
    f.refuse = true;
    pipeline_fill(r, 10);
    CHECK(pipeline_submit(p, &r->batch, &e));
    wait_done(r);
    CHECK_INT(r->res[1].decider, DECIDER_FALLBACK);
    CHECK_INT(r->res[1].err, ERR_CIRCUIT_OPEN);
    queue_close(&f.queue);
    pthread_join(t, NULL);
    pipeline_close(p);
    queue_release(&f.queue);
    engine_unref(eng);
    request_free(r);
}

static void a_network_answer_is_remembered(void) {
    struct engine *eng = open_engine();
    struct err e = {0};
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 1, .memo_entries = 4096}, eng, &e);
    struct fake_network f = {.p = p};
    struct network_stage stage = {.hand_over = fake_ask, .self = &f};
    pthread_t t;
    queue_init(&f.queue, N, sizeof(struct pending));
    pthread_create(&t, NULL, fake_answer, &f);
    engine_set_network(eng, &stage, 1);
    struct request *r = request_new();
    for (int round = 0; round < 3; round++) {
        pipeline_fill(r, 2); /* record 1 is "something else 1 happened": answered by the network, then from memory */
        CHECK(pipeline_submit(p, &r->batch, &e));
        wait_done(r);
        CHECK_INT(r->res[1].decider, DECIDER_LLM);
        CHECK_INT(r->res[1].from_memo, round > 0);
    }
    CHECK_INT(f.asked, 1);
    queue_close(&f.queue);
    pthread_join(t, NULL);
    pipeline_close(p);
    queue_release(&f.queue);
    engine_unref(eng);
    request_free(r);
}

static enum err_code always_unavailable(void *self) {
    (void)self;
    return ERR_CIRCUIT_OPEN;
}

/* While asking is of no use, lines of a kind that the encoder was not sure about cost neither it nor the network. */
static void a_shut_network_is_not_asked_about_what_was_left_open(void) {
    struct engine *eng = open_engine();
    struct err e = {0};
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 1, .memo_entries = 4096}, eng, &e);
    struct fake_network f = {.p = p, .refuse = true};
    struct network_stage stage = {.hand_over = fake_ask, .self = &f, .unavailable = always_unavailable};
    engine_set_network(eng, &stage, 1);
    struct request *r = request_new();
    pipeline_fill(r, 2);
    struct memo_key key = memo_key(pipeline_memo(p), SPAN_LIT("something else # happened"), eng->version);
    for (unsigned round = 0; round < 2; round++) {
        CHECK(pipeline_submit(p, &r->batch, &e));
        wait_done(r);
        r->times_done = 0;
        CHECK_INT(r->res[1].decider, DECIDER_FALLBACK);
        CHECK_INT(r->res[1].err, ERR_CIRCUIT_OPEN);
        CHECK_INT(r->res[1].from_memo, round > 0);
        CHECK_INT(f.asked, 1); /* the first time nothing is known: there might be an answer in the store */
        memo_put(pipeline_memo(p), key,
                 &(struct answer){.decider = DECIDER_FALLBACK, .label = 8}); /* as the encoder does */
    }
    pipeline_close(p);
    engine_unref(eng);
    request_free(r);
}

static void an_engine_is_swapped_under_load(void) {
    struct engine *eng = open_engine();
    struct err e = {0};
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 2, .memo_entries = 4096}, eng, &e);
    engine_unref(eng);
    struct request *r = request_new();
    for (int round = 0; round < 10; round++) {
        pipeline_fill(r, N);
        pipeline_submit_wait(p, &r->batch);
        struct engine *fresh = open_engine();
        pipeline_swap(p, fresh);
        engine_unref(fresh);
        wait_done(r);
        CHECK_INT(r->res[0].decider, DECIDER_REGEX);
    }
    pipeline_close(p);
    request_free(r);
}

static void a_pinned_batch_keeps_its_engine(void) {
    struct err e = {0};
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 2, .memo_entries = 4096}, NULL, &e);
    struct request *r = request_new();
    pipeline_fill(r, N);
    CHECK(!pipeline_ready(p) && !pipeline_pin(p, &r->batch, &e));
    CHECK_INT(e.code, ERR_BUSY);
    struct engine *rules = open_engine(), *none = engine_open(&(struct engine_opts){.rules_path = ""}, &e);
    pipeline_swap(p, rules);
    CHECK(pipeline_ready(p) && pipeline_pin(p, &r->batch, &e));
    CHECK_INT(rules->pinned, 1);
    pipeline_swap(p, none);
    CHECK(pipeline_submit(p, &r->batch, &e));
    wait_done(r);
    CHECK_INT(r->res[0].decider, DECIDER_REGEX);
    CHECK(r->batch.engine == rules);
    pipeline_unpin(&r->batch);
    pipeline_unpin(&r->batch);
    CHECK_INT(rules->pinned, 0);
    pipeline_fill(r, N);
    CHECK(pipeline_submit(p, &r->batch, &e)); /* not pinned: what is in force */
    wait_done(r);
    CHECK_INT(r->res[0].decider, DECIDER_FALLBACK);
    pipeline_close(p);
    engine_unref(rules);
    engine_unref(none);
    request_free(r);
}

static void what_waits_falls_back_when_cancelled(void) {
    struct err e = {0};
    struct engine *eng = open_engine();
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 1, .memo_entries = 0}, eng, &e);
    struct request *r = request_new();
    pipeline_cancel(p);
    pipeline_fill(r, N);
    CHECK(pipeline_submit(p, &r->batch, &e));
    wait_done(r);
    CHECK_INT(r->times_done, 1);
    CHECK_INT(r->res[0].decider, DECIDER_FALLBACK);
    CHECK_INT(r->res[N - 1].err, ERR_CANCELLED);
    pipeline_close(p);
    engine_unref(eng);
    request_free(r);
}

/* A batch whose end holds the worker until it is let go. */
struct gate {
    sem_t entered, open;
};

static void done_at_gate(struct batch *b) {
    struct gate *g = b->user;
    sem_post(&g->entered);
    while (sem_wait(&g->open) != 0)
        ;
}

static void wait_entered(struct gate *g) {
    while (sem_wait(&g->entered) != 0)
        ;
}

static void who_would_wait_too_long_is_refused(void) {
    struct err e = {0};
    struct engine *eng = open_engine();
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 1, .queue_time_ms = 1}, eng, &e);
    struct record rec = {.message = SPAN_LIT("User bob logged in")};
    struct result res[4];
    struct batch b[4];
    struct gate g;
    sem_init(&g.entered, 0, 0);
    sem_init(&g.open, 0, 0);
    for (int i = 0; i < 4; i++)
        b[i] = (struct batch){.rec = &rec, .res = &res[i], .n = 1, .done = done_at_gate, .user = &g};
    CHECK(pipeline_submit(p, &b[0], &e));
    wait_entered(&g);
    CHECK(pipeline_submit(p, &b[1], &e)); /* waits behind the first … */
    usleep(100000);
    sem_post(&g.open);
    wait_entered(&g);                     /* … and tells how long one takes, by far too long */
    CHECK(pipeline_submit(p, &b[2], &e)); /* nobody is before it */
    CHECK(!pipeline_submit(p, &b[3], &e) && pipeline_busy(p, &e));
    CHECK_INT(e.code, ERR_BUSY);
    sem_post(&g.open);
    sem_post(&g.open);
    wait_entered(&g);
    CHECK(!pipeline_busy(p, &e));
    CHECK(pipeline_submit(p, &b[3], &e)); /* the queue is empty again */
    sem_post(&g.open);
    pipeline_close(p);
    sem_destroy(&g.entered);
    sem_destroy(&g.open);
    engine_unref(eng);
}

static void workers_have_a_range(void) {
    struct engine *eng = open_engine();
    struct err e = {0};
    CHECK(pipeline_open(&(struct pipeline_opts){.workers = 0}, eng, &e) == NULL);
    CHECK_INT(e.code, ERR_USAGE);
    engine_unref(eng);
}

static void idle_workers_let_go_of_a_replaced_engine(void) {
    struct err e = {0};
    struct engine *old = open_engine(), *fresh = open_engine();
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 4}, old, &e);
    struct request *r = request_new();
    pipeline_fill(r, N);
    CHECK(pipeline_submit(p, &r->batch, &e));
    wait_done(r);
    pipeline_swap(p, fresh);
    for (int i = 0; i < 1000 && atomic_load(&old->refs) > 1; i++) usleep(10000);
    CHECK_INT(atomic_load(&old->refs), 1); /* ours */
    pipeline_fill(r, N);
    CHECK(pipeline_submit(p, &r->batch, &e)); /* they work on */
    wait_done(r);
    CHECK_INT(r->res[0].decider, DECIDER_REGEX);
    pipeline_close(p);
    request_free(r);
    engine_unref(old);
    engine_unref(fresh);
}

/* ---- nothing is encoded twice ---- */

static struct engine *open_encoder_engine(double threshold) {
    struct err e = {0};
    struct engine_opts o = {.head_path = "data/head.json",
                            .adapter_path = "data/adapter.safetensors",
                            .model_dir = "models/all-MiniLM-L6-v2",
                            .kernel = "auto",
                            .classifier_threshold = threshold,
                            .pipeline_threshold = 0.2};
    struct engine *eng = engine_open(&o, &e);
    if (!eng) fprintf(stderr, "%s\n", e.msg);
    CHECK(eng != NULL);
    return eng;
}

enum { TEMPLATES = 40, REQUESTS = 6, SHARED_N = 3 * PIPELINE_SLICE };

/* Every request holds the same templates, in another order; values differ. */
static void fill_with_shared_templates(struct request *r, unsigned round, unsigned request) {
    for (uint32_t i = 0; i < SHARED_N; i++) {
        unsigned t = (i * 7 + request * 11) % TEMPLATES;
        snprintf(r->text[i], sizeof r->text[i], "%c%c job %c took %u ms", 'a' + (int)round, 'a' + (int)t / 20,
                 'a' + (int)t % 20, i);
        r->rec[i] = (struct record){.message = span_of(r->text[i])};
    }
    r->batch = (struct batch){.rec = r->rec, .res = r->res, .n = SHARED_N, .done = done, .user = r};
    r->times_done = 0;
}

static void check_equal_templates_are_answered_alike(struct request *const *r) {
    const struct result *first[TEMPLATES] = {NULL};
    for (unsigned k = 0; k < REQUESTS; k++) {
        CHECK_INT(r[k]->times_done, 1);
        for (uint32_t i = 0; i < SHARED_N; i++) {
            const struct result *x = &r[k]->res[i], **y = &first[(i * 7 + k * 11) % TEMPLATES];
            CHECK(x->decided);
            if (!*y) *y = x;
            CHECK(x->label == (*y)->label && x->decider == (*y)->decider && x->confidence == (*y)->confidence);
        }
    }
}

static void a_template_in_flight_is_encoded_once(void) {
    struct engine *eng = open_encoder_engine(0.5);
    struct err e = {0};
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 4, .memo_entries = 4096}, eng, &e);
    struct request *r[REQUESTS];
    for (unsigned k = 0; k < REQUESTS; k++) r[k] = request_new();
    for (unsigned round = 0; round < 3; round++) {
        double before = metrics_value(METRIC_ENCODER_RECORDS, 0, 0, 0);
        for (unsigned k = 0; k < REQUESTS; k++) {
            fill_with_shared_templates(r[k], round, k);
            pipeline_submit_wait(p, &r[k]->batch);
        }
        for (unsigned k = 0; k < REQUESTS; k++) wait_done(r[k]);
        CHECK_INT(metrics_value(METRIC_ENCODER_RECORDS, 0, 0, 0) - before, TEMPLATES);
        check_equal_templates_are_answered_alike(r);
    }
    for (unsigned k = 0; k < REQUESTS; k++) request_free(r[k]);
    pipeline_close(p);
    engine_unref(eng);
}

static void count_landing(void *self, uint32_t i) {
    struct work *w = self;
    struct pending p;
    CHECK(!flight_land(w->flights, w->tpl[i].key, &p));
    w->n = 99; /* told once */
}

/* Between a miss and the mark in the table of flights another worker may have decided the template. */
static void what_landed_meanwhile_is_not_encoded(void) {
    static struct work w;
    static struct pending origin[1];
    static char text[TEMPLATE_MAX];
    struct batch batch = {.n = 1};
    struct record rec = {.message = SPAN_LIT("job frobnicated")};
    struct result res = {.decider = DECIDER_FALLBACK};
    struct engine *eng = open_encoder_engine(0.5);
    w = (struct work){.eng = eng, .memo = memo_open(4096), .flights = flight_open(16)};
    w.text = text, w.origin = origin, w.landed = count_landing, w.landed_self = &w;
    stage_work_begin(&w, 1);
    w.rec[0] = &rec, w.res[0] = &res, w.n = w.todo_n = 1, w.todo[0] = 0;
    origin[0] = (struct pending){.batch = &batch};
    stage_memo_run(&w);
    CHECK_INT(w.todo_n, 1);
    memo_put(w.memo, w.tpl[0].key, &(struct answer){.decider = DECIDER_BERT, .label = 3, .confidence = 0.75});
    double before = metrics_value(METRIC_ENCODER_RECORDS, 0, 0, 0);
    stage_encoder_run(&w);
    CHECK_INT(metrics_value(METRIC_ENCODER_RECORDS, 0, 0, 0) - before, 0);
    CHECK(w.todo_n == 0 && res.from_memo && res.label == 3 && res.confidence == 0.75);
    CHECK_INT(w.n, 99);
    flight_close(w.flights);
    memo_close(w.memo);
    engine_unref(eng);
}

/* What was parked for a template that the encoder leaves open is asked about over the network like any other. */
static void parked_records_reach_the_network(void) {
    struct engine *eng = open_encoder_engine(1.0);
    struct err e = {0};
    struct pipeline *p = pipeline_open(&(struct pipeline_opts){.workers = 4, .memo_entries = 4096}, eng, &e);
    struct fake_network f = {.p = p};
    struct network_stage stage = {.hand_over = fake_ask, .self = &f};
    struct request *r[REQUESTS];
    pthread_t t;
    queue_init(&f.queue, N, sizeof(struct pending));
    pthread_create(&t, NULL, fake_answer, &f);
    engine_set_network(eng, &stage, 1);
    for (unsigned k = 0; k < REQUESTS; k++) {
        r[k] = request_new();
        fill_with_shared_templates(r[k], 0, k);
        pipeline_submit_wait(p, &r[k]->batch);
    }
    for (unsigned k = 0; k < REQUESTS; k++) {
        wait_done(r[k]);
        for (uint32_t i = 0; i < SHARED_N; i++) {
            const struct result *x = &r[k]->res[i];
            CHECK(x->decided && (x->decider == DECIDER_LLM || x->err != ERR_OK)); /* each was asked about */
        }
    }
    queue_close(&f.queue);
    pthread_join(t, NULL);
    for (unsigned k = 0; k < REQUESTS; k++) request_free(r[k]);
    pipeline_close(p);
    queue_release(&f.queue);
    engine_unref(eng);
}

CHECK_MAIN(CHECK_TEST(what_landed_meanwhile_is_not_encoded), CHECK_TEST(parked_records_reach_the_network),
           CHECK_TEST(a_template_in_flight_is_encoded_once), CHECK_TEST(idle_workers_let_go_of_a_replaced_engine),
           CHECK_TEST(every_record_gets_one_result), CHECK_TEST(the_network_answers_what_is_left),
           CHECK_TEST(a_network_answer_is_remembered), CHECK_TEST(a_shut_network_is_not_asked_about_what_was_left_open),
           CHECK_TEST(an_engine_is_swapped_under_load), CHECK_TEST(a_pinned_batch_keeps_its_engine),
           CHECK_TEST(what_waits_falls_back_when_cancelled), CHECK_TEST(who_would_wait_too_long_is_refused),
           CHECK_TEST(workers_have_a_range))
