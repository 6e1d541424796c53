#include "lib/logclass.h"

#include "base/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const SETTINGS[] = {
    "rules=data/rules.conf",         "head=data/head.json", "adapter=data/adapter.safetensors",
    "model=models/all-MiniLM-L6-v2", "workers=2",           NULL};

static struct logclass_line logclass_line_of(const char *message) {
    return (struct logclass_line){.message = message, .message_bytes = strlen(message)};
}

static struct logclass *open_by(const char *const *settings) {
    struct logclass_options o = {.size = sizeof o, .settings = settings};
    struct logclass_error e;
    struct logclass *c = logclass_open(&o, &e);
    if (!c) fprintf(stderr, "%s\n", e.text);
    CHECK(c != NULL);
    return c;
}

static struct logclass *g_shared; /* opening reads 91 MB */

static const struct {
    const char *message, *label;
    enum logclass_decider decider;
} KNOWN[] = {
    {"User admin123 logged in.", "USER_ACTION", LOGCLASS_REGEX},
    {"Failed password for root from 203.0.113.7 port 22 ssh2", "AUTH_ERROR", LOGCLASS_BERT},
    {"deadlock detected while updating table orders", "DB_ERROR", LOGCLASS_BERT},
    {"at org.zork.Quux.frobnicate(Quux.java:12)", "UNCLASSIFIED", LOGCLASS_FALLBACK},
    {"", "UNCLASSIFIED", LOGCLASS_FALLBACK},
};
enum { KNOWN_N = sizeof KNOWN / sizeof KNOWN[0] };

static void check_known(struct logclass *c, const struct logclass_answer *a, unsigned i) {
    CHECK_STR(logclass_label_id(c, a->label), KNOWN[i].label);
    CHECK_INT(a->decider, KNOWN[i].decider);
    CHECK_INT(a->reason != 0, KNOWN[i].decider == LOGCLASS_FALLBACK);
    CHECK_INT(a->reserved, 0);
}

static void a_batch_is_answered_in_order_whatever_its_size(void) {
    enum { MANY = 70000 };
    struct logclass_line *line = calloc(MANY, sizeof *line);
    struct logclass_answer *answer = calloc(MANY, sizeof *answer);
    struct logclass_error e;
    for (unsigned i = 0; i < MANY; i++) line[i] = logclass_line_of(KNOWN[i % KNOWN_N].message);
    const size_t SIZES[] = {1, KNOWN_N, 16, 17, 300, MANY};
    for (size_t s = 0; s < sizeof SIZES / sizeof SIZES[0]; s++) {
        memset(answer, 0xff, MANY * sizeof *answer);
        CHECK_INT(logclass_classify(g_shared, line, SIZES[s], answer, &e), LOGCLASS_OK);
        for (unsigned i = 0; i < SIZES[s]; i++) check_known(g_shared, &answer[i], i % KNOWN_N);
        CHECK(SIZES[s] == MANY || answer[SIZES[s]].reserved == UINT32_MAX); /* nothing behind them */
    }
    CHECK_INT(logclass_classify(g_shared, NULL, 0, NULL, &e), LOGCLASS_OK);
    free(line);
    free(answer);
}

static void a_line_may_be_absent_or_too_long(void) {
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG);
    memset(text, 'x', LONG);
    memcpy(text + 65536, "User a logged in", 16); /* behind what counts */
    struct logclass_line line[] = {{0}, {.message = text, .message_bytes = LONG}, {0}};
    struct logclass_answer answer[3];
    line[2] = logclass_line_of("User a logged in");
    CHECK_INT(logclass_classify(g_shared, line, 3, answer, NULL), LOGCLASS_OK);
    CHECK_INT(answer[0].decider, LOGCLASS_FALLBACK);
    CHECK_INT(answer[1].decider, LOGCLASS_FALLBACK);
    CHECK_INT(answer[2].decider, LOGCLASS_REGEX);
    free(text);
}

