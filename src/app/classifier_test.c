#include "app/classifier.h"

#include "base/check.h"

#include <semaphore.h>

/* No rules, and an encoder that is a service nobody asks: what opens in no time and touches no network. With one more
 * option, unless name is NULL. */
static void load_options(struct conf *conf, const char *name, const char *value) {
    static const struct {
        const char *name, *value;
    } QUICK[] = {{"rules", "none"}, {"bert", "http://127.0.0.1:1/classify"}, {"llm-url", "off"}, {"llm-store", "none"}};
    char program[] = "test", *argv[] = {program, NULL};
    struct err e = {0};
    int operands;
    *conf = (struct conf){0};
    bool ok = conf_load(conf, CONF_ALL, 1, argv, &operands, &e);
    for (size_t i = 0; ok && i < sizeof QUICK / sizeof QUICK[0]; i++)
        ok = conf_set(conf, QUICK[i].name, QUICK[i].value, "the test", &e);
    ok = ok && (!name || conf_set(conf, name, value, "the test", &e));
    if (!ok) fprintf(stderr, "%s\n", e.msg);
    CHECK(ok);
}

static bool is_zero(const struct classifier *c) {
    return !c->engine && !c->network && !c->dry_run && !c->pipeline && c->retired_n == 0;
}

/* One part after the other can't be opened; those before it are closed again (what is forgotten, ASan finds). */
static void a_broken_part_closes_all_that_was_open(void) {
    static const struct {
        const char *option, *value;
        enum classifier_use use;
        const char *names;
    } ROW[] = {
        {"rules", "/nowhere/rules.conf", CLASSIFIER_FILES, "/nowhere/rules.conf"},
        {"labels", "/nowhere/labels.json", CLASSIFIER_FILES, "/nowhere/labels.json"},
        {"bert", "gopher://127.0.0.1/", CLASSIFIER_REQUESTS, "gopher"},
        {"offline", "yes", CLASSIFIER_REQUESTS, "offline"},
        {"bert", "http://127.0.0.1:1/", CLASSIFIER_DRY_RUN, "127.0.0.1"},
    };
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        struct conf conf;
        struct classifier c;
        struct err e = {0};
        load_options(&conf, ROW[i].option, ROW[i].value);
        CHECK(!classifier_open(&c, &conf, ROW[i].use, &e));
        CHECK(e.code != ERR_OK && strstr(e.msg, ROW[i].names) != NULL);
        CHECK(is_zero(&c));
        classifier_close(&c); /* does no harm */
        conf_release(&conf);
    }
}

static void a_pipeline_that_can_not_be_opened_is_an_error(void) {
    struct conf conf;
    struct classifier c;
    struct err e = {0};
    load_options(&conf, NULL, NULL);
    conf.workers = 0;
    CHECK(!classifier_open(&c, &conf, CLASSIFIER_FILES, &e));
    CHECK(strstr(e.msg, "workers") != NULL && is_zero(&c));
    conf_release(&conf);
}

static void classifier_on_done(struct batch *b) {
    sem_post(b->user);
}

/* What the classifier says about a line that nothing knows, and the labels it says it with. */
static bool decides(struct classifier *c) {
    sem_t done;
    struct record rec = {.message = SPAN_LIT("nobody is asked about this line")};
    struct result res = {0};
    struct batch b = {.rec = &rec, .res = &res, .n = 1, .done = classifier_on_done, .user = &done};
    sem_init(&done, 0, 0);
    pipeline_submit_wait(c->pipeline, &b);
    sem_wait(&done);
    sem_destroy(&done);
    return res.decided && res.decider == DECIDER_FALLBACK && res.label == c->engine->labels.unclassified;
}

static bool refuse(void *ctx, const struct label_set *labels, struct err *e) {
    ++*(unsigned *)ctx;
    return err_set(e, ERR_USAGE, "%u labels are not to the caller's taste", labels->n);
}

static bool accept(void *ctx, const struct label_set *labels, struct err *e) {
    (void)e;
    ++*(unsigned *)ctx;
    return labels->n > 0;
}

static void a_reload_is_all_or_nothing(void) {
    struct conf conf, broken, other;
    struct classifier c;
    struct err e = {0};
    unsigned taken = 0;
    load_options(&conf, NULL, NULL);
    load_options(&broken, "rules", "/nowhere/rules.conf");
    load_options(&other, "bert-timeout", "1234");
    CHECK(classifier_open(&c, &conf, CLASSIFIER_REQUESTS, &e));
    struct engine *engine = c.engine;
    struct network *network = c.network;
    CHECK(engine && network);
    CHECK(!classifier_reload(&c, &broken, accept, &taken, &e)); /* before the caller's part */
    CHECK_INT(taken, 0);
    CHECK(!classifier_reload(&c, &other, refuse, &taken, &e)); /* with another network, by the caller's part */
    CHECK_INT(taken, 1);
    CHECK(!classifier_reload(&c, &conf, refuse, &taken, &e)); /* with the same network, which must survive it */
    CHECK(c.engine == engine && c.network == network && c.retired_n == 0);
    CHECK(classifier_reload(&c, &conf, accept, &taken, &e));
    CHECK(c.engine != engine && c.network == network);
    CHECK(classifier_reload(&c, &other, NULL, NULL, &e));
    CHECK(c.network && c.network != network);
    CHECK(decides(&c));
    classifier_close(&c);
    CHECK(is_zero(&c));
    conf_release(&conf), conf_release(&broken), conf_release(&other);
}

static void what_a_batch_needs_stays_until_it_is_done(void) {
    struct conf conf, other;
    struct classifier c;
    struct err e = {0};
    struct batch held = {0};
    load_options(&conf, NULL, NULL);
    load_options(&other, "bert-timeout", "1234");
    CHECK(classifier_open_empty(&c, &conf, CLASSIFIER_REQUESTS, &e));
    CHECK(!pipeline_pin(c.pipeline, &held, &e) && e.code == ERR_BUSY); /* not loaded yet */
    CHECK(classifier_reload(&c, &conf, NULL, NULL, &e));
    CHECK(pipeline_pin(c.pipeline, &held, &e));
    struct engine *engine = c.engine;
    for (int i = 0; i < 3; i++) CHECK(classifier_reload(&c, i % 2 ? &conf : &other, NULL, NULL, &e));
    CHECK(classifier_sweep(&c) && c.retired_n == 1); /* those that no batch held are gone */
    CHECK(held.engine == engine && held.engine->labels.n == c.engine->labels.n);
    pipeline_unpin(&held);
    CHECK(!classifier_sweep(&c) && c.retired_n == 0);
    classifier_close(&c);
    conf_release(&conf), conf_release(&other);
}

static void a_dry_run_asks_nobody(void) {
    struct conf conf;
    struct classifier c;
    struct err e = {0};
    load_options(&conf, "bert", "off");
    CHECK(classifier_open(&c, &conf, CLASSIFIER_DRY_RUN, &e));
    CHECK(c.dry_run && !c.network);
    CHECK(decides(&c));
    classifier_stop(&c);
    CHECK(!c.pipeline && c.engine);
    classifier_close(&c);
    conf_release(&conf);
}

CHECK_MAIN(CHECK_TEST(a_broken_part_closes_all_that_was_open),
           CHECK_TEST(a_pipeline_that_can_not_be_opened_is_an_error), CHECK_TEST(a_reload_is_all_or_nothing),
           CHECK_TEST(what_a_batch_needs_stays_until_it_is_done), CHECK_TEST(a_dry_run_asks_nobody))
