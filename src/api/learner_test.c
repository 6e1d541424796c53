#include "api/learner.h"

#include "base/check.h"
#include "base/file.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char g_script[64];

/* A program that does as `learn` does. It is called with "learn", our words, then those of args. */
static void write_script(const char *body) {
    char text[2000];
    struct err e;
    snprintf(g_script, sizeof g_script, "/tmp/logclass_learner_XXXXXX");
    int fd = mkstemp(g_script);
    CHECK(fd >= 0);
    close(fd);
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", body);
    CHECK(file_write(g_script, span_of(text), &e));
    CHECK(chmod(g_script, 0700) == 0);
}

static struct learner *learner_open_script(const char *body) {
    static const char *const ARGS[] = {"--threads", "1", NULL};
    write_script(body);
    return learner_open(&(struct learner_opts){g_script, ARGS});
}

static bool says(struct learner *l, const char *part) {
    struct buf out;
    buf_init(&out, 1 << 20);
    learner_json(l, &out);
    buf_putc(&out, '\0');
    bool found = strstr(out.p, part) != NULL;
    buf_release(&out);
    return found;
}

static void wait_until(struct learner *l, const char *part) {
    for (int i = 0; i < 2000 && !says(l, part); i++) nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    if (says(l, part)) return;
    struct buf out;
    buf_init(&out, 1 << 20);
    learner_json(l, &out);
    CHECK_SPAN(buf_span(&out), part); /* shows what it says instead */
    buf_release(&out);
}

static void learner_shut(struct learner *l) {
    learner_close(l);
    unlink(g_script);
}

static void a_child_learns_and_is_heard(void) {
    struct err e = {0};
    struct learner *l =
        learner_open_script("[ \"$*\" = 'learn --json --candidate --progress-fd 3 --threads 1' ] || exit 9\n"
                            "echo '{\"doing\":\"embedding\",\"done\":5,\"total\":10}' >&3\n"
                            "read line; [ -z \"$line\" ] || exit 8\n"
                            "while [ ! -e $0.go ]; do sleep 0.01; done; rm $0.go\n"
                            "echo '{\"better\":true}'");
    CHECK(says(l, "{\"state\":\"idle\",\"by\":null"));
    CHECK(!learner_stop(l, &e));
    unsigned before = learner_seq(l);
    CHECK(learner_start(l, "alice", &e));
    wait_until(l, "\"doing\":\"embedding\",\"done\":5,\"total\":10");
    CHECK(says(l, "\"state\":\"running\",\"by\":\"alice\""));
    CHECK(learner_seq(l) > before);
    CHECK(!learner_start(l, "bob", &e) && e.code == ERR_BUSY);
    CHECK(strstr(e.msg, "for alice") != NULL);
    char go[80];
    snprintf(go, sizeof go, "%s.go", g_script);
    CHECK(file_write(go, SPAN_LIT(""), &e));
    wait_until(l, "\"state\":\"done\"");
    CHECK(says(l, "\"result\":{\"better\":true},\"error\":null"));
    CHECK(learner_start(l, "bob", &e)); /* another one, and the end of all in the middle of it */
    learner_shut(l);
}

static void what_fails_and_what_is_stopped_is_said(void) {
    struct err e = {0};
    struct learner *l = learner_open_script("echo 'logclass: no \"corpus\"' >&2; exit 1");
    CHECK(learner_start(l, "a", &e));
    wait_until(l, "\"state\":\"failed\"");
    CHECK(says(l, "\"result\":null,\"error\":\"logclass: no \\\"corpus\\\"\""));
    learner_shut(l);
    l = learner_open_script("echo '{\"doing\":\"fitting\",\"done\":1,\"total\":2}' >&3; sleep 1000");
    CHECK(learner_start(l, "a", &e));
    wait_until(l, "fitting");
    CHECK(learner_stop(l, &e));
    wait_until(l, "\"state\":\"stopped\""); /* sleep, a grandchild that holds the pipes, has gone too */
    learner_shut(l);
    l = learner_open(&(struct learner_opts){"/dev/null/logclass", (const char *const[]){NULL}});
    CHECK(!learner_start(l, "a", &e) && e.code == ERR_IO);
    CHECK(says(l, "\"state\":\"idle\""));
    learner_close(l);
}

static void much_text_and_broken_progress_do_no_harm(void) {
    struct err e = {0};
    struct learner *l = learner_open_script(
        "i=0; while [ $i -lt 3000 ]; do echo noise noise >&2; echo '{\"doing' >&3; i=$((i+1)); done\n"
        "printf '%01000d' 0 >&3; echo '{\"x\":1}'");
    CHECK(learner_start(l, "a", &e));
    wait_until(l, "\"state\":\"done\"");
    CHECK(says(l, "\"result\":{\"x\":1}"));
    learner_shut(l);
}

static void there_is_a_count(void) {
    struct err e = {0};
    struct buf out;
    buf_init(&out, 1 << 16);
    struct learner *l =
        learner_open_script("[ \"$*\" = 'learn --json --count --threads 1' ] && echo '{\"answers\":3}'");
    CHECK(learner_count(l, &out, &e));
    CHECK_SPAN(buf_span(&out), "{\"answers\":3}");
    learner_shut(l);
    buf_release(&out);
}

CHECK_MAIN(CHECK_TEST(a_child_learns_and_is_heard), CHECK_TEST(what_fails_and_what_is_stopped_is_said),
           CHECK_TEST(much_text_and_broken_progress_do_no_harm), CHECK_TEST(there_is_a_count))