static void what_is_asked_wrongly_is_refused(void) {
    struct logclass_error e;
    struct logclass_line line = logclass_line_of("x");
    CHECK_INT(logclass_classify(NULL, &line, 1, NULL, &e), LOGCLASS_USAGE);
    CHECK_INT(logclass_classify(g_shared, &line, 1, NULL, &e), LOGCLASS_USAGE);
    CHECK(strlen(e.text) > 0 && e.status == LOGCLASS_USAGE);
    CHECK(!logclass_explain(g_shared, NULL, &e) && e.status == LOGCLASS_USAGE);
    CHECK(!logclass_explain(NULL, &line, NULL));
    CHECK(!logclass_label_id(g_shared, logclass_labels(g_shared)));
    CHECK(!logclass_decider_name(LOGCLASS_FALLBACK + 1));
    CHECK(!logclass_reason_name(1000));
    logclass_close(NULL);
    logclass_free(NULL);
}

static void options_that_can_not_be_used_are_named(void) {
    static const char *const BAD[][2] = {{"workers", "NAME=VALUE"},
                                         {"workers=0", "workers"},
                                         {"worker=2", "workers"},
                                         {"port=80", "port"},
                                         {"rules=/nowhere/r.conf", "/nowhere/r.conf"},
                                         {"bert=http://127.0.0.1:1/", "offline"}};
    struct logclass_error e;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        const char *const settings[] = {"bert=off", "rules=none", BAD[i][0], NULL};
        struct logclass_options o = {.size = sizeof o, .settings = settings};
        CHECK(!logclass_open(&o, &e));
        if (!strstr(e.text, BAD[i][1])) fprintf(stderr, "%s: %s\n", BAD[i][0], e.text);
        CHECK(strstr(e.text, BAD[i][1]) != NULL && (e.status == LOGCLASS_USAGE || e.status == LOGCLASS_FILES));
    }
    struct logclass_options o = {.size = sizeof o, .data_dir = "/nowhere"};
    CHECK(!logclass_open(&o, &e) && e.status == LOGCLASS_FILES && strstr(e.text, "/nowhere"));
    o.size = sizeof(size_t);
    CHECK(!logclass_open(&o, &e) && e.status == LOGCLASS_USAGE);
}

static void options_of_a_newer_header_are_refused_unless_they_are_zero(void) {
    struct {
        struct logclass_options o;
        long more;
    } newer = {.o = {.size = sizeof newer, .settings = SETTINGS}, .more = 1};
    struct logclass_error e;
    CHECK(!logclass_open(&newer.o, &e) && e.status == LOGCLASS_USAGE);
    newer.more = 0;
    struct logclass *c = logclass_open(&newer.o, &e);
    CHECK(c != NULL);
    logclass_close(c);
}

static void an_explanation_tells_rule_or_labels(void) {
    struct logclass_line line = logclass_line_of(KNOWN[0].message);
    char *text = logclass_explain(g_shared, &line, NULL);
    CHECK(text && strstr(text, "{\"label_id\":\"USER_ACTION\",") == text && strstr(text, "\"explain\":{\"rule\":"));
    logclass_free(text);
    line = logclass_line_of(KNOWN[1].message);
    text = logclass_explain(g_shared, &line, NULL);
    CHECK(text && strstr(text, "\"nearest\":{\"AUTH_ERROR\":") && text[strlen(text) - 1] == '}');
    logclass_free(text);
}

static void names_are_those_of_the_api(void) {
    CHECK_STR(logclass_decider_name(LOGCLASS_REGEX), "regex");
    CHECK_STR(logclass_reason_name(0), "");
    CHECK_INT(logclass_labels(g_shared), 9);
    CHECK(strstr(logclass_about(g_shared), "data/head.json") && strstr(logclass_about(g_shared), "no LLM"));
    for (unsigned i = 0; i < logclass_labels(g_shared); i++)
        CHECK(strlen(logclass_label_name(g_shared, i)) > 0 && strlen(logclass_label_about(g_shared, i)) > 0);
}

/* Each thread has lines of its own besides those that all have. */
static void *run_thread(void *arg) {
    enum { LINES = 40, ROUNDS = CHECK_SANITIZED ? 5 : 50 };
    struct logclass_line line[LINES];
    struct logclass_answer first[LINES], again[LINES];
    static const unsigned SIZES[] = {LINES, 1, 7};
    char text[LINES][64];
    for (unsigned i = 0; i < LINES; i++) {
        snprintf(text[i], sizeof text[i], i % 2 ? "disk %c%u is full" : "word%c x%u", *(char *)arg, i % 4);
        line[i] = logclass_line_of(i < KNOWN_N ? KNOWN[i].message : text[i]);
    }
    CHECK_INT(logclass_classify(g_shared, line, LINES, first, NULL), LOGCLASS_OK);
    for (unsigned r = 0; r < ROUNDS; r++) {
        unsigned n = SIZES[r % 3];
        CHECK_INT(logclass_classify(g_shared, line, n, again, NULL), LOGCLASS_OK);
        CHECK(memcmp(first, again, n * sizeof *first) == 0);
        if (r % 10 == 0) logclass_free(logclass_explain(g_shared, &line[r % LINES], NULL));
    }
    for (unsigned i = 0; i < KNOWN_N; i++) check_known(g_shared, &first[i], i);
    return NULL;
}

/* A second classifier, with other labels, comes and goes meanwhile. */
static void threads_share_a_classifier_while_others_come_and_go(void) {
    enum { THREADS = 4 };
    static char name[] = "abcd";
    static const char *const OTHER[] = {"rules=none", "bert=off", "workers=1", NULL};
    pthread_t t[THREADS];
    struct logclass_line line = logclass_line_of(KNOWN[0].message);
    struct logclass_answer answer;
    for (unsigned i = 0; i < THREADS; i++) CHECK(pthread_create(&t[i], NULL, run_thread, &name[i]) == 0);
    for (unsigned i = 0; i < 4; i++) {
        struct logclass *c = open_by(OTHER);
        CHECK_INT(logclass_classify(c, &line, 1, &answer, NULL), LOGCLASS_OK);
        CHECK_STR(logclass_label_id(c, answer.label), "UNCLASSIFIED");
        logclass_close(c);
    }
    for (unsigned i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
}

static void a_child_is_told_and_does_not_hang(void) {
    struct logclass_line line = logclass_line_of("x");
    struct logclass_answer answer;
    pid_t child = fork();
    if (child == 0) {
        bool told = logclass_classify(g_shared, &line, 1, &answer, NULL) == LOGCLASS_FORKED;
        logclass_close(g_shared);
        _exit(told ? 0 : 1);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_INT(logclass_classify(g_shared, &line, 1, &answer, NULL), LOGCLASS_OK);
}

/* How the process dealt with signals before anything was open (sanitizers have handlers of their own). */
static void (*g_handler[32])(int);

static void (*handler_of(int s))(int) {
    struct sigaction now = {0};
    if (s == SIGKILL || s == SIGSTOP) return SIG_DFL;
    CHECK(sigaction(s, NULL, &now) == 0);
    return now.sa_handler;
}

static void opens(void) {
    for (int s = 1; s < 32; s++) g_handler[s] = handler_of(s);
    g_shared = open_by(SETTINGS);
}

static void signals_are_left_alone(void) {
    sigset_t mask;
    for (int s = 1; s < 32; s++) CHECK(handler_of(s) == g_handler[s]);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    CHECK(!sigismember(&mask, SIGINT) && !sigismember(&mask, SIGPIPE));
}

static void closes(void) {
    logclass_close(g_shared);
}

CHECK_MAIN(CHECK_TEST(opens), CHECK_TEST(a_batch_is_answered_in_order_whatever_its_size),
           CHECK_TEST(a_line_may_be_absent_or_too_long), CHECK_TEST(what_is_asked_wrongly_is_refused),
           CHECK_TEST(options_that_can_not_be_used_are_named),
           CHECK_TEST(options_of_a_newer_header_are_refused_unless_they_are_zero),
           CHECK_TEST(an_explanation_tells_rule_or_labels), CHECK_TEST(names_are_those_of_the_api),
           CHECK_TEST(threads_share_a_classifier_while_others_come_and_go),
           CHECK_TEST(a_child_is_told_and_does_not_hang), CHECK_TEST(signals_are_left_alone), CHECK_TEST(closes))
